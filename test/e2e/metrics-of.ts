/** What a running Berth shows to those who operate it. */
import assert from 'node:assert/strict';
import type { Scrape } from '../monitoring/scrapes.ts';
import type { BerthProcess } from './berth-process.ts';

/** Everything, as Prometheus would get it; it must come well within the 10 s for which Prometheus waits. */
export async function scrape({ log }: BerthProcess): Promise<Scrape> {
  const port = log.find(({ msg }) => msg === 'listening for operators')?.['port'];
  const response = await fetch(`http://127.0.0.1:${String(port)}/metrics`, { signal: AbortSignal.timeout(5_000) });
  assert.equal(response.status, 200);
  return { at: Date.now(), text: await response.text() };
}

/** One figure, by the name and labels that Prometheus shows; `undefined` when it is not there. */
export function figureIn({ text }: Scrape, name: string): number | undefined {
  const line = text.split('\n').find((each) => each.startsWith(`${name} `));
  return line === undefined ? undefined : Number(line.slice(name.length + 1));
}
