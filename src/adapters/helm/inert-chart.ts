/** A chart that renders to given objects and to nothing else: what the gate has seen is what Helm applies. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DiagnosedError } from '../../domain/errors.ts';
import type { Json, JsonObject } from '../../domain/json.ts';
import { readKubernetesYaml } from './kubernetes-yaml.ts';

/** Helm reads no larger file. */
const mostBytes = 5 * 1024 * 1024;

/** Makes the chart in a new folder, under the name and version of the chart in `original`. */
export async function writeInertChart(folder: string, original: string, objects: readonly JsonObject[]): Promise<void> {
  const template = objects.map((object) => `---\n${inertJson(object)}\n`).join('');
  if (Buffer.byteLength(template) > mostBytes) {
    const message = `The chart's objects are larger than ${mostBytes / 1024 / 1024} MiB, which is more than Helm can install.`;
    throw new DiagnosedError({ reason: 'ChartInvalid', message });
  }
  await mkdir(join(folder, 'templates'), { recursive: true, mode: 0o700 });
  await writeFile(join(folder, 'Chart.yaml'), inertJson(await identityOf(original)), { mode: 0o600 });
  await writeFile(join(folder, 'templates', 'objects.yaml'), template, { mode: 0o600 });
}

/**
 * JSON that Helm's template engine hands on as it is, and that JSON and YAML readers agree about.
 * - `{{` begins an action; it occurs in strings only, since a brace of JSON's own is followed by a quote, a line or its match.
 * - The engine removes `<no value>` from what it renders, wherever it comes from: `privileged<no value>` would become
 *   another key than the one that was looked at.
 * - YAML breaks lines at characters that JSON does not mind, and forbids others. Characters beyond the first plane stay as they
 *   are: YAML has no pairs of escapes for them.
 */
export function inertJson(value: Json): string {
  return JSON.stringify(value, undefined, 2)
    .replaceAll('{{', '{\\u007b')
    .replaceAll('<', '\\u003c')
    .replaceAll(/[\u007F-\uD7FF\uE000-\uFFFF]/g, (character) => {
      return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
    });
}

/** Helm has read the original before: what does not look like a name or a version is not worth keeping. */
async function identityOf(original: string): Promise<JsonObject> {
  const result = readKubernetesYaml(await readFile(join(original, 'Chart.yaml'), 'utf8'));
  const [chart] = 'values' in result ? result.values : [];
  const text = (key: string, pattern: RegExp): string | undefined => {
    const value = chart !== null && typeof chart === 'object' ? (chart as JsonObject)[key] : undefined;
    return typeof value === 'string' && pattern.test(value) ? value : undefined;
  };
  const appVersion = text('appVersion', /^[\w.+-]{1,100}$/);
  return {
    apiVersion: 'v2',
    name: text('name', /^[\w.-]{1,100}$/) ?? 'preview',
    version: text('version', /^\d+\.\d+\.\d+([-+][\w.+-]{1,100})?$/) ?? '0.0.0',
    ...(appVersion === undefined ? {} : { appVersion }),
  };
}
