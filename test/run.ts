/**
 * Runs the tests: `npm test [-- SUITE…] [--faults]`, with the suites `unit`, `integration`, `faults`, `charts`, `contract` and `e2e`, all of
 * them without a name. Starts the local stack for those that need it, and leaves it as it was found. `--faults` lists the faults that
 * Berth survives with the results of the tests that show it.
 */
import { globSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { buildBerthImage } from '../deploy/local/berth-image.ts';
import { browser } from '../deploy/local/browser.ts';
import { placesIn } from '../deploy/local/places.ts';
import { progressTo } from '../deploy/local/progress.ts';
import { promtool } from '../deploy/local/prometheus.ts';
import { serviceImages } from '../deploy/local/service-images.ts';
import { down, type LocalStack, up } from '../deploy/local/stack.ts';
import { faultReport, type NamedResult } from './fault-lines.ts';
import { runFiles, withFirst } from './run-files.ts';

interface Suite {
  readonly needsStack: boolean;
  readonly files: readonly string[];
  /** How many files run at once. */
  readonly concurrency: number;
  /** Makes what takes minutes where there is nothing yet: its tests find it made, for no time-out of theirs allows for that. */
  readonly prepare?: (stack: LocalStack) => Promise<void>;
}

const longOnes = ['test/domain/**/linear-time.test.ts'];

/** What takes much longer than the others of its suite, the longest first: begun last, it would leave a core idle. */
const longest = {
  unit: ['/start-up.test.ts', '/cli/setup.test.ts', '/doctor/github.test.ts', '/helm/chart.test.ts'],
  integration: ['/github/writes.test.ts', '/git-source.test.ts', '/github/lists.test.ts'],
  faults: ['/standstills.test.ts', '/schedules.test.ts', '/interruptions.test.ts'],
  contract: [
    '/image.test.ts',
    '/helm-faults.test.ts',
    '/builder.test.ts',
    '/cluster.test.ts',
    '/kubernetes-faults.test.ts',
  ],
  e2e: [
    '/installed.test.ts',
    '/fullstack.test.ts',
    '/recovery.test.ts',
    '/missed-events.test.ts',
    '/chaos.test.ts',
    '/rolling-restart.test.ts',
    '/lifecycle.test.ts',
    '/doctor.test.ts',
  ],
};

const suites: Readonly<Record<string, Suite>> = {
  unit: {
    needsStack: false,
    files: withFirst(
      globSync(
        'test/{*.test.ts,{cli,domain,render,reconcile,doctor,local,bench,adapters/!(git|github)}/**/*.test.ts}',
        {
          exclude: longOnes,
        },
      ),
      longest.unit,
    ),
    concurrency: 2,
  },
  // What speaks through sockets and to git.
  integration: {
    needsStack: false,
    files: withFirst(
      globSync('test/{server,gateway,setup,simulator,adapters/{git,github}}/**/*.test.ts'),
      longest.integration,
    ),
    concurrency: 2,
  },
  // What takes long in memory: random schedules, and texts of many megabytes.
  faults: {
    needsStack: false,
    files: withFirst(globSync(['test/faults/**/*.test.ts', ...longOnes]), longest.faults),
    concurrency: 2,
  },
  // What Helm makes of the charts, without a cluster; the stack brings Helm along.
  charts: { needsStack: true, files: globSync('test/charts/**/*.test.ts'), concurrency: 2 },
  contract: {
    needsStack: true,
    files: withFirst(globSync('test/{contract,monitoring}/**/*.test.ts'), longest.contract),
    concurrency: 3,
    async prepare(stack) {
      await promtool(placesIn(process.env));
      await browser();
      await buildBerthImage(stack);
    },
  },
  e2e: {
    needsStack: true,
    files: withFirst(globSync('test/e2e/**/*.test.ts'), longest.e2e),
    concurrency: 3,
    async prepare(stack) {
      await promtool(placesIn(process.env));
      await buildBerthImage(stack);
      await serviceImages(stack);
    },
  },
};

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
// Several hundred processes load the same modules: they need not compile them, nor take the types out, each by itself.
process.env['NODE_COMPILE_CACHE'] ??= join(placesIn(process.env).cache, 'node-compile-cache');
try {
  for (const [name, suite] of chosen) {
    if (suite.needsStack) {
      const stack = await up();
      startedStack ||= !stack.alreadyUp;
      await suite.prepare?.(stack);
    }
    console.log(`\n── ${name}: ${suite.files.length} files ──`);
    // Results are told in the order of the files, of which the first may take minutes.
    const progress = progressTo((text) => process.stdout.write(text));
    const outcome = await progress.step(`running ${name}`, () => runFiles(suite.files, suite.concurrency));
    if (!outcome.succeeded) failed.push(name);
    results.push(...outcome.results);
  }
} finally {
  if (startedStack) await down();
}
if (flags.faults) console.log(`\n${faultReport(results)}`);
if (failed.length > 0) {
  console.error(`failed: ${failed.join(', ')}`);
  process.exitCode = 1;
}
