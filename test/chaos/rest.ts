/** Waits until everything has come to rest, and looks whether it stays there. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Queue } from 'bullmq';
import { type Problem, problemsOf } from './invariants.ts';
import { processesOf } from './leftovers.ts';
import { imagesBelow } from './registry.ts';
import type { World } from './world.ts';

/** From the end of the last fault on. */
const patienceMs = 180_000;
/** GitHub's simulator tells when something changes there; nobody tells of pages, processes and queues. */
const lookEveryMs = 1_000;

/** Nothing is wrong, and nothing is being done. @throws RestError when that does not come in time. */
export async function comeToRest(world: World, signal: AbortSignal): Promise<void> {
  await restWithin(world, patienceMs, signal);
  const before = await writtenIn(world);
  for (const { repositoryId, number } of world.pulls) {
    world.github.comment(repositoryId, number, 'mona', 'Nice.');
  }
  await world.github.deliveries.settled();
  world.tell('everything is looked at again');
  await restWithin(world, patienceMs, signal);
  const after = await writtenIn(world);
  const written = after.filter((line) => !before.includes(line));
  const problems = [
    ...written.map((line) => problem(`another look wrote: ${line}`)),
    ...(await problemsForGood(world)),
  ];
  if (problems.length > 0) throw new RestError(problems);
}

export class RestError extends Error {
  override readonly name = 'RestError';
  readonly problems: readonly Problem[];
  constructor(problems: readonly Problem[]) {
    super(problems.map(({ text }) => text).join('\n'));
    this.problems = problems;
  }
}

async function restWithin(world: World, timeoutMs: number, signal: AbortSignal): Promise<void> {
  const until = Date.now() + timeoutMs;
  let told = '';
  for (;;) {
    let problems = await problemsOf(world);
    if (problems.length === 0) problems = await problemsOfWork(world);
    if (problems.length === 0) return;
    const waitingFor = problems.map(({ text }) => text.slice(0, 120)).join('; ');
    if (waitingFor !== told) world.tell(`not at rest: ${waitingFor}`);
    told = waitingFor;
    if (Date.now() > until) throw new RestError(problems);
    await nextLook(world, signal);
  }
}

/** As soon as something happens on GitHub, and every now and then. */
async function nextLook({ github }: World, signal: AbortSignal): Promise<void> {
  const { promise: changed, resolve } = Promise.withResolvers<void>();
  const unsubscribe = github.world.onChange(resolve);
  const timer = new AbortController();
  await Promise.race([changed, delay(lookEveryMs, undefined, { signal: AbortSignal.any([signal, timer.signal]) })]);
  timer.abort();
  unsubscribe();
  // Changes come in bursts, and each look has its price.
  await delay(lookEveryMs / 3, undefined, { signal });
}

/** What is still being done. */
async function problemsOfWork(world: World): Promise<readonly Problem[]> {
  const { A, B } = world.berths;
  const down = [A, B].filter(({ isUp }) => !isUp).map(({ name }) => problem(`${name} does not run`));
  const running = processesOf(world.directory, [A.pid, B.pid]);
  return [
    ...down,
    ...running.map(({ pid, command }) => problem(`still running: ${pid} ${command}`)),
    ...(await problemsOfQueues(world)),
    ...(await problemsOfDisk(world)),
  ];
}

/** Temporary files of what is not being done any more. */
async function problemsOfDisk({ directory }: World): Promise<readonly Problem[]> {
  const problems = [];
  for (const name of ['A', 'B']) {
    // A process that has not begun yet has none.
    const left = await readdir(join(directory, name, 'tmp')).catch(() => []);
    problems.push(...left.map((entry) => problem(`${name} has left ${entry} on disk`)));
  }
  return problems;
}

async function problemsOfQueues({ redis, instance }: World): Promise<readonly Problem[]> {
  const problems = [];
  for (const name of ['previews', 'builds']) {
    const queue = new Queue(name, {
      connection: { url: redis.url, maxRetriesPerRequest: 1, enableOfflineQueue: false, lazyConnect: false },
      prefix: `{${instance}}`,
      skipVersionCheck: true,
    });
    queue.on('error', () => undefined);
    try {
      await queue.waitUntilReady();
      for (const state of ['active', 'waiting', 'prioritized', 'delayed'] as const) {
        const jobs = await queue.getJobs([state]);
        const about = jobs.map((job) => `${job?.name} ${JSON.stringify(job?.data)}`);
        problems.push(...about.map((each) => problem(`the queue ${name} has a job ${state}: ${each}`)));
      }
    } finally {
      await queue.close();
    }
  }
  return problems;
}

/** Every write there was, and every namespace as it is. */
async function writtenIn({ github, namespaces }: World): Promise<readonly string[]> {
  const writes = github.requests
    .filter(({ method, route }) => method !== 'GET' && route !== 'git' && !/access_tokens$|\/attempts$/.test(route))
    .map(({ at, method, path, body }) => `${at.getTime()} ${method} ${path} ${JSON.stringify(body)}`);
  const versions = (await namespaces()).map(
    ({ metadata }) =>
      `${metadata.name} ${metadata.uid} at version ${metadata.resourceVersion}: ${JSON.stringify(metadata.annotations)}`,
  );
  return [...writes, ...versions];
}

/** What no waiting makes right again. */
async function problemsForGood(world: World): Promise<readonly Problem[]> {
  const { github, berths } = world;
  const problems = [...berths.A.crashes, ...berths.B.crashes];
  for (const { kind, about, message } of github.violations) problems.push(`violation: ${kind} ${about}: ${message}`);
  // Also what was approved is fetched from where it is meant for: a fork may be gone.
  const foreign = github.requests.filter(({ path }) => path.startsWith('/stranger/'));
  problems.push(...foreign.map(({ method, path }) => `a fork's repository was asked for: ${method} ${path}`));
  for (const { repository, tag, revision } of await imagesBelow(world.stack.registry, world.instance)) {
    if (revision === undefined || !world.apps.has(revision)) problems.push(`${repository}:${tag} is of ${revision}`);
    else if (isUnapproved(world, revision))
      problems.push(`${repository}:${tag} was built from ${revision}: nobody approved it`);
  }
  const fetched = github.fetched.filter((revision) => isUnapproved(world, revision));
  problems.push(...fetched.map((revision) => `${revision} was fetched: nobody approved it`));
  return [...problems, ...(await unapprovedOnDisk(world))].map(problem);
}

/** Whether a stranger has pushed it and nobody with the right has approved it. */
function isUnapproved({ pulls }: World, revision: string): boolean {
  const own = pulls.filter(({ revisions }) => revisions.includes(revision));
  return own.length > 0 && own.every(({ isFork, approved }) => isFork && !approved.has(revision));
}

/** A fork's commits that are in a mirror on disk and that nobody approved. */
async function unapprovedOnDisk({ directory, pulls, stack }: World): Promise<readonly string[]> {
  const found: string[] = [];
  for (const { repositoryId, revisions, approved } of pulls.filter(({ isFork }) => isFork)) {
    for (const name of ['A', 'B']) {
      const mirror = join(directory, name, 'git', 'mirrors', `${repositoryId}.git`);
      if (!existsSync(mirror)) continue;
      for (const revision of revisions.filter((each) => !approved.has(each))) {
        const has = await promisify(execFile)(stack.tools.git, [
          `--git-dir=${mirror}`,
          'cat-file',
          '-e',
          revision,
        ]).then(
          () => true,
          () => false,
        );
        if (has) found.push(`${name} has fetched ${revision} of a fork`);
      }
    }
  }
  return found;
}

function problem(text: string): Problem {
  return { pull: undefined, text };
}
