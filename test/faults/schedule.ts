/** One random schedule: people and faults, then quiet, then the question whether everything is as it should be. */
import assert from 'node:assert/strict';
import { sweep } from '../../src/reconcile/sweep.ts';
import { interposed } from './interposed.ts';
import { assertInvariants } from './invariants.ts';
import { nameOf, type People, peopleIn } from './people.ts';
import { type Random, randomOf } from './random.ts';
import { calm, weathered, weatherOf } from './weather.ts';
import type { Worker } from './workers.ts';
import { type FaultWorld, faultWorld, settings } from './world.ts';

/** Longer than anything that was begun before takes: builds elsewhere, slow pods, outages, finalizers, webhooks. */
const longestTroubleMs = 200_000;
const { signal } = new AbortController();

/** How the schedule of this seed ends: with `failure`, or well. `trace` has what happened, each line with its time. */
export interface Outcome {
  readonly trace: readonly string[];
  readonly failure: Error | undefined;
}

/** Runs the schedule of one seed; the same seed gives the same schedule. */
export async function runSchedule(seed: number): Promise<Outcome> {
  const trace: string[] = [];
  const world = faultWorld();
  const startedAt = world.clock.now();
  const tell = (event: string) => {
    trace.push(`${String(world.clock.now() - startedAt).padStart(7)} ms  ${event}`);
  };
  const random = randomOf(seed);
  const people = peopleIn(world, random);
  try {
    await disturb(world, people, random, tell);
    tell('quiet');
    await comeToRest(world, people);
    return { trace, failure: undefined };
  } catch (error) {
    return { trace, failure: error instanceof Error ? error : new Error(String(error)) };
  }
}

/** The outcome of the first of these seeds that fails. */
export async function firstFailure(
  first: number,
  last: number,
): Promise<(Outcome & { readonly seed: number }) | undefined> {
  for (let seed = first; seed <= last; seed += 1) {
    const outcome = await runSchedule(seed);
    if (outcome.failure) return { seed, ...outcome };
  }
  return undefined;
}

async function disturb(
  world: FaultWorld,
  people: People,
  random: Random,
  tell: (event: string) => void,
): Promise<void> {
  let weather = weatherOf(random);
  let isOver = false;
  const outside = weathered(world, random, () => (isOver ? calm : weather), tell);
  const ports = interposed(world.ports, outside);
  let worker = await world.startWorker(outside);
  const sweeping: Promise<unknown>[] = [];
  const replace = async (end: (old: Worker) => void) => {
    end(worker);
    worker = await world.startWorker(outside);
  };
  const steps = 10 + random.below(40);
  for (let step = 0; step < steps; step += 1) {
    switch (
      random.weighted({
        people: 10,
        time: 6,
        sweep: 1,
        crash: 1,
        restart: 0.5,
        outlive: 1,
        suspend: 0.7,
        empty: 0.5,
        remove: 0.5,
        release: 0.5,
        image: 0.5,
        outage: 0.3,
        hold: 0.5,
        weather: 1,
      })
    ) {
      case 'people':
        tell(people.act());
        break;
      case 'time':
        await world.clock.advance(random.below(random.pick([100, 3_000, 40_000])));
        break;
      case 'sweep':
        tell('a sweep begins');
        sweeping.push(sweep(ports, signal).catch((error: unknown) => tell(`the sweep ends: ${String(error)}`)));
        break;
      case 'crash':
        tell('the worker is killed, another one starts');
        await replace((old) => old.kill());
        break;
      case 'restart':
        tell('the worker is told to stop, another one starts');
        await replace((old) => void old.stop());
        break;
      case 'outlive':
        tell('the worker loses its locks and goes on');
        world.queue.loseLocks();
        break;
      case 'suspend': {
        const forMs = random.below(120_000);
        tell(`the worker stands still for ${forMs} ms, and another one starts`);
        await replace((old) => {
          old.suspend();
          world.clock.after(forMs, () => old.resume());
        });
        world.queue.loseLocks();
        break;
      }
      case 'empty':
        tell('Redis comes back empty');
        world.emptyRedis();
        break;
      case 'release':
        tell(changeRelease(world, random));
        break;
      case 'image':
        tell(loseImage(world, random));
        break;
      case 'outage':
        tell('nothing can be built for a while');
        world.code.outage(random.below(200_000), world.clock);
        break;
      case 'remove':
        tell(removeSomething(world, random));
        break;
      case 'hold':
        tell(holdSomething(world, random));
        break;
      case 'weather':
        weather = weatherOf(random);
        break;
    }
    await world.turns(random.below(random.pick([2, 10, 60])));
  }
  isOver = true;
  for (const { name } of world.cluster.world.namespaces.values()) world.cluster.world.letGo(name);
  const sweeps = new Set(sweeping);
  for (const each of sweeps) void each.then(() => sweeps.delete(each));
  while (sweeps.size > 0) await world.clock.advance(1_000);
}

/** Somebody removes a namespace by hand. */
function removeSomething({ cluster }: FaultWorld, random: Random): string {
  const namespaces = [...cluster.world.namespaces.values()].filter(({ terminating }) => !terminating);
  if (namespaces.length === 0) return 'nobody finds a namespace to remove';
  const namespace = random.pick(namespaces);
  cluster.world.terminate(namespace);
  return `somebody removes the namespace ${namespace.name}`;
}

/** Somebody changes or uninstalls a release by hand. */
function changeRelease({ cluster, pods }: FaultWorld, random: Random): string {
  const released = [...cluster.world.namespaces.values()].filter(
    ({ terminating, helm }) => !terminating && helm.at(-1)?.status === 'deployed',
  );
  if (released.length === 0) return 'nobody finds a release to change';
  const namespace = random.pick(released);
  const isChanged = random.chance(0.5);
  if (isChanged) pods.changeByHand(namespace);
  else pods.removeByHand(namespace);
  return `somebody ${isChanged ? 'upgrades' : 'uninstalls'} the release in ${namespace.name}`;
}

function loseImage({ code }: FaultWorld, random: Random): string {
  const refs = [...code.images.keys()].filter((ref) => ref.startsWith('registry.test/'));
  if (refs.length === 0) return 'the registry has nothing to lose';
  const ref = random.pick(refs);
  code.loseImage(ref);
  return `the registry loses ${ref}`;
}

function holdSomething({ cluster, clock }: FaultWorld, random: Random): string {
  const namespaces = [...cluster.world.namespaces.values()];
  if (namespaces.length === 0) return 'there is no namespace to hold';
  const { name } = random.pick(namespaces);
  cluster.hold(name, 'finalizer `example.com/hold`');
  const forMs = random.below(120_000);
  clock.after(forMs, () => cluster.world.letGo(name));
  return `a finalizer holds the namespace ${name} for ${forMs} ms`;
}

/** Faults are over: what was lost is found by the sweeps. Afterwards another look at everything changes nothing. */
async function comeToRest(world: FaultWorld, { keys }: People): Promise<void> {
  await world.clock.advance(longestTroubleMs);
  for (let nth = 0; nth < 2; nth += 1) {
    await world.drain();
    await sweep(world.ports, signal);
  }
  await world.drain();
  // What was changed by hand is seen when what was settled is not believed any more.
  await world.clock.advance(settings.limits.resyncIntervalMs);
  await sweep(world.ports, signal);
  await world.drain();
  await assertInvariants(world, keys);
  const before = traces(world);
  for (const key of keys) await world.queue.trigger(key);
  await world.drain();
  assert.deepEqual(traces(world), before, `another look at ${keys.map(nameOf).join(', ')} changes nothing`);
}

function traces({ forge, cluster, releaser }: FaultWorld) {
  return structuredClone({
    writes: forge.writes,
    namespaces: [...cluster.world.namespaces.values()],
    upgrades: releaser.upgrades.length,
  });
}
