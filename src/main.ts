/** The program: configuration, adapters, roles, shutdown. */
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { type Logger, pino } from 'pino';
import { type Adapters, openAdapters } from './adapters.ts';
import { ServiceAccountError } from './adapters/kubernetes/service-account.ts';
import { sweepChoresOf, sweeping, workerChoresOf } from './chores.ts';
import { type Config, ConfigError, parseConfig, type Role } from './config.ts';
import { DataDirectoryError } from './data-directory.ts';
import { buildGateway } from './gateway/gateway.ts';
import { credentialsIn } from './held-credentials.ts';
import { logOptions } from './log.ts';
import { planSettings } from './plan-settings.ts';
import type { Redaction } from './ports.ts';
import { build } from './reconcile/build.ts';
import { type Chore, type ChoreClock, startChore } from './reconcile/chore.ts';
import type { ReconcileSettings } from './reconcile/ports.ts';
import { reconcilerFor } from './reconcile/reconciler.ts';
import { createRedaction } from './redaction.ts';
import { buildOperations } from './server/operations.ts';
import { buildServer } from './server/server.ts';

/** What a role leaves to be ended, in an order of its own. */
type Close = () => Promise<void>;

/** How long after the time-out for running work the process ends whatever happens. */
const lastResortMs = 10_000;

async function run(config: Config, redaction: Redaction, log: Logger): Promise<void> {
  const stopping = new AbortController();
  const stopped = once(stopping.signal, 'abort');
  for (const name of ['SIGTERM', 'SIGINT'] as const) {
    process.once(name, () => {
      log.info({ signal: name }, 'stopping');
      stopping.abort(new Error(name));
    });
  }
  await using adapters = await openAdapters(config, redaction, log);
  let phase: 'starting' | 'without Redis' | 'running' | 'stopping' = 'starting';
  const operations = buildOperations({
    checks: {
      redis: adapters.redis.ping,
      roles: async () => {
        // A gateway serves previews without Redis, and must be found while the roles beside it wait.
        const isServing = phase === 'running' || (phase === 'without Redis' && config.ROLES.includes('gateway'));
        if (!isServing) throw new Error('not all of them have started, or they are stopping');
      },
    },
    metrics: adapters.metrics,
    log,
  });
  await operations.listen(config.OPERATIONS_LISTEN);
  log.info({ port: portOf(operations.server) }, 'listening for operators');
  const sweeper = startChore(adapters.ports, sweeping(config, adapters.ports));
  const started: Close[] = [];
  try {
    for (const role of gatewayFirst(config.ROLES)) {
      if (role !== 'gateway') await adapters.redis.fit(stopping.signal, () => (phase = 'without Redis'));
      started.push(await start[role](config, adapters, log.child({ role }), sweeper));
    }
    phase = 'running';
    await stopped;
  } catch (error) {
    // Told to stop while waiting for Redis, there is nothing to say.
    if (!stopping.signal.aborted) throw error;
  } finally {
    phase = 'stopping';
    // Something that ignores its signal must not keep the process; what it did not finish is found again.
    setTimeout(() => process.exit(1), config.SHUTDOWN_TIMEOUT + lastResortMs).unref();
    await Promise.all([sweeper.close(), ...started.map((close) => close())]);
    await operations.close();
    log.info('stopped');
  }
}

/** It is the only role that does anything without Redis. */
function gatewayFirst(roles: readonly Role[]): readonly Role[] {
  return roles.toSorted((a, b) => Number(b === 'gateway') - Number(a === 'gateway'));
}

const start: Readonly<
  Record<Role, (config: Config, adapters: Adapters, log: Logger, sweeper: ChoreClock) => Promise<Close>>
> = {
  async server(config, { ports, redis }, log, sweeper) {
    const secrets = [config.GITHUB_WEBHOOK_SECRET, config.GITHUB_WEBHOOK_SECRET_OLD].filter(
      (each) => each !== undefined,
    );
    const server = buildServer({
      secrets,
      queue: ports.queue,
      appId: config.GITHUB_APP_ID,
      accounts: config.GITHUB_ACCOUNTS,
      onEverything: sweeper.soon,
      checks: { redis: redis.ping },
      refusalsPerMinute: config.WEBHOOK_REFUSAL_LIMIT,
      trusted: config.TRUSTED_PROXIES,
      telemetry: ports.telemetry,
      log,
    });
    await server.listen(config.LISTEN);
    log.info({ port: portOf(server.server) }, 'listening');
    return () => server.close();
  },
  async worker(config, adapters, log) {
    const { ports } = adapters;
    const workers = await ports.queue.work({
      reconcile: reconcilerFor(ports, settingsOf(config)),
      build: (job, signal) => build(ports, job, signal),
    });
    const chores = startChores(workerChoresOf(adapters), ports, log);
    return async () => {
      await Promise.all([workers.close(), chores()]);
    };
  },
  async gateway(config, { ports, directory }, log) {
    await directory.start(new AbortController().signal);
    const gateway = buildGateway({
      previewDomain: config.PREVIEW_DOMAIN,
      directory,
      statuses: ports.store,
      telemetry: ports.telemetry,
      log,
      scheme: config.PREVIEW_SCHEME,
      trusted: config.TRUSTED_PROXIES,
      limits: {
        requestsPerSecond: config.GATEWAY_REQUEST_LIMIT,
        pagesPerSecond: config.GATEWAY_PAGE_LIMIT,
        connections: config.GATEWAY_CONNECTION_LIMIT,
      },
      privateCookies: config.PRIVATE_COOKIES,
      drainMs: config.SHUTDOWN_TIMEOUT,
    });
    gateway.server.listen(config.GATEWAY_LISTEN.port, config.GATEWAY_LISTEN.host);
    await once(gateway.server, 'listening');
    log.info({ port: portOf(gateway.server) }, 'listening');
    return gateway.close;
  },
  async sweep(config, { ports }, log, sweeper) {
    sweeper.start();
    return startChores(sweepChoresOf(config, ports), ports, log);
  },
};

function startChores(chores: readonly Chore[], { store }: Adapters['ports'], log: Logger): Close {
  const clocks = chores.map((chore) => startChore({ store, log }, chore));
  for (const clock of clocks) clock.start();
  return async () => {
    await Promise.all(clocks.map((clock) => clock.close()));
  };
}

function settingsOf(config: Config): ReconcileSettings {
  return {
    plan: planSettings(config),
    limits: {
      readyTimeoutMs: config.READY_TIMEOUT,
      imageTimeoutMs: config.IMAGE_TIMEOUT,
      removalTimeoutMs: config.REMOVAL_TIMEOUT,
      uninstallTimeoutMs: config.UNINSTALL_TIMEOUT,
      resyncIntervalMs: config.RESYNC_INTERVAL,
    },
  };
}

function portOf(server: { address(): string | AddressInfo | null }): number {
  const address = server.address();
  return typeof address === 'object' && address ? address.port : 0;
}

let log: Logger | undefined;
try {
  const config = parseConfig();
  const redaction = createRedaction({ credentials: credentialsIn(config) });
  log = pino(logOptions({ level: config.LOG_LEVEL, role: config.ROLES.join(','), redaction }));
  await run(config, redaction, log);
  // Everything is closed by now; the Redis client would keep the process for the two seconds of its closing timer.
  process.exit(0);
} catch (error) {
  const isForOperators =
    error instanceof ConfigError || error instanceof DataDirectoryError || error instanceof ServiceAccountError;
  if (isForOperators) process.stderr.write(`${error.message}\n`);
  else (log ?? pino()).fatal({ err: error }, 'ended');
  process.exit(1);
}
