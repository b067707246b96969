/**
 * Runs the tests: `npm test [-- SUITE…] [--faults]`, with the suites `unit`, `integration`, `faults`, `charts`, `contract` and `e2e`, all of
 * them without a name. Starts the local stack for those that need it, and leaves it as it was found. `--faults` lists the faults that
 * Berth survives with the results of the tests that show it.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { globSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { buildBerthImage } from '../deploy/local/berth-image.ts';
import { browser } from '../deploy/local/browser.ts';
import { placesIn } from '../deploy/local/places.ts';
import { promtool } from '../deploy/local/prometheus.ts';
import { serviceImages } from '../deploy/local/service-images.ts';
import { down, type LocalStack, up } from '../deploy/local/stack.ts';
import { faultReport, type NamedResult } from './fault-lines.ts';

interface Suite {
  readonly needsStack: boolean;
  readonly files: readonly string[];
  /** How many files run at once. */
  readonly concurrency: number;
  /** Makes what takes minutes where there is nothing yet: its tests find it made, for no time-out of theirs allows for that. */
  readonly prepare?: (stack: LocalStack) => Promise<void>;
}

const longOnes = ['test/domain/**/linear-time.test.ts'];

const suites: Readonly<Record<string, Suite>> = {
  unit: {
    needsStack: false,
    files: globSync(
      'test/{*.test.ts,{cli,domain,render,reconcile,doctor,local,bench,adapters/!(git|github)}/**/*.test.ts}',
      {
        exclude: longOnes,
      },
    ),
    concurrency: 2,
  },
  // What speaks through sockets and to git.
  integration: {
    needsStack: false,
    files: globSync('test/{server,gateway,setup,simulator,adapters/{git,github}}/**/*.test.ts'),
    concurrency: 2,
  },
  // What takes long in memory: random schedules, and texts of many megabytes.
  faults: { needsStack: false, files: globSync(['test/faults/**/*.test.ts', ...longOnes]), concurrency: 2 },
  // What Helm makes of the charts, without a cluster; the stack brings Helm along.
  charts: { needsStack: true, files: globSync('test/charts/**/*.test.ts'), concurrency: 2 },
  contract: {
    needsStack: true,
    files: globSync('test/{contract,monitoring}/**/*.test.ts'),
    concurrency: 3,
    async prepare(stack) {
      await promtool(placesIn(process.env));
      await browser();
      await buildBerthImage(stack);
    },
  },
  e2e: {
    needsStack: true,
    files: globSync('test/e2e/**/*.test.ts'),
    concurrency: 3,
    async prepare(stack) {
      await promtool(placesIn(process.env));
      await buildBerthImage(stack);
      await serviceImages(stack);
    },
  },
};

const reporter = fileURLToPath(new URL('result-reporter.ts', import.meta.url));

const { values: flags, positionals: asked } = parseArgs({
  allowPositionals: true,
  options: { faults: { type: 'boolean', default: false } },
});
const unknown = asked.filter((name) => !(name in suites));
if (unknown.length > 0) {
  console.error(`no such suite: ${unknown.join(', ')}; there are ${Object.keys(suites).join(', ')}`);
  process.exit(2);
}

const chosen = Object.entries(suites).filter(([name]) => asked.length === 0 || asked.includes(name));
const failed: string[] = [];
const results: NamedResult[] = [];
let startedStack = false;
const directory = await mkdtemp(join(tmpdir(), 'berth-tests-'));
try {
  for (const [name, suite] of chosen) {
    if (suite.needsStack) {
      const stack = await up();
      startedStack ||= !stack.alreadyUp;
      await suite.prepare?.(stack);
    }
    console.log(`\n── ${name}: ${suite.files.length} files ──`);
    const resultsFile = join(directory, `${name}.jsonl`);
    if (!(await runs(suite, resultsFile))) failed.push(name);
    if (flags.faults) results.push(...(await readResults(resultsFile)));
  }
} finally {
  if (startedStack) await down();
  await rm(directory, { recursive: true, force: true });
}
if (flags.faults) console.log(`\n${faultReport(results)}`);
if (failed.length > 0) {
  console.error(`failed: ${failed.join(', ')}`);
  process.exitCode = 1;
}

/** Whether every test of the suite passed. */
async function runs({ files, concurrency }: Suite, resultsFile: string): Promise<boolean> {
  if (files.length === 0) return false;
  const reporters = [
    '--test-reporter=spec',
    '--test-reporter-destination=stdout',
    `--test-reporter=${reporter}`,
    `--test-reporter-destination=${resultsFile}`,
  ];
  const args = ['--test', '--test-timeout=600000', ...reporters, `--test-concurrency=${concurrency}`, ...files];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit'] });
  const [code] = (await once(child, 'exit')) as [number | null];
  return code === 0;
}

async function readResults(file: string): Promise<readonly NamedResult[]> {
  const lines = (await readFile(file, 'utf8')).split('\n').filter(Boolean);
  return lines.map((line) => JSON.parse(line) as NamedResult);
}
