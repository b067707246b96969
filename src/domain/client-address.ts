/** Who a request comes from, when some of the proxies in front are known and anybody may claim anything. */
import { BlockList, isIP } from 'node:net';

export interface RequestOrigin {
  /** The nearest address that is not a trusted proxy's. */
  readonly client: string;
  /** The client and the trusted proxies after it, the nearest last: what may be believed of `X-Forwarded-For`. */
  readonly chain: readonly string[];
}

/** Whether an address belongs to a proxy that tells the truth about where its requests come from. */
export type TrustedProxies = (address: string) => boolean;

/** Nobody's word is taken. */
export const noProxies: TrustedProxies = () => false;

/**
 * The proxies at these addresses and ranges (`10.0.0.7`, `10.0.0.0/8`, `fd00::/8`).
 * @throws RangeError that names the first one which is neither.
 */
export function trustedProxies(ranges: readonly string[]): TrustedProxies {
  const list = new BlockList();
  for (const range of ranges) {
    const [address = '', bits, ...more] = range.split('/');
    const family = isIP(address);
    const maxBits = family === 6 ? 128 : 32;
    const prefix = bits === undefined ? maxBits : Number(bits);
    const isRange = family !== 0 && more.length === 0 && (bits === undefined || /^\d{1,3}$/.test(bits));
    if (!isRange || prefix > maxBits)
      throw new RangeError(`"${range}" is not an address or a range such as 10.0.0.0/8`);
    list.addSubnet(address, prefix, familyName(family));
  }
  return (address) => isIP(address) !== 0 && list.check(address, familyName(isIP(address)));
}

/**
 * Where a request comes from: `remote` is the other end of the connection, `forwardedFor` the value of `X-Forwarded-For`,
 * which counts as far as trusted proxies have written it.
 */
export function originOf(remote: string | undefined, forwardedFor: string, trusted: TrustedProxies): RequestOrigin {
  const chain = [plainAddress(remote ?? '') ?? 'unknown'];
  const claims = forwardedFor.split(',').toReversed();
  for (const claim of claims) {
    const [nearest = ''] = chain;
    if (!trusted(nearest)) break;
    const address = plainAddress(claim);
    if (address === undefined) break;
    chain.unshift(address);
  }
  return { client: chain[0] ?? 'unknown', chain };
}

/** What limits count by: an IPv4 address, or the /64 that one subscriber of IPv6 has to choose addresses from. */
export function limitKey(address: string): string {
  if (isIP(address) !== 6) return address;
  const [before = [], after] = address.split('::').map((part) => part.split(':').filter(Boolean));
  // An IPv4 address at the end stands for two groups.
  const count = before.length + (after ?? []).length + (address.includes('.') ? 1 : 0);
  const zeros = after === undefined ? [] : Array.from({ length: 8 - count }, () => '0');
  return [...before, ...zeros, ...(after ?? [])]
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':');
}

/** Without port, brackets, zone, and the prefix of IPv4 in IPv6; `undefined` for anything but an address. */
function plainAddress(text: string): string | undefined {
  const trimmed = text.trim();
  const [, bracketed] = /^\[([^\]]+)\](?::\d{1,5})?$/.exec(trimmed) ?? [];
  const [, withPort] = /^([\d.]+):\d{1,5}$/.exec(trimmed) ?? [];
  const address = (bracketed ?? withPort ?? trimmed).replace(/%.*$/, '').toLowerCase();
  const plain = /^::ffff:([\d.]+)$/.exec(address)?.[1] ?? address;
  return isIP(plain) === 0 ? undefined : plain;
}

function familyName(family: number): 'ipv4' | 'ipv6' {
  return family === 6 ? 'ipv6' : 'ipv4';
}
