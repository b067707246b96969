import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Chart } from '../../domain/plan.ts';
import type { HelmOptions } from './options.ts';
import { keysOfSchema } from './schema-problems.ts';

/** Every key that the built-in chart's values can have; none for other charts, whose schemas are strangers' and of any size. */
export async function builtInKeys(
  { builtInChartPath }: Pick<HelmOptions, 'builtInChartPath'>,
  { kind }: Chart,
): Promise<ReadonlySet<string>> {
  if (kind !== 'built-in') return new Set();
  return keysOfSchema(await readFile(join(builtInChartPath, 'values.schema.json'), 'utf8'));
}
