/** Where the parts of a GitHub are, by the address that people know it by. Pure. */

/** github.com, an Enterprise Server or a host of Enterprise Cloud. */
export interface GitHubHost {
  /** Where people go, without a slash at the end. */
  readonly webUrl: string;
  /** What `BERTH_GITHUB_API_URL` is to be. */
  readonly apiUrl: string;
}

/**
 * The GitHub at that address, `undefined` when it is none such as `https://github.com` or `https://github.example.com`.
 * Sources: docs.github.com/enterprise-server/rest/quickstart, docs.github.com/enterprise-cloud (data residency)
 */
export function gitHubHost(address: string): GitHubHost | undefined {
  const url = URL.parse(address);
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:')) return undefined;
  if (url.username !== '' || url.search !== '' || url.hash !== '' || url.pathname !== '/') return undefined;
  const { origin, protocol, host, hostname } = url;
  if (hostname === 'github.com' || hostname === 'www.github.com') {
    return { webUrl: 'https://github.com', apiUrl: 'https://api.github.com' };
  }
  if (hostname.endsWith('.ghe.com')) return { webUrl: origin, apiUrl: `${protocol}//api.${host}` };
  return { webUrl: origin, apiUrl: `${origin}/api/v3` };
}

/** Where a form with a manifest is sent. Source: docs.github.com, "Registering a GitHub App from a manifest". */
export function newAppUrl({ webUrl }: GitHubHost, organisation: string | undefined, state: string): string {
  const owner = organisation === undefined ? '' : `/organizations/${encodeURIComponent(organisation)}`;
  return `${webUrl}${owner}/settings/apps/new?state=${encodeURIComponent(state)}`;
}

/** Where an account's Apps are listed. */
export function appsUrl({ webUrl }: GitHubHost, organisation: string | undefined): string {
  const owner = organisation === undefined ? '' : `/organizations/${encodeURIComponent(organisation)}`;
  return `${webUrl}${owner}/settings/apps`;
}

/** Whether only this machine can reach a host. */
export function isLoopback(hostname: string): boolean {
  return (
    hostname === 'localhost' || hostname.endsWith('.localhost') || hostname === '[::1]' || hostname.startsWith('127.')
  );
}
