/**
 * Measures Berth against the same steps done by hand, its webhook server against Probot, its sweep of a thousand pull
 * requests, and the start of its image, on the local stack.
 *
 *   npm run bench -- [--rounds 5] [--only cases|webhook|sweep|start] [--json FILE] [--log FILE]
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { progressTo } from '../deploy/local/progress.ts';
import { down, type LocalStack, up } from '../deploy/local/stack.ts';
import { startSimulator } from '../test/simulator/simulator.ts';
import { startBerthSide } from './berth-side.ts';
import { byHandSide } from './by-hand.ts';
import { type CaseResult, runCases } from './cases.ts';
import { residentMib } from './process-figures.ts';
import { measureStarts, type StartResult } from './start.ts';
import { median } from './statistics.ts';
import { measureSweeps, type SweepResult } from './sweeps.ts';
import { casesTable, startsTable, sweepsTable, webhooksTable } from './table.ts';
import { measureWebhooks, type WebhookResults } from './webhooks.ts';

interface CasesReport {
  readonly cases: readonly CaseResult[];
  /** From sending a webhook to the first comment or deployment on GitHub, in the first case. */
  readonly firstStatusMs: readonly number[];
  /** Of the whole Berth, after all cases. */
  readonly memoryMib: number;
}

/** Each takes a minute. */
const mostPasses = 3;

const { say } = progressTo((text) => void process.stderr.write(text));
const stopping = new AbortController();
process.once('SIGINT', () => stopping.abort(new Error('interrupted')));

async function main(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      rounds: { type: 'string', default: '5' },
      only: { type: 'string' },
      json: { type: 'string' },
      log: { type: 'string' },
    },
  });
  const rounds = Number(values.rounds);
  if (!Number.isInteger(rounds) || rounds < 1) throw new Error('--rounds: a whole number from 1 on');
  const { only } = values;
  if (only !== undefined && !['cases', 'webhook', 'sweep', 'start'].includes(only)) {
    throw new Error('--only: cases, webhook, sweep or start');
  }
  const measures = (part: string) => only === undefined || only === part;
  const stack = await up();
  const directory = await mkdtemp(join(tmpdir(), 'berth-bench-'));
  try {
    const webhook = measures('webhook') ? await webhooks(stack, directory, rounds) : undefined;
    const sweep = measures('sweep') ? await measureSweeps(stack, directory, rounds) : undefined;
    const starts = measures('start') ? await measureStarts(stack, rounds, say) : undefined;
    const report = measures('cases') ? await cases(stack, directory, rounds, values.log) : undefined;
    print(rounds, report, webhook, sweep, starts);
    if (values.json !== undefined) {
      const machine = { cores: cpus().length, cluster: stack.cluster, node: process.version };
      await writeFile(
        values.json,
        `${JSON.stringify({ machine, rounds, ...report, webhook, sweep, starts }, undefined, 2)}\n`,
      );
    }
  } finally {
    await rm(directory, { recursive: true, force: true });
    if (!stack.alreadyUp) await down();
  }
}

function webhooks(stack: LocalStack, directory: string, rounds: number): Promise<WebhookResults> {
  return measureWebhooks(stack, join(directory, 'webhooks'), Math.min(rounds, mostPasses), say, stopping.signal);
}

async function cases(
  stack: LocalStack,
  directory: string,
  rounds: number,
  logFile: string | undefined,
): Promise<CasesReport> {
  const { signal } = stopping;
  // What GitHub itself costs is not the subject: the simulator does not check what it is sent here.
  await using github = await startSimulator({ validate: false });
  await using berth = await startBerthSide(stack, github, join(directory, 'berth'), signal);
  await using byHand = byHandSide({ stack, github, directory: join(directory, 'by-hand'), signal });
  const results = await runCases({ berth, byHand }, rounds, say, signal);
  const memoryMib = residentMib(berth.process.pid);
  if (logFile !== undefined) {
    await writeFile(logFile, berth.process.log.map((line) => `${JSON.stringify(line)}\n`).join(''));
  }
  // The first is the warm-up's.
  return { cases: results, firstStatusMs: berth.firstStatusMs.slice(1), memoryMib };
}

function print(
  rounds: number,
  report: CasesReport | undefined,
  webhook: WebhookResults | undefined,
  sweep: SweepResult | undefined,
  starts: readonly StartResult[] | undefined,
): void {
  const lines: string[] = [''];
  if (report) {
    lines.push(
      `Median (range) of ${rounds} rounds, on ${cpus().length} cores:`,
      '',
      casesTable(report.cases),
      '',
      `webhook → first visible status on GitHub: ${median(report.firstStatusMs).toFixed(0)} ms`,
      `memory of Berth, all roles: ${report.memoryMib.toFixed(0)} MiB`,
      '',
    );
  }
  if (webhook)
    lines.push(
      'Webhooks at a fixed rate of 500 a second, median of the passes (max: the worst):',
      '',
      webhooksTable(webhook),
      '',
    );
  if (sweep) {
    lines.push(
      `A sweep of ${sweep.open} open pull requests in ${sweep.repositories} repositories, nothing changed (the worst of ${rounds}):`,
      '',
      sweepsTable(sweep),
      '',
    );
  }
  if (starts) {
    lines.push(
      `From the start of a container to its answers, median (range) of ${rounds}:`,
      '',
      startsTable(starts),
      '',
    );
  }
  process.stdout.write(`${lines.join('\n')}\n`);
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exitCode = 1;
}
