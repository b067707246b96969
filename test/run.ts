/**
 * Runs the tests: `node test/run.ts [unit] [contract] [e2e]`, all of them without arguments. Starts the local stack for
 * those that need it, and leaves it as it was found.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { globSync } from 'node:fs';
import { down, up } from '../deploy/local/stack.ts';

interface Suite {
  readonly needsStack: boolean;
  readonly files: readonly string[];
  /** How many files run at once; e2e files each start a whole Berth. */
  readonly concurrency: number;
}

const suites: Readonly<Record<string, Suite>> = {
  unit: {
    needsStack: false,
    files: globSync('test/{*.test.ts,{domain,reconcile,server,gateway,adapters,simulator,local}/**/*.test.ts}'),
    concurrency: 2,
  },
  contract: { needsStack: true, files: globSync('test/contract/**/*.test.ts'), concurrency: 2 },
  e2e: { needsStack: true, files: globSync('test/e2e/**/*.test.ts'), concurrency: 2 },
};

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !(name in suites));
if (unknown.length > 0) {
  console.error(`no such suite: ${unknown.join(', ')}; there are ${Object.keys(suites).join(', ')}`);
  process.exit(2);
}

const chosen = Object.entries(suites).filter(([name]) => asked.length === 0 || asked.includes(name));
const failed: string[] = [];
let startedStack = false;
try {
  for (const [name, suite] of chosen) {
    if (suite.needsStack && !startedStack) startedStack = !(await up()).alreadyUp;
    console.log(`\n── ${name}: ${suite.files.length} files ──`);
    if (!(await runs(suite))) failed.push(name);
  }
} finally {
  if (startedStack) await down();
}
if (failed.length > 0) {
  console.error(`failed: ${failed.join(', ')}`);
  process.exitCode = 1;
}

/** Whether every test of the suite passed. */
async function runs({ files, concurrency }: Suite): Promise<boolean> {
  if (files.length === 0) return false;
  const args = ['--test', '--test-reporter=spec', `--test-concurrency=${concurrency}`, ...files];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'inherit', 'inherit'] });
  const [code] = (await once(child, 'exit')) as [number | null];
  return code === 0;
}
