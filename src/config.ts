/** The configuration: parsed once from the environment, the only reader of it. `docs/configuration.md` lists every variable. */
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { accountPattern } from './domain/accounts.ts';
import { parseCidr } from './domain/cidr.ts';
import { defaultContainers, firstAbove, parseQuantities, type Quantities } from './domain/confinement.ts';
import { trustedProxies } from './domain/client-address.ts';
import { parseDuration } from './domain/duration.ts';
import { parseQuantity } from './domain/quantity.ts';
import { parseRedisUrl } from './domain/redis-address.ts';

const roles = ['server', 'worker', 'gateway', 'sweep'] as const;
export type Role = (typeof roles)[number];

const duration = (fallback: string) =>
  z
    .string()
    .default(fallback)
    .transform((text, context) => {
      const ms = parseDuration(text);
      if (ms !== undefined && ms > 0) return ms;
      context.addIssue({ code: 'custom', message: `"${text}" is not a duration such as 45s, 30m, 12h or 7d` });
      return z.NEVER;
    });

const list = (fallback: string) =>
  z
    .string()
    .default(fallback)
    .transform((text) =>
      text
        .split(',')
        .map((item) => item.trim())
        .filter(Boolean),
    );

const quantity = (fallback: string) =>
  z
    .string()
    .refine((text) => parseQuantity(text) !== undefined, 'must be an amount such as 500m, 2 or 8Gi')
    .default(fallback);

/** A list such as `pods=30,limits.memory=32Gi`; what it does not name is as in `fallback`. */
const quantities = (fallback: Quantities = {}) =>
  z
    .string()
    .default('')
    .transform((text, context) => {
      const parsed = parseQuantities(text);
      if (typeof parsed !== 'string') return { ...fallback, ...parsed };
      context.addIssue({ code: 'custom', message: parsed });
      return z.NEVER;
    });

const cidrs = () =>
  list('').pipe(
    z.array(
      z
        .string()
        .refine(
          (text) => (parseCidr(text)?.prefix ?? 0) > 0,
          'must be ranges of addresses such as 10.0.0.0/8, none of them everything',
        ),
    ),
  );

const namespaceName = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

const address = (fallback: string) =>
  z
    .string()
    .default(fallback)
    .transform((text, context) => {
      const match = /^(.*):(\d{1,5})$/.exec(text);
      if (match && Number(match[2]) <= 65_535)
        return { host: match[1] === '' ? '0.0.0.0' : (match[1] ?? ''), port: Number(match[2]) };
      context.addIssue({ code: 'custom', message: `"${text}" is not an address such as 0.0.0.0:8080` });
      return z.NEVER;
    });

const url = (pattern: RegExp, example: string) =>
  z.string().refine((text) => pattern.test(text) && URL.canParse(text), `must be a URL such as ${example}`);

const secret = z
  .string()
  .refine((text) => text.length >= 16, 'must have at least 16 characters: make one with `openssl rand -hex 32`');
const certificates = z
  .string()
  .default('')
  .transform((text, context) => {
    const each = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
    if ((text === '' || each.length > 0) && each.every(isCertificate)) return each;
    context.addIssue({ code: 'custom', message: 'must be certificates of authorities, as PEM text' });
    return z.NEVER;
  });
/** Without the text itself, which may be a key. */
const pem = (label: string) =>
  z.string().refine((text) => text.includes(`${label}-----`), `must be a PEM text with a ${label}`);
const absolutePath = z.string().startsWith('/', 'must be an absolute path');
const proxies = list('').transform((ranges, context) => {
  try {
    return trustedProxies(ranges);
  } catch (error) {
    context.addIssue({ code: 'custom', message: error instanceof Error ? error.message : String(error) });
    return z.NEVER;
  }
});
/** How much one address may ask; 0 for any number. */
const limit = (fallback: number) => z.coerce.number().int().min(0).max(1_000_000).default(fallback);
const whole = (fallback: number, max: number) => z.coerce.number().int().min(1).max(max).default(fallback);

/** One entry for each variable, without the prefix `BERTH_`. A variable set to the empty text counts as not set. */
const variables = z.object({
  ROLES: list(roles.join(',')).pipe(z.array(z.enum(roles, `must be among ${roles.join(', ')}`)).min(1)),
  LISTEN: address('0.0.0.0:8080'),
  GATEWAY_LISTEN: address('0.0.0.0:8081'),
  OPERATIONS_LISTEN: address('0.0.0.0:9090'),
  TRUSTED_PROXIES: proxies,
  WEBHOOK_REFUSAL_LIMIT: limit(60),
  GATEWAY_REQUEST_LIMIT: limit(500),
  GATEWAY_PAGE_LIMIT: limit(50),
  GATEWAY_CONNECTION_LIMIT: limit(5_000),
  PRIVATE_COOKIES: list(''),
  LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal']).default('info'),
  INSTANCE: z
    .string()
    .regex(/^[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?$/, 'must be a DNS label of at most 40 characters')
    .default('berth'),
  DATA_DIR: absolutePath.default('/var/lib/berth'),
  CA_CERTIFICATES: certificates,

  GITHUB_API_URL: url(/^https?:/, 'https://api.github.com').default('https://api.github.com'),
  GITHUB_APP_ID: z.coerce.number('must be the number of the GitHub App').int().positive(),
  GITHUB_PRIVATE_KEY: z.string().includes('PRIVATE KEY', "must be the PEM text of the App's private key"),
  GITHUB_WEBHOOK_SECRET: secret,
  GITHUB_WEBHOOK_SECRET_OLD: secret.optional(),
  GITHUB_ENVIRONMENT: z.string().max(255).default('preview'),
  GITHUB_ACCOUNTS: list('').pipe(
    z.array(z.string().regex(accountPattern, 'must be logins of users and organisations such as acme,octocat')),
  ),

  REDIS_URL: z.string().superRefine((text, context) => {
    const parsed = parseRedisUrl(text);
    if (typeof parsed === 'string') context.addIssue({ code: 'custom', message: parsed });
  }),
  REDIS_PASSWORD: z.string().optional(),
  REDIS_SENTINEL_PASSWORD: z.string().optional(),
  REDIS_CA: pem('CERTIFICATE').optional(),
  REDIS_CERTIFICATE: pem('CERTIFICATE').optional(),
  REDIS_KEY: pem('PRIVATE KEY').optional(),
  REDIS_PREFIX: z
    .string()
    .regex(/^\{[\w-]+\}$/, 'must be a word in braces, e.g. {berth}: the braces keep Redis Cluster in one slot')
    .default('{berth}'),

  REGISTRY: z
    .string()
    .regex(
      /^[\w.-]+(:\d+)?(\/[a-z0-9._-]+)*$/,
      'must be a registry with an optional path, e.g. registry.example.com/previews',
    ),
  INSECURE_REGISTRIES: list(''),
  BUILDKIT: list('docker:unix:///var/run/docker.sock'),
  BUILDKIT_UNTRUSTED: list(''),
  UNTRUSTED_REGISTRIES: list('docker.io,ghcr.io,quay.io,gcr.io,registry.k8s.io,mcr.microsoft.com,public.ecr.aws').pipe(
    z.array(z.string().regex(/^[a-z0-9.-]+(:\d+)?$/, 'must be hosts of registries such as docker.io')),
  ),
  BUILDX: z.string().default('docker-buildx'),
  PLATFORM: z
    .string()
    .regex(/^linux\/[a-z0-9/]+$/, 'must be a platform such as linux/amd64')
    .default(`linux/${process.arch === 'x64' ? 'amd64' : process.arch}`),
  DOCKER_CONFIG: absolutePath.optional(),
  BUILD_TIMEOUT: duration('30m'),
  BUILD_CONCURRENCY: whole(4, 1_000),
  IMAGE_RETENTION: duration('7d'),

  KUBECONFIG: absolutePath.optional(),
  HELM: z.string().default('helm'),
  HELM_TIMEOUT: duration('10m'),
  HELM_CONCURRENCY: whole(4, 1_000),
  DEPLOYER_ROLE: z.string().default('berth-deployer'),
  GATEWAY_NAMESPACE: z.string().default('berth'),
  POD_SECURITY: z.enum(['restricted', 'baseline', 'privileged']).default('restricted'),
  CHART_KINDS: list('').pipe(
    z.array(
      z
        .string()
        .regex(/^[a-z0-9.-]*\/[A-Z][A-Za-z0-9]*$/, 'must be groups and kinds such as postgresql.cnpg.io/Cluster'),
    ),
  ),
  CHART_ANNOTATIONS: list(''),
  UNTRUSTED_RUNTIME_CLASS: z.string().optional(),
  SECRETS_NAMESPACE: z.string().regex(namespaceName, 'must be the name of a namespace').optional(),
  QUOTA_CPU: quantity('4'),
  QUOTA_MEMORY: quantity('8Gi'),
  QUOTA_PODS: quantity('20'),
  QUOTA: quantities(),
  QUOTA_UNTRUSTED: quantities(),
  CONTAINER_REQUESTS: quantities(defaultContainers.requests),
  CONTAINER_LIMITS: quantities(defaultContainers.limits),
  CONTAINER_MAX: quantities(defaultContainers.max),
  GATEWAY_CIDRS: cidrs(),
  RESOLVERS: list('kube-system,169.254.20.10/32').pipe(
    z.array(
      z
        .string()
        .refine(
          (text) => namespaceName.test(text) || (parseCidr(text)?.prefix ?? 0) > 0,
          'must be namespaces and ranges of addresses such as kube-system,10.96.0.10/32',
        ),
    ),
  ),
  EGRESS: z.enum(['internet', 'none']).default('internet'),
  EGRESS_UNTRUSTED: z.enum(['internet', 'none']).default('none'),
  EGRESS_BLOCKED: cidrs(),
  EGRESS_ALLOWED: cidrs(),
  EGRESS_ALLOWED_UNTRUSTED: cidrs(),
  GIT: z.string().default('git'),

  PREVIEW_DOMAIN: z
    .string()
    .regex(/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/, 'must be a domain in lower case, e.g. previews.example.com'),
  PREVIEW_SCHEME: z.enum(['https', 'http']).default('https'),
  PREVIEW_PORT: z.coerce.number().int().min(1).max(65_535).optional(),

  READY_TIMEOUT: duration('10m'),
  IMAGE_TIMEOUT: duration('30m'),
  REMOVAL_TIMEOUT: duration('2m'),
  UNINSTALL_TIMEOUT: duration('1m'),
  SWEEP_INTERVAL: duration('2m'),
  RESYNC_INTERVAL: duration('1h'),
  SHUTDOWN_TIMEOUT: duration('25s'),
});

/** What decides how a preview is made, apart from the systems that make it. */
const previewVariables = variables
  .pick({
    INSTANCE: true,
    PLATFORM: true,
    INSECURE_REGISTRIES: true,
    GIT: true,
    HELM: true,
    HELM_TIMEOUT: true,
    DEPLOYER_ROLE: true,
    GATEWAY_NAMESPACE: true,
    POD_SECURITY: true,
    CHART_KINDS: true,
    CHART_ANNOTATIONS: true,
    UNTRUSTED_RUNTIME_CLASS: true,
    QUOTA_CPU: true,
    QUOTA_MEMORY: true,
    QUOTA_PODS: true,
    QUOTA: true,
    QUOTA_UNTRUSTED: true,
    CONTAINER_REQUESTS: true,
    CONTAINER_LIMITS: true,
    CONTAINER_MAX: true,
    GATEWAY_CIDRS: true,
    RESOLVERS: true,
    EGRESS: true,
    EGRESS_UNTRUSTED: true,
    EGRESS_BLOCKED: true,
    EGRESS_ALLOWED: true,
    EGRESS_ALLOWED_UNTRUSTED: true,
    PREVIEW_SCHEME: true,
    PREVIEW_PORT: true,
  })
  // What an installation must say has a stand-in here: names then are of the right shape.
  .extend({
    GITHUB_APP_ID: variables.shape.GITHUB_APP_ID.default(1),
    REGISTRY: variables.shape.REGISTRY.default('registry.example.com/previews'),
    PREVIEW_DOMAIN: variables.shape.PREVIEW_DOMAIN.default('previews.example.com'),
  });

export interface PreviewConfig extends Readonly<z.output<typeof previewVariables>> {}

export interface Config extends Readonly<z.output<typeof variables>> {
  /** Where a pod finds the API server of its cluster; used without `KUBECONFIG`. */
  readonly apiServer: { readonly host: string; readonly port: string };
}

/** The names of all variables, without the prefix `BERTH_`. */
export const variableNames: readonly string[] = Object.keys(variables.shape);

/** What only some roles use: processes without these, such as the gateways that strangers talk to, are better off without it. */
const usedBy: readonly { readonly name: string; readonly roles: readonly string[]; readonly standIn: string }[] = [
  { name: 'GITHUB_APP_ID', roles: ['server', 'worker', 'sweep'], standIn: '1' },
  { name: 'GITHUB_PRIVATE_KEY', roles: ['server', 'worker', 'sweep'], standIn: 'no PRIVATE KEY is given to this role' },
  { name: 'GITHUB_WEBHOOK_SECRET', roles: ['server'], standIn: 'no webhook secret is given to this role' },
];

const prefix = 'BERTH_';

type Environment = Readonly<Record<string, string | undefined>>;

/** The environment does not make a configuration; the message lists every variable that is wrong, one a line. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  /** One sentence for each variable that is wrong. */
  readonly problems: readonly string[];
  constructor(problems: readonly string[]) {
    super(`bad configuration:\n  ${problems.join('\n  ')}`);
    this.problems = problems;
  }
}

/**
 * The configuration in an environment. A variable may also be given as a file, by the same name with `_FILE`, which
 * is how Kubernetes mounts secrets. Credentials that no role of the process uses need not be there.
 * @throws ConfigError that lists every bad variable at once.
 */
export function parseConfig(env: Environment = process.env): Config {
  const { input, problems } = inputIn(env, variables.shape);
  const ownRoles = variables.shape.ROLES.safeParse(input['ROLES']).data ?? roles;
  for (const { name, roles: users, standIn } of usedBy) {
    if (!ownRoles.some((role) => users.includes(role))) input[name] ??= standIn;
  }
  const result = variables.safeParse(input);
  if (result.success) problems.push(...containerProblems(result.data));
  for (const issue of result.error?.issues ?? []) {
    const key = String(issue.path[0]);
    problems.push(`${prefix}${key}: ${key in input ? issue.message : 'is not set'}`);
  }
  // Set by Kubernetes in every pod.
  const apiServer = { host: env['KUBERNETES_SERVICE_HOST'] ?? '', port: env['KUBERNETES_SERVICE_PORT'] ?? '' };
  if (!input['KUBECONFIG'] && !apiServer.host) problems.push('BERTH_KUBECONFIG: is not set, and this is not a pod');
  if (!result.success || problems.length > 0) throw new ConfigError(problems);
  return Object.freeze({ ...result.data, apiServer });
}

/**
 * What an environment says about previews; the other variables are not looked at. Nothing has to be set.
 * @throws ConfigError that lists every bad variable at once.
 */
export function parsePreviewConfig(env: Environment = process.env): PreviewConfig {
  const { input, problems } = inputIn(env, previewVariables.shape);
  const result = previewVariables.safeParse(input);
  if (result.success) problems.push(...containerProblems(result.data));
  for (const issue of result.error?.issues ?? []) problems.push(`${prefix}${String(issue.path[0])}: ${issue.message}`);
  if (!result.success || problems.length > 0) throw new ConfigError(problems);
  return Object.freeze(result.data);
}

/** Where the person who types a command has programs. */
export function programPath(env: Environment = process.env): string {
  return env['PATH'] || '/usr/local/bin:/usr/bin:/bin';
}

/** The texts of the variables in `shape` that are set, by their names without the prefix. */
function inputIn(env: Environment, shape: object): { input: Record<string, string>; problems: string[] } {
  const problems: string[] = [];
  const input: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    if (!name.startsWith(prefix) || !value) continue;
    const given = name.slice(prefix.length);
    const key = given.endsWith('_FILE') && !(given in variables.shape) ? given.slice(0, -5) : given;
    if (!(key in variables.shape)) problems.push(`${name}: there is no such variable`);
    if (!(key in shape)) continue;
    try {
      input[key] = key === given ? value : readFileSync(value, 'utf8').trim();
    } catch (error) {
      problems.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return { input, problems };
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).ca;
  } catch {
    return false;
  }
}

/** How the person came over SSH, as its servers say it; `undefined` for somebody who did not. */
export function sshConnection(env: Environment = process.env): string | undefined {
  return env['SSH_CONNECTION'] || undefined;
}

/** The cluster refuses defaults that are more than what is allowed, in every namespace. */
function containerProblems(
  config: Pick<Config, 'CONTAINER_REQUESTS' | 'CONTAINER_LIMITS' | 'CONTAINER_MAX'>,
): readonly string[] {
  const { CONTAINER_REQUESTS: requests, CONTAINER_LIMITS: limits, CONTAINER_MAX: max } = config;
  const above = (name: string, lower: Quantities, upperName: string, upper: Quantities) => {
    const resource = firstAbove(lower, upper);
    return resource === undefined ? [] : [`${prefix}${name}: has more ${resource} than ${prefix}${upperName}`];
  };
  return [
    ...above('CONTAINER_REQUESTS', requests, 'CONTAINER_LIMITS', { ...max, ...limits }),
    ...above('CONTAINER_LIMITS', limits, 'CONTAINER_MAX', max),
  ];
}
