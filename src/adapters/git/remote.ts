/** Where a repository is fetched from, and with which credentials. */

export interface Remote {
  readonly url: string;
  /** Settings for git that carry the token to this one URL and nowhere else. */
  settings(token: string): Readonly<Record<string, string>>;
}

/**
 * Checks a clone URL: https, or http to this very machine where that is allowed.
 * @throws for every other URL, and for one that holds credentials.
 */
export function remoteAt(cloneUrl: string, allowHttpLoopback: boolean): Remote {
  const url = URL.parse(cloneUrl);
  const allowed =
    url?.protocol === 'https:' || (allowHttpLoopback && url?.protocol === 'http:' && isLoopback(url.hostname));
  if (!url || !allowed || url.username || url.password || url.search || url.hash) {
    throw new Error(`refusing to fetch from ${JSON.stringify(cloneUrl)}: not a plain https URL`);
  }
  return {
    url: url.href,
    settings: (token) => ({
      // The user name that GitHub wants beside an installation's token.
      // Source: docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app/authenticating-as-a-github-app-installation
      [`http.${url.href}.extraHeader`]: `Authorization: Basic ${btoa(`x-access-token:${token}`)}`,
    }),
  };
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}
