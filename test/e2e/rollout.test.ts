import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { visiting } from '../installed/visiting.ts';
import { page } from './repositories.ts';
import { startWorld, type World } from './world.ts';

const pushes = 3;
const visitors = 4;
const everyMs = 25;

describe('a preview that is visited while it is updated', () => {
  let world: World;
  before(async () => {
    world = await startWorld();
  });
  after(() => world[Symbol.asyncDispose]());

  // Its server ends at the first signal, with whatever it was doing: no app makes it harder.
  it('answers every visit through one push after another', async () => {
    const repo = 'acme/updated';
    world.github.createRepository({ owner: 'acme', name: 'updated', from: page('first') });
    const { number, headSha } = world.github.openPullRequest({ repo });
    const url = await world.running(repo, number, headSha);
    const visits = await Promise.all(Array.from({ length: visitors }, () => visiting(() => world.visit(url), everyMs)));
    for (let push = 1; push <= pushes; push += 1) {
      const pushed = world.github.push(repo, number, page(`push ${push}`));
      await world.running(repo, number, pushed);
    }
    // The last one's predecessor has yet to go.
    await goneBut(world, 1);
    const refusals = (await Promise.all(visits.map((visitor) => visitor.refused()))).flat();
    assert.deepEqual(refusals, []);
    await world.shows(url, `push ${pushes}`);
  });
});

/** Waits until no more pods than that are left in the world's only namespace. */
async function goneBut(world: World, pods: number): Promise<void> {
  const [namespace] = await world.namespaces();
  const name = namespace?.metadata?.name ?? '';
  while ((await world.cluster.listNamespacedPod({ namespace: name })).items.length > pods) {
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
