/** Which repositories are ours, and through which installation. */
import type { Logger } from 'pino';
import { z } from 'zod';
import type { Repository } from '../../domain/preview.ts';
import type { Clock } from '../../ports.ts';
import { repositoryAnswer, repositoryOf } from './answers.ts';
import type { Client } from './client.ts';
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
   */
  find(repositoryId: number, signal: AbortSignal, options?: { readonly afresh: boolean }): Promise<Reach | undefined>;
}

const installationAnswer = z.object({ id: z.int(), suspended_at: z.string().nullish() });
const repositoriesAnswer = z.object({ repositories: z.array(repositoryAnswer) });
interface Reading {
  readonly found: readonly Reach[];
  readonly failures: readonly unknown[];
  readonly installationIds: readonly number[];
}

/** How long a repository that is not ours is not asked for again. */
const strangerMs = 30_000;

export function createInstallations(client: Client, clock: Clock, log: Pick<Logger, 'info' | 'warn'>): Installations {
  const known = new Map<number, Reach>();
  const strangers = new Map<number, number>();
  const logged = new Set<number>();
  let reading: Promise<Reading> | undefined;

  async function active(signal: AbortSignal): Promise<readonly number[]> {
    const all = await listAll(
      (page) => client.get('app', 'GET /app/installations', page, z.array(installationAnswer), (each) => each, signal),
      100,
    );
    return all.filter(({ suspended_at: suspendedAt }) => !suspendedAt).map(({ id }) => id);
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
    const installationIds = await active(signal);
    for (const installationId of installationIds) {
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
    return { found, failures, installationIds };
  }

  /** Asks for this one repository, through each installation, and then who it belongs to. */
  async function confirm(
    repositoryId: number,
    installationIds: readonly number[],
    signal: AbortSignal,
  ): Promise<Reach | undefined> {
    for (const installationId of installationIds) {
      const repository = await unlessRefused(
        client.get(
          installationId,
          'GET /repositories/{repository_id}',
          { repository_id: repositoryId },
          repositoryAnswer,
          repositoryOf,
          signal,
        ),
      );
      if (!repository) continue;
      // A public repository answers everybody: only this one says whose it is.
      const { owner, name } = repository.value;
      const installation = await unlessRefused(
        client.get(
          'app',
          'GET /repos/{owner}/{repo}/installation',
          { owner, repo: name },
          installationAnswer,
          (each) => each,
          signal,
        ),
      );
      if (!installation || installation.value.suspended_at) return undefined;
      return { repository: repository.value, installationId: installation.value.id };
    }
    return undefined;
  }

  return {
    async list(signal) {
      const { found, failures, installationIds } = await readAll(signal);
      if (failures.length > 0 && failures.length === installationIds.length) throw failures[0];
      return found;
    },
    async find(repositoryId, signal, options) {
      const before = known.get(repositoryId);
      if (before && !options?.afresh) return before;
      if ((strangers.get(repositoryId) ?? 0) > clock.now()) return undefined;
      const { found, failures, installationIds } = await readAll(signal);
      const listed = found.find(({ repository }) => repository.id === repositoryId);
      if (listed) return listed;
      const confirmed = await confirm(repositoryId, installationIds, signal);
      if (confirmed) {
        known.set(repositoryId, confirmed);
        return confirmed;
      }
      if (failures.length > 0) throw failures[0];
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

/** `undefined` for what GitHub says does not exist or is not ours; every other error stays one. */
async function unlessRefused<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof RefusedError) return undefined;
    throw error;
  }
}
