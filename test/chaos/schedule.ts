/** Makes a schedule out of a seed: the same seed gives the same one. Nothing happens here. */
import { type Random, randomOf } from '../faults/random.ts';
import { type App, kinds, wantedLabel } from './apps.ts';
import type {
  ClusterEvent,
  Cue,
  DeliveryEvent,
  Event,
  GitHubEvent,
  PeopleEvent,
  ProcessEvent,
  RedisEvent,
  Which,
} from './events.ts';

interface Moment {
  /** After the moment before. */
  readonly afterMs: number;
  /** Whether it waits until at least one of the Berths is there to see it. */
  readonly isPatient: boolean;
  readonly event: Event;
}

export interface Schedule {
  readonly seed: number;
  /** What each of the two Berths does, in Berth's own words. */
  readonly roles: Readonly<Record<Which, string>>;
  readonly repositories: readonly string[];
  readonly moments: readonly Moment[];
}

const repositoryNames = ['shop', 'blog'];
const everything = 'server,worker,gateway,sweep';

export function scheduleOf(seed: number): Schedule {
  const random = randomOf(seed);
  const repositories = repositoryNames.slice(0, 1 + random.below(2));
  const people = peopleIn(random, repositories);
  const length = 15 + random.below(11);
  const moments: Moment[] = [];
  const add = (event: Event) => moments.push({ afterMs: pause(random), isPatient: random.chance(0.7), event });
  // Nothing is at stake before there is something.
  for (let nth = 0; nth < 2; nth += 1) add(people.open());
  while (moments.length < length) {
    switch (random.weighted({ people: 11, deliveries: 2, processes: 3, redis: 1.5, github: 2.5, cluster: 3.5 })) {
      case 'people':
        add(people.next());
        break;
      case 'deliveries':
        add(deliveries(random));
        break;
      case 'processes':
        add(processes(random));
        break;
      case 'redis':
        add(redis(random));
        break;
      case 'github':
        add(github(random));
        break;
      case 'cluster':
        add(cluster(random, people.count));
        break;
    }
  }
  const split = { A: 'server,worker,gateway', B: 'server,worker,gateway,sweep' };
  return {
    seed,
    roles: random.chance(0.7) ? { A: everything, B: everything } : split,
    repositories,
    moments,
  };
}

/** Some events come on each other's heels, some find that the last one's work is done. */
function pause(random: Random): number {
  return random.pick([0, 0, random.below(300), random.below(1_000), random.below(2_500)]);
}

interface PeoplesWays {
  readonly count: number;
  open(): PeopleEvent;
  next(): PeopleEvent;
}

const maxPulls = 5;

function peopleIn(random: Random, repositories: readonly string[]): PeoplesWays {
  /** Whether each pull request is still in play: a merged one is not. */
  const pulls: boolean[] = [];
  const forks: boolean[] = [];
  let pushes = 0;
  let names = 0;
  const app = (): App => {
    pushes += 1;
    return { kind: random.chance(0.55) ? 'page' : random.pick(kinds), word: `word-${pushes}` };
  };
  const open = (): PeopleEvent => {
    pulls.push(true);
    const fork = pulls.length > 1 && random.chance(0.3);
    forks.push(fork);
    return { do: 'open', pull: pulls.length - 1, repository: random.below(repositories.length), app: app(), fork };
  };
  const approve = (pull: number): PeopleEvent => {
    const by = random.pick(['robin', 'robin', 'robin', 'mallory'] as const);
    return { do: 'approve', pull, by, rightly: random.chance(0.85) };
  };
  return {
    get count() {
      return pulls.length;
    },
    open,
    next() {
      const inPlay = pulls.flatMap((isInPlay, pull) => (isInPlay ? [pull] : []));
      if (inPlay.length === 0 || (pulls.length < maxPulls && random.chance(0.2))) return open();
      const ofForks = inPlay.filter((each) => forks[each]);
      if (ofForks.length > 0 && random.chance(0.3)) return approve(random.pick(ofForks));
      const pull = random.pick(inPlay);
      const what = random.weighted({
        push: 8,
        'go back': 2,
        label: 2,
        unlabel: 1.5,
        close: 2.5,
        reopen: 2,
        merge: 0.7,
        retitle: 0.7,
        'delete comment': 1,
        waver: 0.8,
        approve: 0.3,
        rename: 0.5,
      });
      switch (what) {
        case 'push':
          return { do: what, pull, app: app() };
        case 'go back':
          return { do: what, pull, nth: random.below(10) };
        case 'label':
        case 'unlabel':
          return { do: what, pull, name: random.pick(['preview:off', wantedLabel, wantedLabel, 'bug']) };
        case 'merge':
          pulls[pull] = false;
          return { do: what, pull };
        case 'approve':
          return approve(pull);
        case 'retitle':
          return { do: what, pull, title: `Title ${random.below(100)}` };
        case 'rename':
          names += 1;
          return { do: what, repository: random.below(repositories.length), name: `renamed-${names}` };
        default:
          return { do: what, pull };
      }
    },
  };
}

function which(random: Random): Which {
  return random.pick(['A', 'B']);
}

function deliveries(random: Random): DeliveryEvent {
  switch (random.weighted({ lose: 2, repeat: 1, hold: 2, deliver: 2 })) {
    case 'lose':
      return { do: 'lose deliveries', times: 1 + random.below(3) };
    case 'repeat':
      return { do: 'repeat deliveries', times: 1 + random.below(4), copies: 2 + random.below(3) };
    case 'hold':
      return { do: 'hold deliveries', forMs: 500 + random.below(4_000), order: random.pick(['in order', 'reversed']) };
    case 'deliver':
      return { do: 'deliver to', which: which(random) };
  }
}

const cues: readonly Cue[] = ['now', 'now', 'build started', 'image built', 'step started', 'step done'];
/** BullMQ's lock lasts ten seconds, and is looked at every five. */
const pastTheLockMs = 15_500;

function processes(random: Random): ProcessEvent {
  switch (random.weighted({ kill: 5, restart: 2, freeze: 1.5, outage: 0.7 })) {
    case 'kill':
      return { do: 'kill', which: which(random), at: random.pick(cues), downMs: random.below(2_500) };
    case 'restart':
      return { do: 'restart', which: which(random) };
    case 'freeze':
      return { do: 'freeze', which: which(random), forMs: random.pick([random.below(5_000), pastTheLockMs]) };
    case 'outage':
      return { do: 'outage', forMs: 500 + random.below(4_000) };
  }
}

function redis(random: Random): RedisEvent {
  const what = random.pick(['empty redis', 'empty redis', 'freeze redis', 'read-only redis', 'full redis'] as const);
  return { do: what, forMs: random.below(4_000) };
}

function github(random: Random): GitHubEvent {
  const fault = random.weighted({
    'is slow': 1,
    'answers 502': 2,
    'is out of requests': 1,
    'asks for patience': 1,
    'hangs up': 1.5,
    'hangs up after a write': 2,
    'lists nothing': 1,
    'lists half': 1,
    'knows no pull request': 0.5,
    'serves no git': 1,
  });
  return { do: 'github', fault, times: 1 + random.below(4) };
}

function cluster(random: Random, pulls: number): ClusterEvent {
  const what = random.weighted({ api: 5, cut: 1, expire: 1, silence: 0.7, remove: 1.5, uninstall: 0.8, hold: 1 });
  const pull = random.below(pulls);
  switch (what) {
    case 'api': {
      const fault = random.pick([
        'is slow',
        'answers 503',
        'answers 429',
        'answers 409',
        'answers 504 after a write',
        'hangs up',
        'hangs up after a write',
        'hangs up on Helm',
        'expires watches',
        'silences watches',
      ] as const);
      return { do: 'api server', fault, times: 1 + random.below(5) };
    }
    case 'cut':
      return { do: 'cut connections' };
    case 'expire':
      return { do: 'expire watches' };
    case 'silence':
      return { do: 'silence watches' };
    case 'remove':
      return { do: 'remove namespace', pull };
    case 'uninstall':
      return { do: 'uninstall', pull };
    case 'hold':
      return { do: 'hold namespace', pull, forMs: 1_000 + random.below(7_000) };
  }
}
