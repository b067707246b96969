/** A preview's deployments: one for each revision, all in one environment, the preview named by their task. */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { keyId, type PreviewKey } from '../../domain/preview.ts';
import type { DeploymentReport, Store } from '../../ports.ts';
import { deploymentAnswer, deploymentStatusAnswer } from './answers.ts';
import type { IsOurs } from './comments.ts';
import { listAll } from './pages.ts';
import { RefusedError } from './refused-error.ts';
import type { RepositoryAccess } from './repository-access.ts';

type Cache = Pick<Store, 'get' | 'set' | 'forget'>;
type Deployment = z.infer<typeof deploymentAnswer>;

export interface DeploymentContext {
  readonly access: RepositoryAccess;
  readonly cache: Cache;
  readonly isOurs: IsOurs;
  readonly environment: string;
  readonly key: PreviewKey;
}

const cacheMs = 7 * 24 * 60 * 60_000;
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
  if (last?.revision === report.revision && last.digest === digest) return;
  await cache.forget(cacheKey);
  let id: number | undefined;
  if (last?.revision === report.revision) {
    id = (await unlessGone(addStatus(access, last.id, statusOf(report)))) && last.id;
  }
  if (id === undefined) {
    const all = await findOurs(context);
    const existing = all.find(({ sha }) => sha === report.revision);
    id = existing?.id ?? (await create(context, report));
    const shown = existing && (await newestStatus(access, existing));
    if (!shown || !isSame(shown, report)) await addStatus(access, id, statusOf(report));
    for (const other of all) {
      // With the last one known, the ones before it were made inactive when it came.
      if (other.id !== id && (!last || other.id === last.id)) await retire(access, other);
    }
  }
  await remember(cache, cacheKey, { state: 'reported', id, revision: report.revision, digest });
}

/** Makes all of the preview's deployments inactive. */
export async function retireDeployments(context: DeploymentContext): Promise<void> {
  const { access, cache, key } = context;
  const cacheKey = cacheKeyOf(key);
  if (readCached(await cache.get(cacheKey))?.state === 'retired') return;
  await cache.forget(cacheKey);
  for (const deployment of await findOurs(context)) await retire(access, deployment);
  await remember(cache, cacheKey, { state: 'retired' });
}

function taskOf(key: PreviewKey): string {
  return `preview:${key.number}`;
}

function cacheKeyOf(key: PreviewKey): string {
  return `deployment:${keyId(key)}`;
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
  { id }: Deployment,
): Promise<z.infer<typeof deploymentStatusAnswer> | undefined> {
  const statuses = await access.get(
    '/deployments/{deployment_id}/statuses',
    { deployment_id: id, per_page: 1 },
    z.array(deploymentStatusAnswer),
    (answer) => answer.slice(0, 1),
  );
  return statuses.value[0];
}

async function retire(access: RepositoryAccess, deployment: Deployment): Promise<void> {
  if ((await newestStatus(access, deployment))?.state === 'inactive') return;
  await unlessGone(addStatus(access, deployment.id, { state: 'inactive' }));
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

function isSame(shown: z.infer<typeof deploymentStatusAnswer>, report: DeploymentReport): boolean {
  return (
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
