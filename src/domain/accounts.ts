/** Whose pull requests get previews. */

/** A user or an organisation on the forge: letters, digits and hyphens; managed accounts also have an underscore. */
export const accountPattern = /^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$/;

/**
 * Whether an account is served.
 * @param served logins, in any case; without any, everybody is.
 * @param login `undefined` for what has none, such as an enterprise.
 */
export function isServed(served: readonly string[], login: string | undefined): boolean {
  if (served.length === 0) return true;
  return login !== undefined && served.some((each) => each.toLowerCase() === login.toLowerCase());
}
