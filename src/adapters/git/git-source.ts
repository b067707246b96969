import { readdir, rm, stat, statfs } from 'node:fs/promises';
import path from 'node:path';
import type { Source } from '../../ports.ts';
import { ExitError, TimeoutError } from '../../process.ts';
import { exportDefaults } from './export.ts';
import { gitIn } from './git.ts';
import { Mirror } from './mirror.ts';
import { remoteAt } from './remote.ts';
import { GitSnapshot, snapshotMemory } from './snapshot.ts';
import { Worktrees } from './worktrees.ts';

export interface GitSourceOptions {
  /** Absolute; mirrors and exports live below it, and nobody else may write there: leftovers are removed. */
  readonly directory: string;
  /** A token that reads this one repository; asked for before each fetch. */
  readonly token: (repositoryId: number, signal: AbortSignal) => Promise<string>;
  /** Whether `http:` URLs of this very machine are accepted, for tests. */
  readonly allowHttpLoopback: boolean;
  /** Default: `git` on the usual paths. */
  readonly gitPath?: string;
  /** Added to git's environment: proxies (`https_proxy`), certificates (`GIT_SSL_CAINFO`). */
  readonly env?: Readonly<Record<string, string>>;
  /** Default: ten minutes. */
  readonly fetchTimeoutMs?: number;
  /** Per repository; default 100. Older ones are fetched again when they are asked for. */
  readonly keepRevisions?: number;
  /** How many exported folders stay on disk to be brought up to date for the next export; default 10. */
  readonly keepExports?: number;
  /** Of one export; default 500,000. */
  readonly maxFiles?: number;
  /** Of one export; default 4 GiB. */
  readonly maxBytes?: number;
  /** Of one file in an export; default 1 GiB. */
  readonly maxFileBytes?: number;
  /** Of one revision as it is fetched, compressed; default 4 GiB. GitHub takes pushes of 2 GiB. */
  readonly maxFetchBytes?: number;
  /** How much of the disk with `directory` is free, from 0 to 1; asked of the system by default. */
  readonly freeShare?: () => Promise<number>;
}

export interface GitSource extends Source {
  /** Removes the mirrors of repositories of which no new revision was asked for within `maxAgeMs`. @returns how many. */
  removeUnused(maxAgeMs: number, signal: AbortSignal): Promise<number>;
  /**
   * Removes mirrors that nothing uses now, those that have been unused for longest first, as long as less than a tenth of the disk is
   * free. @returns how many.
   */
  makeRoom(signal: AbortSignal): Promise<number>;
}

const gib = 1024 ** 3;

/**
 * Of the disk: less, and mirrors go. Kubernetes puts pods off a node with less than that.
 * Source: kubernetes.io/docs/concepts/scheduling-eviction/node-pressure-eviction
 */
const leastFreeShare = 0.1;
/** Of the disk: with less than that, what fails fails for want of room. */
const fullShare = 0.005;
/** Longer than anything reads a mirror after it was asked for a revision. */
const inUseMs = 3_600_000;

/**
 * Git: one bare mirror per repository, each revision fetched alone (`--depth=1`, by its SHA), so that a push costs one
 * small fetch. No branch name ever reaches git, and neither hooks, submodules nor filters run.
 */
export function gitSource(options: GitSourceOptions): GitSource {
  const protocols = options.allowHttpLoopback ? ['https', 'http'] : ['https'];
  const git = gitIn(options.gitPath ?? 'git', protocols, options.env ?? {});
  const fetchTimeoutMs = options.fetchTimeoutMs ?? 600_000;
  const exportDirectory = path.join(options.directory, 'exports');
  const exports = {
    worktrees: new Worktrees(exportDirectory, options.keepExports ?? 10),
    timeoutMs: fetchTimeoutMs,
    maxFiles: options.maxFiles ?? exportDefaults.maxFiles,
    maxBytes: options.maxBytes ?? exportDefaults.maxBytes,
    maxFileBytes: options.maxFileBytes ?? exportDefaults.maxFileBytes,
  };
  const mirrorDirectory = path.join(options.directory, 'mirrors');
  const mirrors = new Map<number, Mirror>();
  const memory = snapshotMemory();
  let swept: Promise<void> | undefined;

  function mirrorOf(repositoryId: number): Mirror {
    let mirror = mirrors.get(repositoryId);
    if (!mirror) {
      const directory = path.join(mirrorDirectory, `${repositoryId}.git`);
      mirror = new Mirror({
        git,
        repositoryId,
        directory,
        fetchTimeoutMs,
        bounds: { fileBytes: options.maxFetchBytes ?? 4 * gib, memoryBytes: 2 * gib },
        keepRevisions: options.keepRevisions ?? 100,
      });
      mirrors.set(repositoryId, mirror);
    }
    return mirror;
  }

  const freeShare =
    options.freeShare ??
    (async () => {
      const { bavail, blocks } = await statfs(options.directory);
      return bavail / blocks;
    });

  async function makeRoom(signal: AbortSignal): Promise<number> {
    const names = await readdir(mirrorDirectory).catch(() => []);
    const mirrorsByUse = await Promise.all(
      names.map(async (name) => ({
        id: Number.parseInt(name, 10),
        usedAt: (await stat(path.join(mirrorDirectory, name))).mtimeMs,
      })),
    );
    let removed = 0;
    for (const { id, usedAt } of mirrorsByUse.toSorted((a, b) => a.usedAt - b.usedAt)) {
      if (usedAt > Date.now() - inUseMs || (await freeShare()) >= leastFreeShare) break;
      if (await mirrorOf(id).removeUnlessUsed(usedAt + 1, signal)) removed += 1;
    }
    return removed;
  }

  /** Of what failed on the disk. */
  async function sentenceOf(error: Error): Promise<string> {
    return (await freeShare()) < fullShare ? 'the disk with BERTH_DATA_DIR is full' : error.message;
  }

  return {
    makeRoom,
    async at(repository, revision, signal) {
      signal.throwIfAborted();
      if (!/^[0-9a-f]{40}$/.test(revision)) throw new Error(`not a revision: ${JSON.stringify(revision)}`);
      // Exports of a process that was killed.
      swept ??= rm(exportDirectory, { recursive: true, force: true });
      await swept;
      const mirror = mirrorOf(repository.id);
      try {
        const remote = remoteAt(repository.cloneUrl, options.allowHttpLoopback);
        const fetch = async () => ({ remote, token: await options.token(repository.id, signal) });
        return new GitSnapshot(mirror, revision, await mirror.tree(revision, fetch, signal), exports, memory);
      } catch (cause) {
        // What the token's giver throws is for the caller as it is.
        if (!(cause instanceof ExitError) && !(cause instanceof TimeoutError)) throw cause;
        const reason = await sentenceOf(cause);
        throw new Error(`fetching ${revision} of ${repository.owner}/${repository.name}: ${reason}`, { cause });
      }
    },

    async removeUnused(maxAgeMs, signal) {
      const usedSince = Date.now() - maxAgeMs;
      const ids = (await readdir(mirrorDirectory).catch(() => [])).map((name) => Number.parseInt(name, 10));
      let removed = 0;
      for (const id of ids.filter(Number.isInteger)) {
        if (await mirrorOf(id).removeUnlessUsed(usedSince, signal)) removed += 1;
      }
      return removed;
    },
  };
}
