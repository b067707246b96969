import { namespaceName } from '../domain/names.ts';
import { keyId, type PreviewKey, type PullRequest } from '../domain/preview.ts';
import type { PreviewNamespace } from '../ports.ts';
import type { Swept } from '../telemetry.ts';
import type { Ports } from './ports.ts';
import { isSettledAs, isSettledIn, settledKey } from './settled.ts';
import { missedEnds } from './sweep-ends.ts';
import { listsOf } from './sweep-lists.ts';
import { phasesOf } from './sweep-phases.ts';

type SweepPorts = Pick<Ports, 'forge' | 'queue' | 'store' | 'log'> & {
  /** `undefined` for a process that may see nothing of it: then only what the forge lists is looked at. */
  readonly cluster: Ports['cluster'] | undefined;
};

/** How many ends that were perhaps missed one sweep looks at. */
const mostEnds = 20;

/**
 * Looks at everything once: every namespace of ours, and in every repository the pull requests that are open, those closed
 * lately, and those that deployments are about. Triggers those that are not as last settled, and those that somebody else has
 * changed in the cluster. It removes nothing itself: a
 * list that is short or wrong only costs a second look, and one that fails hides nothing of the others.
 * @param instance by which previews without a namespace are counted, too.
 * @throws when the namespaces or the repositories could not be listed, after looking at all the rest.
 */
export async function sweep(ports: SweepPorts, signal: AbortSignal, instance = ''): Promise<Swept> {
  const { forge, cluster, queue, store, log } = ports;
  const failures: unknown[] = [];
  const orLater = async <T>(list: Promise<T>): Promise<T | undefined> => {
    try {
      return await list;
    } catch (error) {
      signal.throwIfAborted();
      failures.push(error);
      return undefined;
    }
  };
  let triggered = 0;
  const trigger = async (keys: readonly PreviewKey[]) => {
    for (const key of keys) {
      signal.throwIfAborted();
      log.debug({ preview: keyId(key) }, 'found not to be as last settled');
      await queue.trigger(key, { by: 'sweep' });
      triggered += 1;
    }
  };

  const namespaces = namespacesOf(cluster && (await orLater(cluster.previews(signal))));
  const disturbed = cluster && (await orLater(cluster.disturbed(signal)));
  const isDisturbed = ({ uid }: PreviewNamespace) => disturbed?.has(uid) === true;
  const repositories = await orLater(forge.repositories(signal));
  const open = new Set<string>();
  const unlisted = new Set<number>();
  const withoutNamespace: string[] = [];
  let endsLeft = mostEnds;
  for (const repository of repositories ?? []) {
    const lists = await listsOf(ports, repository, signal);
    if (!lists.open) unlisted.add(repository.id);
    for (const { key } of lists.open ?? []) {
      open.add(keyId(key));
      if (!namespaces?.has(keyId(key))) withoutNamespace.push(namespaceName(instance, key, repository.name));
    }
    await trigger(await unsettled(store, lists.open ?? [], namespaces, isDisturbed));
    const isSeen = (key: PreviewKey) => open.has(keyId(key)) || namespaces?.has(keyId(key)) === true;
    const ends = await missedEnds(store, lists, isSeen, endsLeft);
    endsLeft -= ends.length;
    await trigger(ends);
  }
  for (const [id, namespace] of namespaces ?? []) {
    if (open.has(id)) continue;
    const isUnlisted = !repositories || unlisted.has(namespace.key.repositoryId);
    if (!isUnlisted || isDisturbed(namespace) || !(await isBelieved(store, namespace))) await trigger([namespace.key]);
  }

  const terminating = [...(namespaces?.values() ?? [])].filter((namespace) => namespace.terminating).length;
  const reported = await phasesOf(store, namespaces ?? new Map(), withoutNamespace);
  const swept = { open: open.size, namespaces: namespaces?.size ?? 0, terminating, triggered, ...reported };
  log.info(swept, 'swept');
  if (failures.length > 0) throw failures[0];
  return swept;
}

type Namespaces = ReadonlyMap<string, PreviewNamespace>;

function namespacesOf(list: readonly PreviewNamespace[] | undefined): Namespaces | undefined {
  return list && new Map(list.map((namespace) => [keyId(namespace.key), namespace]));
}

/** Those that are not as last settled; without knowledge of namespaces, as far as the pull requests tell. */
async function unsettled(
  store: Ports['store'],
  pullRequests: readonly PullRequest[],
  namespaces: Namespaces | undefined,
  isDisturbed: (namespace: PreviewNamespace) => boolean,
): Promise<readonly PreviewKey[]> {
  const looked = await Promise.all(
    pullRequests.map(async (pullRequest) => {
      const namespace = namespaces?.get(keyId(pullRequest.key));
      const settled = await store.get(settledKey(pullRequest.key));
      const uid = namespaces ? (namespace?.uid ?? 'none') : 'any';
      const isOff = namespace !== undefined && (namespace.terminating || isDisturbed(namespace));
      return isOff || !isSettledAs(settled, pullRequest, uid) ? [pullRequest.key] : [];
    }),
  );
  return looked.flat();
}

/** Whether the last pass left the namespace as it is; for as long as no list says what it should be. */
async function isBelieved(store: Ports['store'], { key, uid, terminating }: PreviewNamespace): Promise<boolean> {
  return !terminating && isSettledIn(await store.get(settledKey(key)), uid);
}
