/** B3: what an event says is never believed, so no order of events matters. */
import assert from 'node:assert/strict';
import { describe } from 'node:test';
import { triggersOf } from '../../src/domain/triggers.ts';
import type { PreviewKey } from '../../src/domain/preview.ts';
import { app, itInWorld, type TestWorld } from './world.ts';

const updatedAt = '2026-01-01T00:00:00Z';

/** What GitHub sends about the pull request as it was at some moment; all of them in the same second. */
function event(key: PreviewKey, action: string, state: 'open' | 'closed', sha: string) {
  const pullRequest = { number: key.number, state, head: { sha }, updated_at: updatedAt };
  return { action, repository: { id: key.repositoryId }, pull_request: pullRequest };
}

async function deliver(world: TestWorld, payloads: readonly object[]): Promise<void> {
  for (const payload of payloads) {
    for (const key of triggersOf('pull_request', payload).keys) await world.queue.trigger(key);
  }
  await world.queue.idle();
}

function orders<T>(items: readonly T[]): readonly (readonly T[])[] {
  if (items.length < 2) return [items];
  return items.flatMap((first, at) => orders(items.toSpliced(at, 1)).map((rest) => [first, ...rest]));
}

describe('events of the same second', () => {
  for (const [first, second, third] of orders([0, 1, 2])) {
    const order = [first, second, third].join(', ');
    itInWorld(`B3 in the order ${order}: what the API says wins, an open pull request`, async (world) => {
      const { key, head } = world.openPullRequest();
      const pushed = world.push(key, { ...app, 'app.txt': 'second' });
      const newest = world.push(key, { ...app, 'app.txt': 'third' });
      const events = [
        event(key, 'opened', 'open', head.revision),
        event(key, 'closed', 'closed', pushed),
        event(key, 'synchronize', 'open', newest),
      ];
      await deliver(
        world,
        [first, second, third].map((at) => events[at ?? 0] ?? assert.fail()),
      );
      const status = await world.status(key);
      assert.deepEqual([status?.phase, status?.revision], ['Ready', newest]);
    });

    itInWorld(`B3 in the order ${order}: what the API says wins, a closed pull request`, async (world) => {
      const { key, head } = world.openPullRequest();
      const newest = world.push(key, { ...app, 'app.txt': 'second' });
      world.close(key);
      const events = [
        event(key, 'opened', 'open', head.revision),
        event(key, 'synchronize', 'open', newest),
        event(key, 'closed', 'closed', newest),
      ];
      await deliver(
        world,
        [first, second, third].map((at) => events[at ?? 0] ?? assert.fail()),
      );
      assert.equal(world.namespace(key), undefined);
      assert.equal(world.builder.builds.length, 0);
    });
  }
});
