/** Which hooks a chart has, by what Helm makes of it. Pure. */
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';

const hooked = z.object({ metadata: z.object({ annotations: z.object({ 'helm.sh/hook': z.string() }) }) });

/** The events that a rendered manifest's hooks run at, e.g. `post-install`. */
export function hookEvents(manifest: string): ReadonlySet<string> {
  const events = new Set<string>();
  for (const document of parseAllDocuments(manifest, { logLevel: 'silent' })) {
    if ('empty' in document || !manifest.includes('helm.sh/hook')) continue;
    const { data } = hooked.safeParse(document.toJS({ maxAliasCount: 100 }));
    for (const event of data?.metadata.annotations['helm.sh/hook'].split(',') ?? []) events.add(event.trim());
  }
  return events;
}

/** Whether Helm must wait for readiness itself, because hooks run after that. */
export function hasPostHooks(events: ReadonlySet<string>): boolean {
  return events.has('post-install') || events.has('post-upgrade');
}

/** Whether the release must be uninstalled before its namespace goes. */
export function hasDeleteHooks(events: Iterable<string>): boolean {
  return [...events].some((event) => event === 'pre-delete' || event === 'post-delete');
}
