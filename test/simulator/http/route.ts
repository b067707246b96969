import type { Parameters } from '../description/contract.ts';
import type { Permissions, Repository, User } from '../world/entities.ts';
import type { World } from '../world/world.ts';
import type { Webhooks } from '../webhooks/webhooks.ts';
import { type Answer, notFound, Refusal } from './answer.ts';
import type { Caller } from './credentials.ts';

/** One request that reached its route. Parameters and body have passed GitHub's description already. */
export interface Call {
  readonly world: World;
  readonly webhooks: Webhooks;
  readonly caller: Caller;
  readonly params: Parameters;
  readonly query: Parameters;
  readonly body: unknown;
  readonly accept: string;
  /** Where lists put their further pages: the request's URL without its query, by repository id. */
  readonly listUrl: string;
  readonly searchParams: URLSearchParams;
  readonly repository: Repository | undefined;
  readonly rateLimit: () => unknown;
  readonly tokenLifetimeMs: number;
}

export interface Route {
  /** The operation's id in GitHub's description, such as `pulls/list`. */
  readonly operation: string;
  readonly caller: Caller['kind'] | 'either';
  /** Sets of permissions of which a token needs one; left out when none is needed. */
  readonly needs?: readonly Permissions[];
  /** Whether the request costs nothing of the rate limit. */
  readonly free?: boolean;
  handle(call: Call): Answer | Promise<Answer>;
}

/** The repository that the route's path names; the server has checked that the caller may see it. */
export function repositoryOf(call: Call): Repository {
  if (!call.repository) throw notFound();
  return call.repository;
}

/** Who acts: the app's bot account. */
export function actorOf(call: Call): User {
  return call.world.bot;
}

export function pullRequestOf(call: Call, parameter: string) {
  const pull = repositoryOf(call).pullRequests.get(Number(call.params[parameter]));
  if (!pull) throw notFound();
  return pull;
}

/** The caller's installation; throws for an app that speaks for itself. */
export function installationCallerOf(call: Call): Caller & { kind: 'installation' } {
  if (call.caller.kind !== 'installation')
    throw new Refusal(403, 'You must authenticate with an installation access token');
  return call.caller;
}

/** Whether a token may see a repository at all: its installation covers it and the token was not narrowed to others. */
export function covers(caller: Caller & { kind: 'installation' }, repository: Repository): boolean {
  if (caller.installation.account !== repository.owner) return false;
  return caller.token.repositoryIds?.has(repository.id) ?? true;
}
