/** Where Redis is, as one URL says it: a server, a primary that Sentinels know, or a Cluster. */

interface RedisNode {
  readonly host: string;
  readonly port: number;
}

interface Common {
  readonly usesTls: boolean;
  readonly username: string | undefined;
  readonly password: string | undefined;
}

export type RedisAddress = Common &
  (
    | { readonly kind: 'server'; readonly node: RedisNode; readonly database: number }
    | {
        readonly kind: 'sentinel';
        readonly sentinels: readonly RedisNode[];
        /** The name under which the Sentinels know the primary. */
        readonly primary: string;
        readonly database: number;
      }
    | { readonly kind: 'cluster'; readonly nodes: readonly RedisNode[] }
  );

const shape = /^(rediss?)(?:\+(sentinel|cluster))?:\/\/(?:([^@/]*)@)?([^@/?#]+)((?:\/[^/?#]*)*)$/;
const examples = 'redis://redis:6379, redis+sentinel://a:26379,b:26379/primary or redis+cluster://a:6379,b:6379';

/**
 * Takes `redis://[user:password@]host[:port][/database]`, `redis+sentinel://…host[:port],…/primary[/database]` and
 * `redis+cluster://…host[:port],…`; with `rediss` in front they use TLS, also towards Sentinels. Users and passwords are
 * percent-encoded. Gives one sentence when the text is none of them.
 */
export function parseRedisUrl(text: string): RedisAddress | string {
  const match = shape.exec(text);
  if (match === null) return `must be a URL such as ${examples}`;
  const [, scheme, topology, userInfo = '', hosts = '', path = ''] = match;
  const credentials = credentialsOf(userInfo);
  if (credentials === undefined)
    return 'has a percent sign in its user or password that encodes nothing: write it as %25';
  const nodes: RedisNode[] = [];
  for (const host of hosts.split(',')) {
    const node = parseNode(host, topology === 'sentinel' ? 26_379 : 6_379);
    if (node === undefined) return `has "${host}" where a host and a port must be, such as redis:6379`;
    nodes.push(node);
  }
  const common = { usesTls: scheme === 'rediss', ...credentials };
  const segments = path.split('/').filter(Boolean);
  const [first] = nodes;
  if (topology === 'cluster') {
    if (segments.length > 0) return 'names a database, which a Redis Cluster does not have';
    return { ...common, kind: 'cluster', nodes };
  }
  const primary = topology === 'sentinel' ? segments.shift() : undefined;
  const database = Number(segments.shift() ?? '0');
  if (!Number.isInteger(database) || database < 0 || segments.length > 0) {
    return 'must end with the number of a database, or with none';
  }
  if (topology === 'sentinel') {
    if (primary === undefined)
      return 'must name the primary after the Sentinels, as in redis+sentinel://a:26379/primary';
    return { ...common, kind: 'sentinel', sentinels: nodes, primary, database };
  }
  if (first === undefined || nodes.length > 1) {
    return 'has several hosts: start it with redis+sentinel:// or redis+cluster://';
  }
  return { ...common, kind: 'server', node: first, database };
}

function credentialsOf(userInfo: string): Pick<Common, 'username' | 'password'> | undefined {
  const at = userInfo.indexOf(':');
  const [user, word] = at < 0 ? [userInfo, ''] : [userInfo.slice(0, at), userInfo.slice(at + 1)];
  try {
    return { username: decodeURIComponent(user) || undefined, password: decodeURIComponent(word) || undefined };
  } catch {
    return undefined;
  }
}

/** IPv6 addresses stand in brackets. */
function parseNode(text: string, defaultPort: number): RedisNode | undefined {
  const [, bracketed, plain, port] = /^(?:\[([0-9a-fA-F:.]+)\]|([\w.-]+))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  const number = Number(port ?? defaultPort);
  return host === undefined || number < 1 || number > 65_535 ? undefined : { host, port: number };
}
