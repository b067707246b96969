/** Which cookies cross the gateway. */

/** Cookies that are nobody's business behind the gateway. */
export interface PrivateCookies {
  has(name: string): boolean;
  /** A `Cookie` header without them; may be empty. */
  without(header: string): string;
}

/**
 * The cookies of these names, for all names that begin alike when one ends in `*`, in any case and with the prefixes
 * `__Host-` and `__Secure-` or without. `berth-*` is among them in any case: no preview sees or sets what Berth may need.
 */
export function privateCookies(names: readonly string[]): PrivateCookies {
  const patterns = [...names, 'berth-*'].map((name) => name.toLowerCase());
  const has = (name: string): boolean => {
    const plain = name.toLowerCase().replace(/^__(host|secure)-/, '');
    return patterns.some((pattern) =>
      pattern.endsWith('*')
        ? plain.startsWith(pattern.slice(0, -1))
        : plain === pattern.replace(/^__(host|secure)-/, ''),
    );
  };
  return {
    has,
    without(header) {
      // Some programs separate cookies by commas too, and would find one that hides in another's value.
      const hides = (cookie: string) => cookie.split(',').some((part) => has(nameOf(part)));
      return header
        .split(';')
        .map((cookie) => cookie.trim())
        .filter((cookie) => cookie !== '' && !hides(cookie))
        .join('; ');
    },
  };
}

/**
 * What a preview's `Set-Cookie` becomes: a cookie of its own host, and of no other. `undefined` when it must not be set.
 *
 * Browsers cut at every semicolon, quoted or not (RFC 6265, section 5.2), so that is what is done here; an attribute
 * that is `Domain` to anybody, with spaces, quotes or odd characters around, counts as one, however often it is there.
 */
export function ownCookie(setCookie: string, isPrivate: PrivateCookies): string | undefined {
  // A browser ignores such a cookie (RFC 6265bis, section 5.6); others may cut it at the character instead.
  // oxlint-disable-next-line no-control-regex
  if (/[\u0000-\u0008\u000a-\u001f\u007f]/.test(setCookie)) return undefined;
  const [cookie = '', ...attributes] = setCookie.split(';');
  if (isPrivate.has(nameOf(cookie))) return undefined;
  const kept = attributes.filter(
    (attribute) =>
      nameOf(attribute)
        .toLowerCase()
        .replace(/[^a-z]/g, '') !== 'domain',
  );
  return [cookie, ...kept].join(';');
}

function nameOf(cookie: string): string {
  return (cookie.split('=')[0] ?? '').trim();
}
