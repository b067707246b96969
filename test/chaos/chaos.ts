/**
 * `npm run test:chaos -- <seed>` runs one random schedule of people and faults against two live Berths on the local stack;
 * `--seeds <count> [--from <seed>] [--parallel <count>]` runs many. The story of those that fail is told, with `--story` of all.
 */
import { parseArgs } from 'node:util';
import { up, down } from '../../deploy/local/stack.ts';
import { runSeed, type SeedResult } from './run-seed.ts';

const { values, positionals } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1' },
    from: { type: 'string', default: '1' },
    parallel: { type: 'string', default: '1' },
    story: { type: 'boolean', default: false },
  },
  allowPositionals: true,
});
const first = Number(positionals[0] ?? values.from);
const seeds = Array.from({ length: positionals.length > 0 ? 1 : Number(values.seeds) }, (_, nth) => first + nth);

const stopping = new AbortController();
process.once('SIGINT', () => stopping.abort(new Error('interrupted')));
process.once('SIGTERM', () => stopping.abort(new Error('terminated')));

const { alreadyUp } = await up();
const startedAt = Date.now();
const results: SeedResult[] = [];
const waiting = [...seeds];

async function work(): Promise<void> {
  for (let seed = waiting.shift(); seed !== undefined && !stopping.signal.aborted; seed = waiting.shift()) {
    const result = await runSeed(seed, stopping.signal);
    results.push(result);
    tell(result);
  }
}

function tell({ seed, durationMs, restMs, failure, story }: SeedResult): void {
  const rest = restMs === undefined ? '' : `, at rest ${seconds(restMs)} after the last fault`;
  const progress = `${results.length}/${seeds.length}`;
  if (failure !== undefined || values.story) console.log(story);
  if (failure !== undefined) {
    console.log(`── what is wrong ──\n${failure}\n── again with: npm run test:chaos -- ${seed} ──`);
  }
  console.log(
    `${progress}  seed ${seed} ${failure === undefined ? 'ends well' : 'FAILS'}: ${seconds(durationMs)}${rest}`,
  );
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}

try {
  // All of them, also when one is interrupted: the others are still cleaning up.
  const ended = await Promise.allSettled(Array.from({ length: Number(values.parallel) }, work));
  if (stopping.signal.aborted) console.log('stopped');
  else for (const each of ended) if (each.status === 'rejected') throw each.reason;
} finally {
  if (!alreadyUp) await down();
}
const failed = results.filter(({ failure }) => failure !== undefined).map(({ seed }) => seed);
console.log(
  `${results.length - failed.length} of ${seeds.length} seeds end well in ${seconds(Date.now() - startedAt)}` +
    (failed.length > 0 ? `; failing: ${failed.join(', ')}` : ''),
);
// A seed that failed may have left something open, which must not keep the process.
process.exit(failed.length > 0 || results.length < seeds.length ? 1 : 0);
