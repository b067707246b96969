/** Ranges of addresses as network policies have them. Pure. */
import { isIPv4, isIPv6 } from 'node:net';

/**
 * A range such as `10.0.0.0/8` or `fc00::/7`, `undefined` when the text is none. IPv4 addresses within IPv6 (`::ffff:…`) are none:
 * Kubernetes takes them for IPv4's own and refuses them among others.
 */
export function parseCidr(text: string): { readonly version: 4 | 6; readonly prefix: number } | undefined {
  const [, address = '', digits = ''] = /^([0-9a-fA-F.:]+)\/(\d{1,3})$/.exec(text) ?? [];
  const prefix = Number(digits);
  if (digits !== String(prefix)) return undefined;
  if (isIPv4(address) && prefix <= 32) return { version: 4, prefix };
  return isIPv6(address) && !/^[0:]*:ffff:/i.test(address) && prefix <= 128 ? { version: 6, prefix } : undefined;
}
