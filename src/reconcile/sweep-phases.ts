/** How many previews are in which phase, as the store remembers what was reported last: no forge and no cluster is asked. */
import type { PreviewNamespace, Store } from '../ports.ts';
import { livePhases, type LivePhase, type Swept } from '../telemetry.ts';

/** How many statuses are asked for at once. */
const atOnce = 100;

/** `others`: names of previews that may have a status without a namespace, such as those that wait for an approval. */
export async function phasesOf(
  store: Pick<Store, 'status'>,
  namespaces: ReadonlyMap<string, PreviewNamespace>,
  others: readonly string[],
): Promise<Pick<Swept, 'phases' | 'stuck'>> {
  const phases = Object.fromEntries(livePhases.map((phase) => [phase, 0])) as Record<LivePhase, number>;
  const leaving = new Set([...namespaces.values()].flatMap(({ name, terminating }) => (terminating ? [name] : [])));
  const names = [...[...namespaces.values()].map(({ name }) => name), ...others];
  let stuck = 0;
  for (let at = 0; at < names.length; at += atOnce) {
    const some = names.slice(at, at + atOnce);
    const statuses = await Promise.all(some.map((name) => store.status(name)));
    for (const [index, status] of statuses.entries()) {
      if (status === undefined || status.phase === 'Removed') continue;
      phases[status.phase] += 1;
      if (leaving.has(some[index] ?? '') && status.diagnosis?.reason === 'NamespaceStuck') stuck += 1;
    }
  }
  return { phases, stuck };
}
