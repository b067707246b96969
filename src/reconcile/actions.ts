/** Runs one step. Every action is idempotent, and asks for the fence before it changes the cluster. */
import { DiagnosedError } from '../domain/errors.ts';
import type { Plan } from '../domain/plan.ts';
import type { Desired, PreviewKey, PullRequest, Step } from '../domain/preview.ts';
import type { Snapshot } from '../ports.ts';
import { mayStillRun } from './approval.ts';
import { placedAt } from './configuration.ts';
import type { Fence } from './fence.ts';
import { type Observation, wantedNamespace } from './observe.ts';
import type { Limits, Ports } from './ports.ts';
import { releaseRequest } from './release-request.ts';

/** Steps that change something; the others end or suspend a pass. */
export type ActingStep = Exclude<Step, { readonly do: 'nothing' | 'stall' | 'wait' }>;

/** What the steps of one pass share. */
export interface Pass {
  readonly key: PreviewKey;
  readonly name: string;
  readonly pullRequest: PullRequest | undefined;
  readonly desired: Desired;
  /** Where chart and values files come from, set when `desired` is `present`. */
  readonly configuration: Snapshot | undefined;
  /** By image reference; filled by each look at the registry. */
  readonly digests: Map<string, string>;
  readonly limits: Limits;
  readonly signal: AbortSignal;
  readonly fence: Fence;
}

/** @throws what the port throws; a `DiagnosedError` of a release is written down instead, for the next look to find. */
export async function act(ports: Ports, pass: Pass, step: ActingStep, observation: Observation): Promise<void> {
  const { key, signal } = pass;
  const { namespace } = observation.observed;
  const fence = namespace.state === 'active' ? await pass.fence.claim(namespace.name, namespace.uid) : undefined;
  switch (step.do) {
    case 'cancel builds':
      return ports.queue.cancelBuilds(key, step.keep);
    case 'start builds':
      return startBuilds(ports, pass, step.images);
    case 'create namespace': {
      const wanted = wantedNamespace(pass);
      return wanted && ports.cluster.prepareNamespace(wanted, signal);
    }
    case 'delete namespace':
      if (namespace.state !== 'active') return;
      if (observation.hasDeleteHooks) {
        await uninstall(ports, pass, namespace.name);
        await pass.fence.check();
      }
      await ports.cluster.deleteNamespace(namespace.name, namespace.uid, signal);
      pass.fence.release();
      return;
    case 'unlock release':
      if (namespace.state === 'active') await ports.releaser.unlock(namespace.name, signal);
      return;
    case 'upgrade release':
      if (namespace.state === 'active' && pass.desired.state === 'present') {
        const isUpgrade = observation.observed.release.state !== 'absent';
        await upgrade(ports, pass, pass.desired.plan, step.planDigest, namespace, isUpgrade);
      }
      return;
    case 'record revision':
      if (!fence || pass.desired.state !== 'present') return;
      return ports.cluster.recordRevision(fence, pass.desired.revision, signal);
  }
}

async function startBuilds({ queue }: Ports, pass: Pass, names: readonly string[]): Promise<void> {
  const { desired, pullRequest, key } = pass;
  if (desired.state !== 'present' || !pullRequest) return;
  const { repository } = pullRequest;
  const { revision, trust, plan } = desired;
  const jobs = plan.images.flatMap((image) =>
    image.kind === 'build' && names.includes(image.name)
      ? [{ key, ref: image.ref, name: image.name, repository, revision, trust, build: image.build }]
      : [],
  );
  await queue.startBuilds(key, jobs);
}

async function upgrade(
  ports: Ports,
  pass: Pass,
  plan: Plan,
  planDigest: string,
  namespace: { readonly name: string; readonly uid: string },
  isUpgrade: boolean,
): Promise<void> {
  const { key, configuration, signal } = pass;
  if (!configuration) throw new Error(`deploying ${namespace.name}: no snapshot of ${plan.chartRevision}`);
  const { revision, chartRevision } = plan;
  const confirm = async () => {
    // Builds take their time. Failing leads to another look, which says why and waits.
    if (plan.trust === 'untrusted' && !(await mayStillRun(ports.forge, key, revision, signal))) {
      throw new Error(`deploying ${namespace.name}: ${revision} may not run any more`);
    }
  };
  await confirm();
  const digests = new Map(plan.images.map(({ name, ref }) => [name, pass.digests.get(ref) ?? '']));
  const record = async (
    version: number | undefined,
    outcome: Parameters<typeof ports.cluster.recordRelease>[1]['outcome'],
  ) => {
    const fence = await pass.fence.claim(namespace.name, namespace.uid);
    await ports.cluster.recordRelease(fence, { version, planDigest, revision, outcome }, signal);
  };
  try {
    await using release = await releaseRequest(plan, namespace.name, digests, configuration, signal);
    const released = await ports.releaser.upgrade({ ...release.request, isUpgrade, confirm }, signal);
    const { version, hasDeleteHooks } = released;
    const images = [...new Set(digests.values())];
    await record(version, { state: 'deployed', routes: plan.routes, hasDeleteHooks, images });
  } catch (error) {
    if (!(error instanceof DiagnosedError)) throw error;
    await record(undefined, { state: 'failed', diagnosis: placedAt(error.diagnosis, chartRevision, revision) });
  }
}

/** Delete hooks get their chance, for a bounded time; whatever they do, the namespace goes. */
async function uninstall({ releaser, log }: Ports, { limits, signal }: Pass, namespace: string): Promise<void> {
  try {
    await releaser.uninstall(namespace, limits.uninstallTimeoutMs, signal);
  } catch (err) {
    signal.throwIfAborted();
    log.warn({ err, namespace }, 'release not uninstalled, deleting its namespace anyway');
  }
}
