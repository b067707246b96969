/**
 * `node test/faults/replay.ts <seed>` tells the schedule of one seed; `--seeds <count> [--from <seed>]` runs many and
 * tells those that fail. With `--standstills`, calls to the outside outlast whole passes of others.
 */
import { parseArgs } from 'node:util';
import { runSchedule } from './schedule.ts';

const { values, positionals } = parseArgs({
  options: {
    seeds: { type: 'string' },
    from: { type: 'string', default: '1' },
  },
  allowPositionals: true,
});
if (values.seeds === undefined) await replay(Number(positionals[0] ?? values.from));
else await runMany(Number(values.from), Number(values.seeds));

async function replay(seed: number): Promise<void> {
  const { trace, failure } = await runSchedule(seed);
  for (const line of trace) console.log(line);
  console.log(failure ? `\nseed ${seed} fails: ${failure.message}` : `\nseed ${seed} ends well`);
  if (failure) process.exitCode = 1;
}

async function runMany(first: number, count: number): Promise<void> {
  const startedAt = performance.now();
  const failed: number[] = [];
  for (let seed = first; seed < first + count; seed += 1) {
    const { failure } = await runSchedule(seed);
    if (!failure) continue;
    failed.push(seed);
    console.log(`seed ${seed} fails: ${failure.message.split('\n')[0]}`);
  }
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  console.log(`${count - failed.length} of ${count} seeds from ${first} passed in ${seconds} s`);
  if (failed.length > 0) process.exitCode = 1;
}
