/** One seed from its first event to the question whether everything is as it should be. */
import { setTimeout as delay } from 'node:timers/promises';
import { keyId } from '../../src/domain/preview.ts';
import type { LogLine } from '../e2e/berth-process.ts';
import type { Event, PeopleEvent } from './events.ts';
import { wordsFor } from './events.ts';
import type { Problem } from './invariants.ts';
import { processesOf } from './leftovers.ts';
import { actAsPeople } from './people.ts';
import { comeToRest, RestError } from './rest.ts';
import { scheduleOf, type Schedule } from './schedule.ts';
import { troublesIn } from './trouble.ts';
import { type TraceLine, type World, worldFor } from './world.ts';

export interface SeedResult {
  readonly seed: number;
  readonly durationMs: number;
  /** From the end of the last fault until everything was right. */
  readonly restMs: number | undefined;
  /** `undefined` when all is well. */
  readonly failure: string | undefined;
  /** All that helps to find a cause, of what was wrong or took long. */
  readonly story: string;
}

/** Runs one seed in a world of its own, of which nothing is left afterwards. */
export async function runSeed(seed: number, signal: AbortSignal): Promise<SeedResult> {
  return runSchedule(scheduleOf(seed), signal);
}

async function runSchedule(schedule: Schedule, signal: AbortSignal): Promise<SeedResult> {
  const { seed } = schedule;
  const startedAt = Date.now();
  let restMs: number | undefined;
  let story = '';
  const done = (failure?: string): SeedResult => ({
    seed,
    durationMs: Date.now() - startedAt,
    restMs,
    failure,
    story,
  });
  try {
    await using world = await worldFor(schedule);
    try {
      await disturb(world, schedule, signal);
      world.tell('quiet');
      const quietAt = Date.now();
      mentionUninstalled(world);
      await comeToRest(world, signal);
      restMs = Date.now() - quietAt;
      await stop(world);
      story = storyOf(world, schedule, []);
    } catch (error) {
      signal.throwIfAborted();
      const problems = error instanceof RestError ? error.problems : [];
      story = storyOf(world, schedule, problems);
      return done(error instanceof RestError ? error.message : String(error instanceof Error ? error.stack : error));
    }
    return done();
  } catch (error) {
    // The world could not be made or not be cleaned up; the simulator has its violations told then.
    signal.throwIfAborted();
    return done(error instanceof Error ? (error.stack ?? error.message) : String(error));
  }
}

/** What becomes of a release behind our back is noticed when something next happens on the pull request, or within an hour. */
function mentionUninstalled({ github, pulls }: World): void {
  for (const { repositoryId, number, isUninstalled } of pulls) {
    if (isUninstalled) github.comment(repositoryId, number, 'mona', 'It does not answer any more.');
  }
}

const peoplesWords: ReadonlySet<string> = new Set<PeopleEvent['do']>([
  'open',
  'push',
  'go back',
  'label',
  'unlabel',
  'close',
  'reopen',
  'merge',
  'delete comment',
  'retitle',
  'waver',
  'approve',
  'rename',
]);

/** How long an event waits for somebody to see it. */
const patienceMs = 20_000;

async function disturb(world: World, { moments }: Schedule, signal: AbortSignal): Promise<void> {
  const { berths } = world;
  const troubles = troublesIn(world);
  berths.A.start();
  berths.B.start();
  await Promise.all([berths.A.listens(signal), berths.B.listens(signal)]);
  try {
    for (const { afterMs, isPatient, event } of moments) {
      if (isPatient) await someoneListens(world, signal);
      await delay(afterMs, undefined, { signal });
      if (isPeoples(event)) {
        const outcome = actAsPeople(world, event);
        world.tell(outcome === undefined ? wordsFor(event) : `${wordsFor(event)}: ${outcome}`);
      } else {
        world.tell(wordsFor(event));
        troubles.begin(event);
      }
    }
  } finally {
    await troubles.end();
  }
}

async function someoneListens({ berths }: World, signal: AbortSignal): Promise<void> {
  const enough = new AbortController();
  const limit = AbortSignal.any([signal, enough.signal, AbortSignal.timeout(patienceMs)]);
  await Promise.race([berths.A.listens(limit), berths.B.listens(limit)]).catch(() => signal.throwIfAborted());
  enough.abort();
}

function isPeoples(event: Event): event is PeopleEvent {
  return peoplesWords.has(event.do);
}

/** Told to stop, both end by themselves and leave nothing running. */
async function stop({ berths, directory }: World): Promise<void> {
  const problems: Problem[] = [];
  for (const berth of [berths.A, berths.B]) {
    const code = await berth.terminate();
    if (code !== 0) problems.push({ pull: undefined, text: `${berth.name} ended with ${code} when told to stop` });
  }
  for (const { pid, command } of processesOf(directory, [])) {
    problems.push({ pull: undefined, text: `outlives both Berths: ${pid} ${command}` });
  }
  if (problems.length > 0) throw new RestError(problems);
}

const logLines = 60;

/** A line of the log without what every line has, and without stacks. */
function inShort(line: LogLine): string {
  const known = new Set(['time', 'service', 'role', 'revision', 'err']);
  const fields = Object.entries(line).filter(([name]) => !known.has(name));
  const { err } = line as { readonly err?: { readonly message?: string } };
  return JSON.stringify({ ...Object.fromEntries(fields), ...(err && { err: err.message }) }).slice(0, 600);
}

/** The events and our writes on GitHub in the order of their times, and what both Berths have said about the previews concerned. */
function storyOf(world: World, { seed, roles }: Schedule, problems: readonly Problem[]): string {
  const startedAt = world.trace[0]?.at ?? 0;
  const at = (ms: number) => `${String(ms - startedAt).padStart(7)} ms`;
  const line = ({ at: ms, event }: TraceLine) => `${at(ms)}  ${event}`;
  const writes = world.github.requests
    .filter(({ method, route }) => method !== 'GET' && route !== 'git' && !route.endsWith('/access_tokens'))
    .map(({ at: time, method, path, body, status }) => ({
      at: time.getTime(),
      event: `    ${method} ${path} ${JSON.stringify(body)?.slice(0, 260) ?? ''} → ${status}`,
    }));
  const trace = [...world.trace, ...writes].sort((a, b) => a.at - b.at).map(line);
  const previews = new Set(problems.flatMap(({ pull }) => (pull ? [keyId(pull)] : [])));
  const logs = [world.berths.A, world.berths.B].map(({ name, log }) => {
    const about = log.filter(
      ({ level, preview }) =>
        previews.has(String(preview)) || (level !== 'debug' && (preview === undefined || previews.size === 0)),
    );
    const lines = about.slice(-logLines).map((each) => `${at(Date.parse(String(each['time'])))}  ${inShort(each)}`);
    return [`── the last words of ${name} (${roles[name]}) ──`, ...lines];
  });
  return [`── what happened in seed ${seed} ──`, ...trace, ...logs.flat()].join('\n');
}
