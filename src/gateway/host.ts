/** What the Host header asks for. */
import { parseHostLabel } from '../domain/names.ts';

export type RequestedHost =
  /** `label` is what comes before the preview domain. */
  | { readonly kind: 'preview'; readonly label: string; readonly namespace: string }
  /** The gateway's own health, asked for by a name that no preview can have. */
  | { readonly kind: 'health' }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'malformed' };

/** Sent as Host by health checks; `.internal` is reserved for private use, so no preview domain ends in it by chance. */
export const healthHost = 'berth-gateway.internal';

/**
 * Reads `<label>.<previewDomain>[:port]`, in any case, with or without the trailing dot of a full name. The port is
 * ignored: the gateway may stand behind another one.
 */
export function requestedHost(header: string | undefined, previewDomain: string): RequestedHost {
  const match = /^([a-z0-9.-]{1,254})(?::\d{1,5})?$/i.exec(header ?? '');
  if (!match?.[1]) return { kind: 'malformed' };
  const host = match[1].toLowerCase().replace(/\.$/, '');
  if (host === healthHost) return { kind: 'health' };
  const suffix = `.${previewDomain.toLowerCase()}`;
  const label = host.endsWith(suffix) ? host.slice(0, -suffix.length) : '';
  if (!/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(label)) return { kind: 'unknown' };
  const { namespace } = parseHostLabel(label);
  return namespace === '' ? { kind: 'unknown' } : { kind: 'preview', label, namespace };
}
