import assert from 'node:assert/strict';
import { describe } from 'node:test';
import type { Builder } from '../../src/ports.ts';
import { itInWorld, type TestWorld } from './world.ts';

const hourMs = 60 * 60 * 1000;
/** Longer than the longest wait between two tries. */
const longestMs = 16 * 60 * 1000;

describe('an outage of the builder', () => {
  let isAway = true;
  let tries = 0;
  const replace = ({ builder }: { readonly builder: Builder }) => ({
    builder: {
      ...builder,
      build: async (...args: Parameters<Builder['build']>) => {
        tries += 1;
        if (isAway) throw new Error('connecting to the builder: refused');
        return builder.build(...args);
      },
    },
  });

  itInWorld(
    'is not the author’s failure: the pull request says that Berth tries again, and it does until it works',
    async (world) => {
      const { key } = world.openPullRequest();
      await world.run(key);
      // Short ones pass unnoticed.
      assert.match(world.forge.comment(key) ?? '', /Building the image/);
      await pass(world, 20_000, 1_000);
      const comment = world.forge.comment(key) ?? '';
      assert.match(comment, /Building.*could not be built yet.*refused.*Berth will try again/s);
      assert.doesNotMatch(comment, /Failed/);
      assert.equal((await world.status(key))?.phase, 'Building');
      assert.equal(world.forge.deployments(key).at(-1)?.state, 'in_progress');

      const before = tries;
      await pass(world, 24 * hourMs, 60_000);
      assert.ok(tries - before < 120, `${tries - before} tries in a day`);
      assert.match(world.forge.comment(key) ?? '', /Berth will try again/);

      isAway = false;
      await pass(world, longestMs, 60_000);
      assert.equal((await world.status(key))?.phase, 'Ready');
      assert.doesNotMatch(world.forge.comment(key) ?? '', /try again/);
    },
    { replace },
  );
});

/** Lets time pass in steps; what falls due in one comes to its end before the next. */
async function pass({ clock, queue }: TestWorld, ms: number, stepMs: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += stepMs) {
    await clock.advance(stepMs);
    await queue.idle();
  }
}
