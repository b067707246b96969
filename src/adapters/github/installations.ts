/** Which repositories are ours, and through which installation. */
import type { Logger } from 'pino';
import { z } from 'zod';
import { isServed } from '../../domain/accounts.ts';
import type { Repository } from '../../domain/preview.ts';
import { RetryLaterError } from '../../domain/errors.ts';
import type { Clock } from '../../ports.ts';
import { repositoryAnswer, repositoryOf } from './answers.ts';
import type { Client, Parameters } from './client.ts';
import { listAll } from './pages.ts';
import { RefusedError } from './refused-error.ts';
import { untilAborted } from './until-aborted.ts';

/** A repository that the App may use. */
export interface Reach {
  readonly repository: Repository;
  readonly installationId: number;
}

export interface Installations {
  /** Everything within reach, read afresh. An installation that is gone, suspended or failing is left out and logged. */
  list(signal: AbortSignal): Promise<readonly Reach[]>;
  /**
   * How to reach the repository, `undefined` when it is not ours. A list never proves that: the repository itself is asked
   * for before `undefined` is given. `afresh` distrusts what is remembered.
   * @throws RetryLaterError when the installation is suspended: it is ours still, but shows nothing.
   */
  find(repositoryId: number, signal: AbortSignal, options?: { readonly afresh: boolean }): Promise<Reach | undefined>;
}

const installationAnswer = z.object({
  id: z.int(),
  suspended_at: z.string().nullish(),
  // An enterprise has no login.
  account: z.object({ login: z.string().optional() }).nullish(),
});
type Installation = z.infer<typeof installationAnswer>;
const repositoriesAnswer = z.object({ repositories: z.array(repositoryAnswer) });
interface Reading {
  readonly found: readonly Reach[];
  readonly failures: readonly unknown[];
  /** Those on accounts that are served; suspended ones, too. */
  readonly installations: readonly Installation[];
}

/** How long a repository that is not ours is not asked for again. */
const strangerMs = 30_000;
/** How long to wait before a suspended installation is looked at again. That it is back is told by a webhook, too. */
const suspendedMs = 15 * 60_000;

/** @param accounts as `isServed` takes them; what belongs to others is not ours, whoever has installed the App. */
export function createInstallations(
  client: Client,
  clock: Clock,
  log: Pick<Logger, 'info' | 'warn'>,
  accounts: readonly string[] = [],
): Installations {
  const known = new Map<number, Reach>();
  const strangers = new Map<number, number>();
  const logged = new Set<number>();
  let reading: Promise<Reading> | undefined;

  function allInstallations(signal: AbortSignal): Promise<readonly Installation[]> {
    return listAll(
      (page) => client.get('app', 'GET /app/installations', page, z.array(installationAnswer), (each) => each, signal),
      100,
    );
  }

  async function repositoriesOf(installationId: number, signal: AbortSignal): Promise<readonly Reach[]> {
    const repositories = await listAll(
      (page) =>
        client.get(
          installationId,
          'GET /installation/repositories',
          page,
          repositoriesAnswer,
          (answer) => answer.repositories.map(repositoryOf),
          signal,
        ),
      100,
    );
    return repositories.map((repository) => ({ repository, installationId }));
  }

  /** Reads everything, once for all who ask at the same time; no one caller's signal ends it. */
  function readAll(signal: AbortSignal): Promise<Reading> {
    return untilAborted(() => {
      reading ??= readEach(new AbortController().signal).finally(() => {
        reading = undefined;
      });
      return reading;
    }, signal);
  }

  async function readEach(signal: AbortSignal): Promise<Reading> {
    const found: Reach[] = [];
    const failures: unknown[] = [];
    const installations = (await allInstallations(signal)).filter(isOurs);
    for (const { id: installationId } of installations.filter(isActive)) {
      try {
        for (const reach of await repositoriesOf(installationId, signal)) {
          found.push(reach);
          known.set(reach.repository.id, reach);
          strangers.delete(reach.repository.id);
        }
      } catch (err) {
        log.warn({ err, installationId }, 'listing the repositories of an installation failed');
        // Refused: uninstalled or suspended since the list was made, so it reaches nothing any more.
        if (!(err instanceof RefusedError)) failures.push(err);
      }
    }
    return { found, failures, installations };
  }

  /** Asks whose this one repository is: first by its id, then by its name, as far as any installation sees that. */
  async function confirm(
    repositoryId: number,
    installations: readonly Installation[],
    signal: AbortSignal,
  ): Promise<Reach | undefined> {
    const parameters = { repository_id: repositoryId };
    const owning = await installationOf('GET /repositories/{repository_id}/installation', parameters, signal);
    if (owning) {
      if (!isOurs(owning)) return undefined;
      throwIfSuspended(owning);
      return { repository: await repositoryThrough(owning.id, repositoryId, signal), installationId: owning.id };
    }
    for (const { id } of installations.filter(isActive)) {
      const repository = await unlessRefused(repositoryThrough(id, repositoryId, signal));
      if (!repository) continue;
      // A public repository answers everybody: only this one says whose it is.
      const named = { owner: repository.owner, repo: repository.name };
      const installation = await installationOf('GET /repos/{owner}/{repo}/installation', named, signal);
      if (!installation || !isOurs(installation)) return undefined;
      throwIfSuspended(installation);
      return { repository, installationId: installation.id };
    }
    return undefined;
  }

  async function repositoryThrough(installation: number, id: number, signal: AbortSignal): Promise<Repository> {
    const route = 'GET /repositories/{repository_id}';
    return (await client.get(installation, route, { repository_id: id }, repositoryAnswer, repositoryOf, signal)).value;
  }

  async function installationOf(
    route: string,
    parameters: Parameters,
    signal: AbortSignal,
  ): Promise<Installation | undefined> {
    try {
      return (await client.get('app', route, parameters, installationAnswer, (each) => each, signal)).value;
    } catch (error) {
      if (error instanceof RefusedError && error.status === 404) return undefined;
      throw error;
    }
  }

  function isOurs({ account }: Installation): boolean {
    return isServed(accounts, account?.login);
  }

  function throwIfSuspended(installation: Installation): void {
    if (isActive(installation)) return;
    const account = installation.account?.login ?? 'an enterprise';
    const message = `the installation of the GitHub App on ${account} is suspended`;
    throw new RetryLaterError(message, clock.now() + suspendedMs);
  }

  return {
    async list(signal) {
      const { found, failures, installations } = await readAll(signal);
      if (failures.length > 0 && failures.length === installations.filter(isActive).length) throw failures[0];
      return found;
    },
    async find(repositoryId, signal, options) {
      const before = known.get(repositoryId);
      if (before && !options?.afresh) return before;
      if ((strangers.get(repositoryId) ?? 0) > clock.now()) return undefined;
      const { found, failures, installations } = await readAll(signal);
      const listed = found.find(({ repository }) => repository.id === repositoryId);
      if (listed) return listed;
      const confirmed = await confirm(repositoryId, installations, signal);
      if (confirmed) {
        known.set(repositoryId, confirmed);
        return confirmed;
      }
      if (failures.length > 0) throw failures[0];
      const last = installations.find(({ id }) => id === before?.installationId);
      if (last) throwIfSuspended(last);
      known.delete(repositoryId);
      strangers.set(repositoryId, clock.now() + strangerMs);
      if (!logged.has(repositoryId)) {
        logged.add(repositoryId);
        log.info({ repositoryId }, 'a repository is not within reach of the app');
      }
      return undefined;
    },
  };
}

function isActive({ suspended_at: suspendedAt }: Installation): boolean {
  return !suspendedAt;
}

/** `undefined` for what GitHub says does not exist or is not ours; every other error stays one. */
async function unlessRefused<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof RefusedError) return undefined;
    throw error;
  }
}
