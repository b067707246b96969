/** How soon Berth's image serves, beside a Node in the same image that does nothing but answer. */
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { buildBerthImage } from '../deploy/local/berth-image.ts';
import { freePort } from '../deploy/local/free-port.ts';
import { run } from '../deploy/local/run.ts';
import type { LocalStack } from '../deploy/local/stack.ts';
import { type BerthContainer, confined, containerPlace } from '../test/berth-container.ts';
import { uniqueWord } from '../test/e2e/berth-environment.ts';
import { processorMs } from './process-figures.ts';
import { removeKeys } from './redis-keys.ts';

export interface StartResult {
  readonly what: string;
  /** From the start of the container's first process to the first answer of `/healthz`. */
  readonly healthyMs: readonly number[];
  /** To that of `/readyz`: what is started serves. */
  readonly readyMs: readonly number[];
  /** Processor time of all processes of the container until then. */
  readonly processorMs: readonly number[];
}

const roles = ['server', 'worker', 'gateway', 'sweep'];
const askEveryMs = 5;
const patienceMs = 60_000;

/** Of a Node alone, which comes first, of all roles together, and of each. */
export async function measureStarts(
  stack: LocalStack,
  rounds: number,
  say: (line: string) => void,
): Promise<readonly StartResult[]> {
  const { reference } = await buildBerthImage(stack);
  const word = uniqueWord('bench-start');
  await using place = await containerPlace(stack, reference, stack.redisUrl, word);
  const starts: readonly { readonly what: string; start(): Promise<BerthContainer> }[] = [
    { what: 'Node alone', start: () => nodeAlone(stack, reference, word) },
    { what: 'Berth, all roles', start: () => place.start(roles) },
    ...roles.map((role) => ({ what: role, start: () => place.start([role]) })),
  ];
  const results = starts.map(({ what }) => ({
    what,
    healthyMs: [] as number[],
    readyMs: [] as number[],
    processorMs: [] as number[],
  }));
  try {
    // The round before the first brings files into memory.
    for (let round = 0; round <= rounds; round += 1) {
      for (const [index, { what, start }] of starts.entries()) {
        await using container = await start();
        const took = await watch(stack, container);
        const times = `healthy after ${took.healthyMs.toFixed(0)} ms, ready after ${took.readyMs.toFixed(0)} ms`;
        say(`${round === 0 ? 'warm-up' : `round ${round}`}: ${what}: ${times}`);
        if (round === 0) continue;
        for (const figure of ['healthyMs', 'readyMs', 'processorMs'] as const)
          results[index]?.[figure].push(took[figure]);
      }
    }
  } finally {
    await removeKeys(stack.redisUrl, `{${word}}`);
  }
  return results;
}

/** The least that a container with Node and a server takes. */
async function nodeAlone(stack: LocalStack, reference: string, word: string): Promise<BerthContainer> {
  const docker = dockerOf(stack);
  const port = await freePort();
  const name = `${word}-node`;
  const server = `http.createServer((_, response) => response.end()).listen(${port}, '127.0.0.1')`;
  const options = ['--detach', '--network=host', `--name=${name}`, ...confined, '--entrypoint=tini'];
  await docker('run', ...options, reference, '--', 'node', '--eval', server);
  return {
    name,
    operations: `127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      await docker('rm', '--force', name);
    },
  };
}

/** Asks until it is ready, and looks when its first process began. */
async function watch(stack: LocalStack, { name, operations }: BerthContainer) {
  const healthyAtMs = await firstOk(`http://${operations}/healthz`);
  const readyAtMs = await firstOk(`http://${operations}/readyz`);
  const state = await dockerOf(stack)('inspect', '--format={{.State.Pid}} {{.State.StartedAt}}', name);
  const [pid, startedAt] = state.trim().split(' ');
  const startedAtMs = Date.parse(startedAt ?? '');
  return {
    healthyMs: healthyAtMs - startedAtMs,
    readyMs: readyAtMs - startedAtMs,
    processorMs: familyOf(Number(pid)).reduce((sum, each) => sum + processorMs(each), 0),
  };
}

async function firstOk(url: string): Promise<number> {
  const end = Date.now() + patienceMs;
  while (Date.now() < end) {
    const isOk = await fetch(url).then(
      async (response) => (await response.text(), response.ok),
      () => false,
    );
    if (isOk) return Date.now();
    await delay(askEveryMs);
  }
  throw new Error(`${url} said nothing good for ${patienceMs / 1_000} s`);
}

/** A process and all that it has started. Source: man 5 proc_tid_children. */
function familyOf(pid: number): readonly number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  return [pid, ...(children === '' ? [] : children.split(' ').flatMap((child) => familyOf(Number(child))))];
}

function dockerOf({ tools, dockerHost }: LocalStack) {
  const env = { DOCKER_HOST: dockerHost };
  return (...args: readonly string[]) => run([tools.docker, ...args], { env, timeoutMs: patienceMs });
}
