import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createControlApi } from './control-api.ts';
import { type Controls, createControls } from './controls.ts';
import { gitHubContract } from './description/contract.ts';
import { gitHubDescription } from './description/openapi.ts';
import { type Violation, Violations } from './description/violations.ts';
import { GitDisk } from './git/disk.ts';
import type { Served } from './git/smart-http.ts';
import { Faults } from './http/faults.ts';
import { RateLimit } from './http/rate-limit.ts';
import type { LoggedRequest } from './http/request-log.ts';
import { createRest } from './http/rest.ts';
import { Router } from './http/router.ts';
import { createGitHub } from './http/server.ts';
import { newPrivateKey } from './operations/new-apps.ts';
import { createReaders, type Readers } from './readers.ts';
import { appRoutes } from './routes/apps.ts';
import { checkRoutes } from './routes/checks.ts';
import { commentRoutes } from './routes/comments.ts';
import { commitRoutes } from './routes/commits.ts';
import { deliveryRoutes } from './routes/deliveries.ts';
import { deploymentRoutes } from './routes/deployments.ts';
import { newAppRoutes } from './routes/new-apps.ts';
import { pullRequestRoutes } from './routes/pull-requests.ts';
import { rateLimitRoutes } from './routes/rate-limit.ts';
import { refRoutes } from './routes/refs.ts';
import { repositoryRoutes } from './routes/repositories.ts';
import { statusRoutes } from './routes/statuses.ts';
import { stateSummary, until, type UntilOptions } from './until.ts';
import { Webhooks } from './webhooks/webhooks.ts';
import type { Permissions } from './world/entities.ts';
import { World } from './world/world.ts';

export interface SimulatorOptions {
  /** By default any free port. */
  readonly port?: number;
  /** The address to listen on, by default 127.0.0.1. */
  readonly host?: string;
  /** PEM texts; with them it speaks https. */
  readonly tls?: { readonly certificate: string; readonly key: string };
  /** Where clients find it when that is not the address it listens on, such as `http://host.internal:4000`. */
  readonly publicUrl?: string;
  readonly app?: {
    readonly id?: number;
    readonly slug?: string;
    /** An RSA key in PEM; by default one is made, once per process. */
    readonly privateKey?: string;
    /** What installations grant; by default what Berth needs. */
    readonly permissions?: Permissions;
    readonly events?: readonly string[];
  };
  readonly webhook?: { readonly url?: string; readonly secret?: string };
  /** How long an installation's token lives, by default an hour. */
  readonly tokenLifetimeMs?: number;
  /** Requests per hour and installation, by default 5000. */
  readonly rateLimit?: number;
  /** By default true. Without validation it costs less, and says less. */
  readonly validate?: boolean;
  /** By default false: whether `POST /_control/<operation>` takes orders. */
  readonly control?: boolean;
}

export interface Simulator extends Controls, Readers, AsyncDisposable {
  /** The API's root, for octokit's `baseUrl`. */
  readonly apiUrl: string;
  /** The root of pages and of git: `<htmlUrl>/<owner>/<name>.git` clones. */
  readonly htmlUrl: string;
  readonly gitUrl: string;
  /** The app as it is now: one that is made from a manifest takes the place of the first. */
  readonly app: {
    readonly id: number;
    readonly clientId: string;
    readonly slug: string;
    /** The account the app comments as. */
    readonly login: string;
    readonly privateKey: string;
    readonly webhookSecret: string;
  };
  readonly deliveries: Pick<
    Webhooks,
    'all' | 'hold' | 'release' | 'lose' | 'repeat' | 'behave' | 'redeliver' | 'settled'
  >;
  readonly faults: Faults;
  readonly rateLimit: RateLimit;
  /** Every request to the API and to git, oldest first. */
  readonly requests: readonly LoggedRequest[];
  /** Every commit that git was asked for, oldest first. */
  readonly fetched: readonly string[];
  readonly violations: readonly Violation[];
  readonly world: World;
  /** Says that a violation matching the pattern is meant to happen; `close` fails when it did not. */
  expectViolation(pattern: RegExp): void;
  /** Waits for something to be so; see `until.ts`. */
  until<T>(predicate: () => T | Promise<T>, options: UntilOptions): Promise<NonNullable<T>>;
  /** Stops everything, then throws an AggregateError when something did not follow GitHub's description. */
  close(): Promise<void>;
}

const routes = [
  ...appRoutes,
  ...newAppRoutes,
  ...deliveryRoutes,
  ...repositoryRoutes,
  ...commitRoutes,
  ...refRoutes,
  ...pullRequestRoutes,
  ...commentRoutes,
  ...checkRoutes,
  ...statusRoutes,
  ...deploymentRoutes,
  ...rateLimitRoutes,
];

const defaultPermissions: Permissions = {
  checks: 'write',
  contents: 'read',
  deployments: 'write',
  issues: 'write',
  metadata: 'read',
  pull_requests: 'write',
  statuses: 'write',
};

const defaultEvents = ['check_run', 'check_suite', 'delete', 'issue_comment', 'pull_request', 'push', 'repository'];

let sharedKey: Promise<string> | undefined;

/** Starts a GitHub on this machine. Its state lives in memory; nothing of it is left after `close`. */
export async function startSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  sharedKey ??= newPrivateKey();
  const [privateKey, folder] = await Promise.all([
    options.app?.privateKey ?? sharedKey,
    mkdtemp(join(tmpdir(), 'simulator-')),
  ]);
  const stop = new AbortController();
  let closing: Promise<void> | undefined;
  const requests: LoggedRequest[] = [];
  const violations = new Violations();
  const contract = options.validate === false ? undefined : gitHubContract();
  const host = options.host ?? '127.0.0.1';
  // The address must be known before anything can name a URL, so the port is opened first.
  const { tls } = options;
  const server = tls ? createTlsServer({ cert: tls.certificate, key: tls.key }) : createServer();
  server.listen(options.port ?? 0, host);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const { id = 1001, slug = 'berth-preview' } = options.app ?? {};
  const app = {
    id,
    clientId: `Iv23li${String(id).padStart(14, '0')}`,
    slug,
    name: slug,
    permissions: options.app?.permissions ?? defaultPermissions,
    events: options.app?.events ?? defaultEvents,
  };
  const world = new World(options.publicUrl ?? `${tls ? 'https' : 'http'}://${host}:${port}`, app, privateKey);
  const now = () => world.now();
  const secret = options.webhook?.secret ?? 'a webhook secret of the simulator';
  const webhooks = new Webhooks(world, violations, {
    secret,
    ...(options.webhook?.url !== undefined && { url: options.webhook.url }),
    ...(contract && { contract }),
  });
  const stage = { world, webhooks };
  const faults = new Faults(now);
  const rateLimit = new RateLimit(now, options.rateLimit ?? 5000);
  // A delayed answer ends with the simulator.
  const wait = (ms: number) => delay(ms, undefined, { signal: stop.signal }).catch(() => undefined);
  const log = (request: LoggedRequest) => void requests.push(request);
  const rest = createRest({
    stage,
    router: new Router(gitHubDescription(), routes),
    contract,
    violations,
    faults,
    rateLimit,
    tokenLifetimeMs: () => options.tokenLifetimeMs ?? 3_600_000,
    log,
    wait,
  });
  const controls = createControls(stage);
  const readers = createReaders(world);
  const control = options.control
    ? createControlApi({ ...controls, ...readers, violations: () => violations.all, requests: () => requests })
    : undefined;
  server.on('request', createGitHub({ world, disk: new GitDisk(folder), rest, faults, log, wait, control }));

  return {
    ...controls,
    ...readers,
    apiUrl: world.api(''),
    htmlUrl: world.origin,
    gitUrl: world.origin,
    get app() {
      const { id, clientId, slug } = world.app;
      const { privateKey, bot } = world;
      return { id, clientId, slug, login: bot.login, privateKey, webhookSecret: webhooks.secret };
    },
    deliveries: webhooks,
    faults,
    rateLimit,
    requests,
    get fetched() {
      return requests.flatMap(({ route, body }) => (route === 'git' && isServed(body) ? body.wants : []));
    },
    get violations() {
      return violations.all;
    },
    world,
    expectViolation: (pattern) => violations.expect(pattern),
    until: (predicate, waiting) => until(world, () => stateSummary(world, webhooks.all, requests), predicate, waiting),
    close,
    [Symbol.asyncDispose]: close,
  };

  function close(): Promise<void> {
    closing ??= stopEverything();
    return closing;
  }

  async function stopEverything(): Promise<void> {
    stop.abort();
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await Promise.all([closed, webhooks.close()]);
    await rm(folder, { recursive: true, force: true, maxRetries: 3 });
    violations.assertNone();
  }
}

function isServed(body: unknown): body is Pick<Served, 'wants'> {
  return typeof body === 'object' && body !== null && 'wants' in body;
}
