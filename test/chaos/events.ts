/** What may happen in a schedule, as plain data, and the words for it. */
import type { App } from './apps.ts';

/** One of the two Berths. */
export type Which = 'A' | 'B';

/** `pull` counts all pull requests of the schedule in the order of their opening, from 0. */
export type PeopleEvent =
  | {
      readonly do: 'open';
      readonly pull: number;
      readonly repository: number;
      readonly app: App;
      readonly fork: boolean;
    }
  | { readonly do: 'push'; readonly pull: number; readonly app: App }
  /** Force-pushes the `nth` of all revisions that the pull request had, counted round and round. */
  | { readonly do: 'go back'; readonly pull: number; readonly nth: number }
  | { readonly do: 'label'; readonly pull: number; readonly name: string }
  | { readonly do: 'unlabel'; readonly pull: number; readonly name: string }
  | { readonly do: 'close' | 'reopen' | 'merge' | 'delete comment'; readonly pull: number }
  | { readonly do: 'retitle'; readonly pull: number; readonly title: string }
  /** Closed, reopened, closed in one go. */
  | { readonly do: 'waver'; readonly pull: number }
  /** Comments the command for the head revision, in the right words or in others. */
  | { readonly do: 'approve'; readonly pull: number; readonly by: 'robin' | 'mallory'; readonly rightly: boolean }
  | { readonly do: 'rename'; readonly repository: number; readonly name: string };

export type DeliveryEvent =
  | { readonly do: 'lose deliveries'; readonly times: number }
  | { readonly do: 'repeat deliveries'; readonly times: number; readonly copies: number }
  | { readonly do: 'hold deliveries'; readonly forMs: number; readonly order: 'in order' | 'reversed' }
  /** From now on webhooks go to this one, whether it lives or not. */
  | { readonly do: 'deliver to'; readonly which: Which };

/** When a process dies: at once, or when it next says this, within a few seconds. */
export type Cue = 'now' | 'build started' | 'image built' | 'step started' | 'step done';

export type ProcessEvent =
  | { readonly do: 'kill'; readonly which: Which; readonly at: Cue; readonly downMs: number }
  | { readonly do: 'restart'; readonly which: Which }
  | { readonly do: 'freeze'; readonly which: Which; readonly forMs: number }
  | { readonly do: 'outage'; readonly forMs: number };

export type RedisEvent = {
  readonly do: 'empty redis' | 'freeze redis' | 'read-only redis' | 'full redis';
  readonly forMs: number;
};

export type GitHubEvent = {
  readonly do: 'github';
  readonly fault:
    | 'is slow'
    | 'answers 502'
    | 'is out of requests'
    | 'asks for patience'
    | 'hangs up'
    | 'hangs up after a write'
    | 'lists nothing'
    | 'lists half'
    | 'knows no pull request'
    | 'serves no git';
  readonly times: number;
};

export type ClusterEvent =
  | {
      readonly do: 'api server';
      readonly fault:
        | 'is slow'
        | 'answers 503'
        | 'answers 429'
        | 'answers 409'
        | 'answers 504 after a write'
        | 'hangs up'
        | 'hangs up after a write'
        | 'hangs up on Helm'
        | 'expires watches'
        | 'silences watches';
      readonly times: number;
    }
  | { readonly do: 'cut connections' | 'expire watches' | 'silence watches' }
  | { readonly do: 'remove namespace' | 'uninstall'; readonly pull: number }
  | { readonly do: 'hold namespace'; readonly pull: number; readonly forMs: number };

export type Event = PeopleEvent | DeliveryEvent | ProcessEvent | RedisEvent | GitHubEvent | ClusterEvent;

/** The event in words, for the trace. */
export function wordsFor(event: Event): string {
  const { do: what, ...rest } = event;
  const details = Object.entries(rest).map(([name, value]) => {
    if (name === 'app') return `${(value as App).kind} "${(value as App).word}"`;
    if (name === 'pull') return `of pull request ${String(value)}`;
    if (name === 'repository') return `of repository ${String(value)}`;
    if (name === 'fork') return value === true ? 'from a fork' : '';
    return name.endsWith('Ms') ? `${name.slice(0, -2)} ${String(value)} ms` : `${name} ${String(value)}`;
  });
  return [what, ...details.filter(Boolean)].join(', ');
}
