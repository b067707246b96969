/** What goes wrong on the way to the outside and back. */
import { RetryLaterError } from '../../src/domain/errors.ts';
import type { Around, Call } from './interposed.ts';
import type { Random } from './random.ts';
import type { FaultWorld } from './world.ts';

/** How often what goes wrong, 0 to 1 for each call. */
export interface Weather {
  readonly lostRequest: number;
  readonly lostAnswer: number;
  /** How many turns a call takes at most, before and after its effect. */
  readonly slowness: number;
  /** How often one takes so long that others come and go meanwhile. */
  readonly standstill: number;
}

/** Turns in which a whole pass comes and goes. */
const longTurns = 400;

export const calm: Weather = { lostRequest: 0, lostAnswer: 0, slowness: 0, standstill: 0 };

/** `hasStandstills` makes calls outlast whole passes of others. */
export function weatherOf(random: Random, hasStandstills: boolean): Weather {
  const badness = random.pick([0, 0.01, 0.05, 0.15]);
  return {
    lostRequest: badness * random.next(),
    lostAnswer: badness * random.next(),
    slowness: random.pick([0, 3, 30]),
    standstill: random.pick([0, 0, hasStandstills ? 0.03 : 0]),
  };
}

/** The outside in this weather, which may change: `current` is asked for each call. */
export function weathered(
  world: FaultWorld,
  random: Random,
  current: () => Weather,
  tell: (event: string) => void,
): Around {
  return async (call, effect) => {
    const { lostRequest, lostAnswer, slowness, standstill } = current();
    await world.turns(random.chance(standstill) ? longTurns : random.below(slowness + 1));
    if (random.chance(lostRequest)) {
      tell(`${call.name} fails`);
      throw failureOf(world, random, call);
    }
    if (call.name === 'releaser.upgrade' && random.chance(lostAnswer)) {
      tell('Helm is killed');
      world.releaser.next({ kill: true });
    }
    const answer = await effect();
    if (call.name === 'forge.openPullRequests' && random.chance(lostAnswer)) {
      tell('a list is short');
      return (answer as readonly unknown[]).filter(() => random.chance(0.5));
    }
    await world.turns(random.below(slowness + 1));
    if (random.chance(lostAnswer)) {
      tell(`the answer of ${call.name} is lost`);
      throw failureOf(world, random, call);
    }
    return answer;
  };
}

function failureOf({ clock }: FaultWorld, random: Random, { name }: Call): Error {
  if (name.startsWith('forge.') && random.chance(0.3)) {
    return new RetryLaterError('rate limit', clock.now() + 1_000 * random.below(120));
  }
  return new Error(`503 from ${name}`);
}
