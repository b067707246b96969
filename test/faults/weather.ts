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

/** How long a call takes at most that stands still. */
const standstillMs = 90_000;

/** What may be half a page, or an empty one. */
const lists = ['forge.repositories', 'forge.openPullRequests', 'forge.recentlyClosed', 'forge.deployedPullRequests'];

export const calm: Weather = { lostRequest: 0, lostAnswer: 0, slowness: 0, standstill: 0 };

export function weatherOf(random: Random): Weather {
  const badness = random.pick([0, 0.01, 0.05, 0.15]);
  return {
    lostRequest: badness * random.next(),
    lostAnswer: badness * random.next(),
    slowness: random.pick([0, 3, 30]),
    standstill: random.pick([0, 0, 0.03]),
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
    if (random.chance(standstill)) await passed(world, random.below(standstillMs));
    else await world.turns(random.below(slowness + 1));
    if (random.chance(lostRequest)) {
      tell(`${call.name} fails`);
      throw failureOf(world, random, call);
    }
    if (call.name === 'releaser.upgrade' && random.chance(lostAnswer)) {
      tell('Helm is killed');
      world.releaser.next({ kill: true });
    }
    const answer = await effect();
    if (lists.includes(call.name) && random.chance(lostAnswer)) {
      tell(`${call.name} is short`);
      return (answer as readonly unknown[]).filter(() => random.chance(0.5));
    }
    if (random.chance(standstill)) await passed(world, random.below(standstillMs));
    else await world.turns(random.below(slowness + 1));
    if (random.chance(lostAnswer)) {
      tell(`the answer of ${call.name} is lost`);
      throw failureOf(world, random, call);
    }
    return answer;
  };
}

function passed({ clock }: FaultWorld, ms: number): Promise<void> {
  return new Promise((resolve) => clock.after(ms, resolve));
}

function failureOf({ clock }: FaultWorld, random: Random, { name }: Call): Error {
  if (name.startsWith('forge.') && random.chance(0.3)) {
    return new RetryLaterError('rate limit', clock.now() + 1_000 * random.below(120));
  }
  return new Error(`503 from ${name}`);
}
