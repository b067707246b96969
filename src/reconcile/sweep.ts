import { keyId, type PreviewKey, type PullRequest, type Repository } from '../domain/preview.ts';
import type { PreviewNamespace } from '../ports.ts';
import type { Ports } from './ports.ts';
import { settledKey, settledValue } from './settled.ts';

type SweepPorts = Pick<Ports, 'forge' | 'cluster' | 'queue' | 'store' | 'log'>;

/**
 * Looks at everything once: every open pull request of every repository, and every namespace of ours. Triggers those
 * that are not as last settled. It removes nothing itself: a list that is short or wrong only costs a second look.
 * @returns how many previews were triggered.
 */
export async function sweep(ports: SweepPorts, signal: AbortSignal): Promise<number> {
  const { forge, cluster, queue, log } = ports;
  const namespaces = new Map((await cluster.previews(signal)).map((namespace) => [keyId(namespace.key), namespace]));
  const open = new Set<string>();
  let triggered = 0;
  const trigger = async (key: PreviewKey) => {
    signal.throwIfAborted();
    triggered += 1;
    await queue.trigger(key);
  };
  for (const repository of await forge.repositories(signal)) {
    for (const pullRequest of await listed(ports, repository, signal)) {
      const id = keyId(pullRequest.key);
      open.add(id);
      if (!(await isSettled(ports, pullRequest, namespaces.get(id)))) await trigger(pullRequest.key);
    }
  }
  for (const [id, namespace] of namespaces) if (!open.has(id)) await trigger(namespace.key);
  log.info({ open: open.size, namespaces: namespaces.size, triggered }, 'swept');
  return triggered;
}

/** The open pull requests of one repository, as far as it says. */
async function listed(
  { forge, log }: SweepPorts,
  repository: Repository,
  signal: AbortSignal,
): Promise<readonly PullRequest[]> {
  try {
    return await forge.openPullRequests(repository, signal);
  } catch (err) {
    signal.throwIfAborted();
    // One repository out of reach must not hide the others; its namespaces are looked at one by one.
    log.warn({ err, repository: `${repository.owner}/${repository.name}` }, 'open pull requests not listed');
    return [];
  }
}

async function isSettled(
  { store }: SweepPorts,
  pullRequest: PullRequest,
  namespace: PreviewNamespace | undefined,
): Promise<boolean> {
  if (namespace?.terminating) return false;
  return (await store.get(settledKey(pullRequest.key))) === settledValue(pullRequest, namespace?.uid);
}
