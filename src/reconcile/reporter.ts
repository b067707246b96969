import type { Status } from '../domain/status.ts';
import { commentOf, descriptionOf } from '../domain/comment.ts';
import type { DeploymentReport } from '../ports.ts';
import type { Ports } from './ports.ts';
import type { ReclaimCounter } from './reclaims.ts';
import { redactedStatus } from './redacted.ts';
import { settledKey } from './settled.ts';

/** Tells people about a preview while the work goes on. */
export interface Reporter {
  /** Takes the newest status. Returns at once; while one is being written, only the newest of the others is kept. */
  report(status: Status): void;
  /**
   * Resolves when the last status taken has been written.
   * @throws what the last writing failed with.
   */
  flush(): Promise<void>;
}

export interface ReporterOptions {
  /** The preview's. */
  readonly name: string;
  /** Asked before each writing; throws when another worker has taken over. */
  mayWrite(): Promise<void>;
  readonly reclaimed: ReclaimCounter;
  /** The pull request says something of a preview that there is or shall be. */
  readonly onReported?: () => void;
}

/** A reporter for one pass. Writing runs beside the work, so that GitHub's answering times never delay a preview. */
export function reporterFor(
  { forge, store, redaction }: Pick<Ports, 'forge' | 'store' | 'redaction'>,
  { name, mayWrite, reclaimed, onReported }: ReporterOptions,
  signal: AbortSignal,
): Reporter {
  let newest: Status | undefined;
  let writing: Promise<void> | undefined;
  let failure: unknown;

  const write = async (unredacted: Status): Promise<void> => {
    await mayWrite();
    const status = redactedStatus(unredacted, redaction);
    // Until this pass has settled, nothing is: it may end between what it writes and its look at whether that is still right.
    await store.forget(settledKey(status.key));
    await store.saveStatus(status.key, name, status);
    const isAbsent = status.phase === 'Removing' || status.phase === 'Removed';
    await forge.writeComment(status.key, commentOf(status), { onlyExisting: isAbsent }, signal);
    if (!isAbsent) onReported?.();
    if (status.phase === 'Removed') reclaimed('deployment', await forge.retireDeployments(status.key, signal));
    // What was approved may have been given up for what is not: nothing is being deployed any more.
    if (status.phase === 'Held' && status.serving === undefined) await forge.retireDeployments(status.key, signal);
    const deployment = deploymentOf(status);
    if (deployment) await forge.writeDeployment(status.key, deployment, signal);
    // GitHub takes its time: if another worker took over meanwhile, our word may have come after its last one. Failing
    // leads to another look, which puts it right.
    await mayWrite();
  };
  const writeAll = async (): Promise<void> => {
    for (let status = newest; status; status = newest) {
      newest = undefined;
      failure = undefined;
      try {
        await write(status);
      } catch (error) {
        failure = error;
      }
    }
    writing = undefined;
  };
  return {
    report(status) {
      newest = status;
      writing ??= writeAll();
    },
    async flush() {
      await writing;
      if (failure !== undefined) throw failure;
    },
  };
}

/** What GitHub's deployment should say; `undefined` when there is nothing to deploy. */
function deploymentOf(status: Status): DeploymentReport | undefined {
  if (status.revision === undefined) return undefined;
  const report = (state: DeploymentReport['state'], description = descriptionOf(status)): DeploymentReport => ({
    revision: status.revision ?? '',
    state,
    description,
    environmentUrl: status.urls[0]?.url,
  });
  switch (status.phase) {
    case 'Building':
    case 'Deploying':
      // One word for both: a deployment's status is read by programs, and each costs a request.
      return report('in_progress', 'Building and deploying');
    case 'Ready':
      return report('success');
    case 'Failed':
      return report('failure');
    case 'Held':
    case 'Removing':
    case 'Removed':
      return undefined;
  }
}
