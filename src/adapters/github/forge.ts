/** GitHub, as an App sees it. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import { z } from 'zod';
import type { PreviewKey, PullRequest } from '../../domain/preview.ts';
import type { Clock, Forge, Store } from '../../ports.ts';
import { appAnswer, closedPullRequestAnswer, fileAnswer, pullRequestAnswer, pullRequestOf } from './answers.ts';
import { approval, recordApproval } from './approvals.ts';
import { type ClientOptions, createClient } from './client.ts';
import { commandComments } from './command-comments.ts';
import { type IsOurs, writeComment } from './comments.ts';
import { createDeliveries } from './deliveries.ts';
import { type DeploymentContext, deployedPullRequests, retireDeployments, writeDeployment } from './deployments.ts';
import { createInstallations } from './installations.ts';
import { listAll } from './pages.ts';
import { RefusedError } from './refused-error.ts';
import { inRepository, type RepositoryAccess } from './repository-access.ts';
import { branchRevision, mayWrite } from './rights.ts';

export interface GithubForgeOptions {
  /** `https://api.github.com`, or `https://<host>/api/v3`. */
  readonly apiUrl: string;
  /** The App's id, or its client id. */
  readonly appId: number | string;
  /** PEM. */
  readonly privateKey: string;
  /** Remembers what was written last; may be emptied at any moment. */
  readonly cache: Pick<Store, 'get' | 'set' | 'forget'>;
  readonly clock: Clock;
  /** Told each token that GitHub issues, so that it is shown nowhere. */
  readonly hold?: ClientOptions['hold'];
  readonly log: Pick<Logger, 'debug' | 'info' | 'warn'>;
  /** GitHub's environment that all previews share. */
  readonly environment: string;
  /** Whose repositories there are for us, wherever the App is installed; without any, everybody's. */
  readonly accounts?: readonly string[];
  /** By default ten at once, then one a second. */
  readonly writes?: ClientOptions['writes'];
  /** How long GitHub may take for an answer; by default 30 s. */
  readonly timeoutMs?: number;
  readonly telemetry?: ClientOptions['telemetry'];
  readonly maxAnswerBytes?: ClientOptions['maxAnswerBytes'];
}

const pullRequestPath = '/pulls/{number}';
/** How long a pull request that GitHub does not know is asked for again: its events may be faster than its replicas. */
const patienceMs: readonly number[] = [200, 800];
const cloneTokenMs = 10 * 60_000;
const recentMs = 7 * 24 * 60 * 60_000;

/** Makes the adapter; nothing is asked before its first use. */
export function githubForge(options: GithubForgeOptions): Forge {
  const { cache, clock, log, environment } = options;
  const client = createClient({ ...options, writes: options.writes ?? { burst: 10, perSecond: 1 } });
  const installations = createInstallations(client, clock, log, options.accounts);
  const deliveries = createDeliveries(client, clock, log);
  let ours: IsOurs | undefined;

  function within<T>(
    repositoryId: number,
    signal: AbortSignal,
    work: (access: RepositoryAccess) => Promise<T>,
  ): Promise<T | undefined> {
    return inRepository(client, installations, repositoryId, signal, work);
  }

  /** Like `within`, for what makes no sense without the repository. */
  async function surelyWithin<T>(
    repositoryId: number,
    signal: AbortSignal,
    what: string,
    work: (access: RepositoryAccess) => Promise<T>,
  ): Promise<T> {
    const done = await within(repositoryId, signal, async (access) => ({ value: await work(access) }));
    if (!done) throw new Error(`${what}: repository ${repositoryId} is not within reach of the app`);
    return done.value;
  }

  async function isOurs(signal: AbortSignal): Promise<IsOurs> {
    if (!ours) {
      const { value: app } = await client.get('app', 'GET /app', {}, appAnswer, (answer) => answer, signal);
      const login = `${app.slug}[bot]`;
      ours = ({ user, performed_via_github_app: via }) =>
        via ? via.id === app.id : user?.login === login && user.type === 'Bot';
    }
    return ours;
  }

  async function deploymentContext(
    access: RepositoryAccess,
    key: PreviewKey,
    signal: AbortSignal,
  ): Promise<DeploymentContext> {
    return { access, cache, clock, log, isOurs: await isOurs(signal), environment, key };
  }

  return {
    async pullRequest(key, signal) {
      try {
        return await within(key.repositoryId, signal, (access) => patientPullRequest(access, key, signal));
      } catch (error) {
        // That the pull request itself is not found is what counts: a 404 on the way to it says nothing about it.
        if (error instanceof RefusedError && error.status === 404 && error.route.endsWith(pullRequestPath))
          return undefined;
        throw error;
      }
    },
    async repositories(signal) {
      return (await installations.list(signal)).map(({ repository }) => repository);
    },
    openPullRequests: (repository, signal) =>
      surelyWithin(repository.id, signal, 'listing open pull requests', (access) =>
        listAll(
          (page) =>
            access.get(
              '/pulls',
              // Oldest first: what is opened meanwhile moves nothing to another page.
              { state: 'open', sort: 'created', direction: 'asc', ...page },
              z.array(pullRequestAnswer),
              (answers) => answers.map(pullRequestOf),
            ),
          100,
        ),
      ),
    recentlyClosed: (repository, signal) =>
      surelyWithin(repository.id, signal, 'listing closed pull requests', async (access) => {
        const { value } = await access.get(
          '/pulls',
          { state: 'closed', sort: 'updated', direction: 'desc', per_page: 100 },
          z.array(closedPullRequestAnswer),
          (answers) =>
            answers.map((each) => ({ pull: pullRequestOf(each), closedAt: Date.parse(each.closed_at ?? '') })),
        );
        return value.filter(({ closedAt }) => closedAt >= clock.now() - recentMs).map(({ pull }) => pull);
      }),
    deployedPullRequests: (repository, signal) =>
      surelyWithin(repository.id, signal, 'listing deployments', async (access) =>
        deployedPullRequests(access, await isOurs(signal), environment),
      ),
    redeliver: (since, signal) => deliveries.redeliver(since, signal),
    changedFiles: (key, signal) =>
      surelyWithin(key.repositoryId, signal, 'listing changed files', async (access) => {
        const files = await listAll(
          (page) =>
            access.get(
              '/pulls/{number}/files',
              { number: key.number, ...page },
              z.array(fileAnswer),
              (answers) => answers,
            ),
          30,
        );
        const paths = files.flatMap(({ filename, previous_filename: previous }) =>
          previous ? [filename, previous] : [filename],
        );
        return [...new Set(paths)].slice(0, 3_000);
      }),
    cloneToken: (repositoryId, signal) =>
      surelyWithin(repositoryId, signal, 'making a clone token', ({ installationId }) =>
        client.token({ installationId, repositoryId, permissions: { contents: 'read' } }, cloneTokenMs, signal),
      ),
    async writeComment(key, body, { onlyExisting }, signal) {
      await within(key.repositoryId, signal, async (access) =>
        writeComment(access, cache, await isOurs(signal), key, body, onlyExisting),
      );
    },
    async writeDeployment(key, report, signal) {
      await within(key.repositoryId, signal, async (access) =>
        writeDeployment(await deploymentContext(access, key, signal), report),
      );
    },
    async retireDeployments(key, signal) {
      const retired = await within(key.repositoryId, signal, async (access) =>
        retireDeployments(await deploymentContext(access, key, signal)),
      );
      return retired ?? 0;
    },
    branchRevision: (repository, branch, signal) =>
      surelyWithin(repository.id, signal, 'reading a branch', (access) => branchRevision(access, branch)),
    mayWrite: (repositoryId, login, signal) =>
      surelyWithin(repositoryId, signal, 'asking for a right', (access) => mayWrite(access, login)),
    approval: (key, revision, signal) =>
      within(key.repositoryId, signal, async (access) =>
        approval(access, await isOurs(signal), environment, key, revision),
      ),
    recordApproval: (key, given, signal) =>
      surelyWithin(key.repositoryId, signal, 'recording an approval', async (access) =>
        recordApproval(access, await isOurs(signal), environment, key, given),
      ),
    commandComments: async (key, signal) =>
      (await within(key.repositoryId, signal, (access) => commandComments(access, key))) ?? [],
  };
}

async function patientPullRequest(
  access: RepositoryAccess,
  key: PreviewKey,
  signal: AbortSignal,
): Promise<PullRequest> {
  for (const pauseMs of [...patienceMs, undefined]) {
    try {
      return (await access.get(pullRequestPath, { number: key.number }, pullRequestAnswer, pullRequestOf)).value;
    } catch (error) {
      const isMissing = error instanceof RefusedError && error.status === 404;
      if (!isMissing || pauseMs === undefined) throw error;
      await delay(pauseMs, undefined, { signal });
    }
  }
  throw new Error('unreachable: the last attempt returns or throws');
}
