/** A preview's deployments: one for each revision, all in one environment, the preview named by their task. */
import { createHash } from 'node:crypto';
import type { Logger } from 'pino';
import { z } from 'zod';
import { keyId, type PreviewKey } from '../../domain/preview.ts';
import { RetryLaterError } from '../../domain/errors.ts';
import type { Clock, DeploymentReport, Store } from '../../ports.ts';
import { deploymentAnswer, deploymentStatusAnswer, pullRequestAnswer, pullRequestOf } from './answers.ts';
import type { IsOurs } from './comments.ts';
import { listAll } from './pages.ts';
import { RefusedError } from './refused-error.ts';
import type { RepositoryAccess } from './repository-access.ts';

type Cache = Pick<Store, 'get' | 'set' | 'forget'>;
type Deployment = z.infer<typeof deploymentAnswer>;

export interface DeploymentContext {
  readonly access: RepositoryAccess;
  readonly cache: Cache;
  readonly clock: Clock;
  readonly log: Pick<Logger, 'warn'>;
  readonly isOurs: IsOurs;
  readonly environment: string;
  readonly key: PreviewKey;
}

/** How long the other deployments are believed to be inactive. */
const cacheMs = 10 * 60_000;
/** How often, and after what time, a deployment that GitHub refuses is tried again. */
const refusalsMost = 3;
const refusalMs = 30_000;
/** What GitHub is known to show; forgotten while it is being changed. */
const cachedDeployment = z.union([
  z.object({ state: z.literal('reported'), id: z.int(), revision: z.string(), digest: z.string() }),
  z.object({ state: z.literal('retired') }),
]);

/**
 * Makes the report the newest status of the revision's deployment, and the preview's other deployments inactive. GitHub's
 * own `auto_inactive` stays off: it would end the deployments of other pull requests in the environment.
 */
export async function writeDeployment(context: DeploymentContext, report: DeploymentReport): Promise<void> {
  const { access, cache, key } = context;
  const cacheKey = cacheKeyOf(key);
  const digest = createHash('sha256')
    .update(JSON.stringify(statusOf(report)))
    .digest('hex');
  const cached = readCached(await cache.get(cacheKey));
  const last = cached?.state === 'reported' ? cached : undefined;
  const isReported = last?.revision === report.revision && last.digest === digest;
  // A worker that was overtaken may have had the last word. To ask is free as long as nothing has changed.
  if (isReported && isSame(await newestStatus(access, last), report)) return;
  await cache.forget(cacheKey);
  let id: number | undefined;
  if (last?.revision === report.revision) {
    id = (await unlessGone(addStatus(access, last.id, statusOf(report)))) && last.id;
  }
  if (id === undefined) {
    const all = await findOurs(context);
    const existing = all.find(({ sha }) => sha === report.revision);
    id = existing?.id ?? (await createUnlessRefused(context, report));
    if (id === undefined) return;
    const shown = existing && (await newestStatus(access, existing));
    if (!isSame(shown, report)) await addStatus(access, id, statusOf(report));
    for (const other of all) {
      // With the last one known, the ones before it were made inactive when it came.
      if (other.id !== id && (!last || other.id === last.id)) await retire(access, other);
    }
  }
  await remember(cache, cacheKey, { state: 'reported', id, revision: report.revision, digest });
}

/** Makes all of the preview's deployments inactive. @returns how many were not. */
export async function retireDeployments(context: DeploymentContext): Promise<number> {
  const { access, cache, key } = context;
  const cacheKey = cacheKeyOf(key);
  if (readCached(await cache.get(cacheKey))?.state === 'retired') return 0;
  await cache.forget(cacheKey);
  let retired = 0;
  for (const deployment of await findOurs(context)) if (await retire(access, deployment)) retired += 1;
  await remember(cache, cacheKey, { state: 'retired' });
  return retired;
}

/** Pull requests that the newest hundred deployments in the environment are about. */
export async function deployedPullRequests(
  access: RepositoryAccess,
  isOurs: IsOurs,
  environment: string,
): Promise<readonly PreviewKey[]> {
  const { value: numbers } = await access.get(
    '/deployments',
    { environment, per_page: 100 },
    z.array(deploymentAnswer),
    (deployments) => [...new Set(deployments.map((each) => numberOf(each, isOurs)))],
  );
  return numbers
    .filter((number) => number !== undefined)
    .map((number) => ({ repositoryId: access.repository.id, number }));
}

function numberOf({ task, creator, ...rest }: Deployment, isOurs: IsOurs): number | undefined {
  const [, number] = /^preview:([1-9]\d*)$/.exec(task) ?? [];
  return number !== undefined && isOurs({ ...rest, user: creator }) ? Number(number) : undefined;
}

function taskOf(key: PreviewKey): string {
  return `preview:${key.number}`;
}

function cacheKeyOf(key: PreviewKey): string {
  return `deployment:${keyId(key)}`;
}

/**
 * The new deployment's id. `undefined` when GitHub does not know the revision: the pull request has gone on to another one,
 * and the deployment of that one is to come; or GitHub keeps refusing, and the preview is not held up for it.
 * @throws RetryLaterError when the revision is the head nevertheless: one part of GitHub may know it before another.
 */
async function createUnlessRefused(context: DeploymentContext, report: DeploymentReport): Promise<number | undefined> {
  const { access, cache, clock, log, key } = context;
  try {
    return await create(context, report);
  } catch (error) {
    if (!(error instanceof RefusedError) || error.status !== 422) throw error;
    const head = await access.get('/pulls/{number}', { number: key.number }, pullRequestAnswer, pullRequestOf);
    if (head.value.head.revision !== report.revision) return undefined;
    const cacheKey = `deployment-refused:${keyId(key)}:${report.revision}`;
    const refusals = Number((await cache.get(cacheKey)) ?? 0) + 1;
    await cache.set(cacheKey, String(refusals), cacheMs);
    const reason = `GitHub refuses a deployment of ${report.revision}`;
    if (refusals <= refusalsMost) throw new RetryLaterError(reason, clock.now() + refusalMs, { cause: error });
    log.warn({ err: error, preview: keyId(key), revision: report.revision }, 'deployment not shown');
    return undefined;
  }
}

async function create({ access, environment, key }: DeploymentContext, report: DeploymentReport): Promise<number> {
  const parameters = {
    ref: report.revision,
    task: taskOf(key),
    environment,
    payload: { preview: keyId(key) },
    description: `Preview of pull request #${key.number}`,
    transient_environment: true,
    production_environment: false,
    // A preview shows the commit itself, whatever has become of the base branch and of other checks.
    auto_merge: false,
    required_contexts: [],
  };
  return (await access.write('POST /deployments', parameters, deploymentAnswer)).id;
}

async function findOurs({ access, isOurs, environment, key }: DeploymentContext): Promise<readonly Deployment[]> {
  const task = taskOf(key);
  const ours = await listAll(
    (page) =>
      access.get('/deployments', { task, environment, ...page }, z.array(deploymentAnswer), (deployments) =>
        deployments.map((each) => (each.task === task && isOurs({ ...each, user: each.creator }) ? each : undefined)),
      ),
    10,
  );
  return ours.filter((deployment) => deployment !== undefined);
}

async function newestStatus(
  access: RepositoryAccess,
  { id }: Pick<Deployment, 'id'>,
): Promise<z.infer<typeof deploymentStatusAnswer> | undefined> {
  const statuses = await unlessGone(
    access.get(
      '/deployments/{deployment_id}/statuses',
      { deployment_id: id, per_page: 1 },
      z.array(deploymentStatusAnswer),
      (answer) => answer.slice(0, 1),
    ),
  );
  return statuses?.value[0];
}

/** @returns whether it was active. */
async function retire(access: RepositoryAccess, deployment: Deployment): Promise<boolean> {
  if ((await newestStatus(access, deployment))?.state === 'inactive') return false;
  return (await unlessGone(addStatus(access, deployment.id, { state: 'inactive' }))) ?? false;
}

async function addStatus(
  access: RepositoryAccess,
  id: number,
  status: Readonly<Record<string, string>>,
): Promise<true> {
  const parameters = { deployment_id: id, ...status, auto_inactive: false };
  await access.write('POST /deployments/{deployment_id}/statuses', parameters, deploymentStatusAnswer);
  return true;
}

function statusOf(report: DeploymentReport): Readonly<Record<string, string>> {
  const { state, description, environmentUrl } = report;
  return { state, description, ...(environmentUrl !== undefined && { environment_url: environmentUrl }) };
}

function isSame(shown: z.infer<typeof deploymentStatusAnswer> | undefined, report: DeploymentReport): boolean {
  return (
    shown !== undefined &&
    shown.state === report.state &&
    (shown.description ?? '') === report.description &&
    (report.environmentUrl === undefined || shown.environment_url === report.environmentUrl)
  );
}

async function remember(cache: Cache, cacheKey: string, value: z.infer<typeof cachedDeployment>): Promise<void> {
  await cache.set(cacheKey, JSON.stringify(value), cacheMs);
}

function readCached(text: string | undefined): z.infer<typeof cachedDeployment> | undefined {
  if (text === undefined) return undefined;
  try {
    return cachedDeployment.parse(JSON.parse(text));
  } catch {
    // A cache written by another version: as good as none.
    return undefined;
  }
}

async function unlessGone<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof RefusedError && error.status === 404) return undefined;
    throw error;
  }
}
