import assert from 'node:assert/strict';
import { describe } from 'node:test';
import type { PreviewKey } from '../../src/domain/preview.ts';
import type { Ports } from '../../src/reconcile/ports.ts';
import { app, type Fakes, itInWorld, type TestWorld } from './world.ts';

/** A worker that dies in the middle: no call to the outside is answered any more. */
interface Mortality {
  /** How many calls are still answered. */
  callsLeft: number;
  /** Whether the call that is not answered has its effect all the same. */
  lastHasEffect: boolean;
}

type Call = (...args: readonly unknown[]) => unknown;

/** The ports as a mortal worker has them. */
function mortal(mortality: Mortality): (fakes: Fakes) => Partial<Ports> {
  const portOf = <Port extends object>(port: Port): Port =>
    new Proxy(port, {
      get(target, property) {
        const member: unknown = Reflect.get(target, property);
        if (typeof member !== 'function' || property === 'watchWorkloads') return member;
        return async (...args: readonly unknown[]) => {
          mortality.callsLeft -= 1;
          if (mortality.callsLeft >= 0) return (member as Call)(...args);
          if (mortality.callsLeft === -1 && mortality.lastHasEffect) await (member as Call)(...args);
          throw new Error('killed');
        };
      },
    });
  return ({ forge, source, cluster, releaser }) => ({
    forge: portOf(forge),
    source: portOf(source),
    cluster: portOf(cluster),
    releaser: portOf(releaser),
  });
}

interface Story {
  readonly name: string;
  /** What happened before, with a worker that lives. */
  before(world: TestWorld, key: PreviewKey): Promise<void>;
  act(world: TestWorld, key: PreviewKey): void;
  check(world: TestWorld, key: PreviewKey): void;
}

function assertServing(world: TestWorld, key: PreviewKey): void {
  const newest = world.source.asked.at(-1);
  assert.equal(world.namespace(key)?.revision, newest);
  assert.equal(world.namespace(key)?.helm.at(-1)?.status, 'deployed');
  const running = world.forge.deployments(key).filter(({ state }) => state !== 'inactive');
  assert.deepEqual(
    running.map(({ revision, state }) => [revision, state]),
    [[newest, 'success']],
  );
  assert.match(world.forge.comment(key) ?? '', /Open the preview/);
}

const stories: readonly Story[] = [
  {
    name: 'the first pass',
    before: () => Promise.resolve(),
    act: () => undefined,
    check: assertServing,
  },
  {
    name: 'a push',
    before: (world, key) => world.run(key),
    act: (world, key) => void world.push(key, { ...app, 'app.txt': `second of ${key.number}` }),
    check: assertServing,
  },
  {
    name: 'a removal',
    before: (world, key) => world.run(key),
    act: (world, key) => world.close(key),
    check(world, key) {
      assert.equal(world.namespace(key), undefined);
      assert.equal(
        world.forge.deployments(key).every(({ state }) => state === 'inactive'),
        true,
      );
    },
  },
];

/** More calls than any of these stories makes. */
const enough = 60;

describe('a worker that is killed', () => {
  for (const { name, before, act, check } of stories) {
    for (const lastHasEffect of [false, true]) {
      const mortality: Mortality = { callsLeft: Infinity, lastHasEffect };
      const when = lastHasEffect ? 'after' : 'before';
      itInWorld(
        `F1 right ${when} any call of ${name} changes nothing of where it ends`,
        async (world) => {
          for (let calls = 0; calls <= enough; calls += 1) {
            const { key } = world.openPullRequest({ ...app, 'app.txt': String(calls) });
            await before(world, key);
            act(world, key);
            mortality.callsLeft = calls;
            await world.run(key);
            const wasKilled = mortality.callsLeft < 0;
            mortality.callsLeft = Infinity;
            // The queue hands the work to the next worker.
            await world.clock.advance(60_000);
            await world.run(key);
            world.failures();
            check(world, key);
            if (!wasKilled) return;
          }
          assert.fail(`${enough} calls are not enough`);
        },
        { replace: mortal(mortality) },
      );
    }
  }
});
