import { describe, it } from 'node:test';
import { apart } from './apart.ts';
import type { Interruption } from './interruptions.ts';
import { stories } from './stories.ts';

/** A test for each story and interruption: at whatever call it happens, the story ends as without it. */
export function describeInterruptions(interruptions: readonly Interruption[]): void {
  const inThread = apart();
  for (const interruption of interruptions) {
    describe(`${interruption.name}, at any call`, () => {
      for (const story of stories) {
        it(`${interruption.name}, changes nothing of where ${story.name} ends`, async (test) => {
          const { points, calls } = await inThread('endsAlike', interruption.name, story.name);
          test.diagnostic(`at ${points} points of ${calls} calls`);
        });
      }
    });
  }
}
