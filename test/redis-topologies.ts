/** Redis as it runs in earnest: behind TLS, with Sentinels, as a Cluster. Each of a test's own, and without anything kept. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { run } from '../deploy/local/run.ts';
import { freePort } from '../deploy/local/free-port.ts';
import { type RedisServer, startRedis, startSentinel } from './redis-server.ts';

export interface RedisWithTls extends AsyncDisposable {
  readonly url: string;
  /** Of the server and of its client alike; signed by itself. */
  readonly certificate: string;
  readonly key: string;
}

/** A server that speaks TLS only to who shows the one certificate that it knows. `folder` is for the certificate. */
export async function startRedisWithTls(folder: string): Promise<RedisWithTls> {
  const [certificate, key] = [join(folder, 'certificate.pem'), join(folder, 'key.pem')];
  const subject = ['-subj', '/CN=redis', '-addext', 'subjectAltName=IP:127.0.0.1'];
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', key];
  await run(['openssl', 'req', '-x509', ...newKey, '-days', '1', ...subject, '-out', certificate]);
  const port = await freePort();
  const files = ['--tls-cert-file', certificate, '--tls-key-file', key, '--tls-ca-cert-file', certificate];
  const server = await startRedis(['--tls-port', `${port}`, '--tls-auth-clients', 'yes', ...files]);
  return {
    url: `rediss://127.0.0.1:${port}`,
    certificate: await readFile(certificate, 'utf8'),
    key: await readFile(key, 'utf8'),
    [Symbol.asyncDispose]: () => server.stop(),
  };
}

/** Several servers, one of which has our keys at any time. */
export interface RedisGroup extends AsyncDisposable {
  readonly url: string;
  /** Kills the server that has the keys; resolves when another one has taken its place. */
  failOver(): Promise<void>;
}

const deadAfterMs = 500;

/** A primary with a password and a replica, watched by three Sentinels. */
export async function startSentinels(password: string): Promise<RedisGroup> {
  await using stack = new AsyncDisposableStack();
  const server = async (...args: readonly string[]) => stack.use(await startRedis(args));
  const secrets = ['--requirepass', password, '--masterauth', password];
  const primary = await server(...secrets);
  const replica = await server(...secrets, '--replicaof', '127.0.0.1', portOf(primary));
  const name = 'berth-primary';
  const watch = [
    `sentinel monitor ${name} 127.0.0.1 ${portOf(primary)} 2`,
    `sentinel auth-pass ${name} ${password}`,
    `sentinel down-after-milliseconds ${name} ${deadAfterMs}`,
    `sentinel failover-timeout ${name} 5000`,
  ].join('\n');
  const sentinels: RedisServer[] = [];
  for (let nth = 0; nth < 3; nth += 1) sentinels.push(stack.use(await startSentinel(`${watch}\n`)));
  const admin = stack.adopt(new Redis(sentinels[0]?.url ?? ''), (client) => client.disconnect());
  await until('the Sentinels know each other and the replica', async () => {
    const [state] = (await admin.call('SENTINEL', 'MASTERS')) as string[][];
    const field = (key: string) => state?.[(state?.indexOf(key) ?? 0) + 1];
    return field('num-slaves') === '1' && field('num-other-sentinels') === '2';
  });
  const started = stack.move();
  return {
    url: `redis+sentinel://${sentinels.map((each) => `127.0.0.1:${portOf(each)}`).join(',')}/${name}`,
    async failOver() {
      await primary.kill();
      const client = new Redis(`redis://:${password}@127.0.0.1:${portOf(replica)}`);
      await until('the replica is the primary', async () => /role:master/.test(await client.info('replication')));
      client.disconnect();
    },
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  };
}

/** Three primaries and a replica of the one that has the slot of `prefix`. */
export async function startCluster(prefix: string): Promise<RedisGroup> {
  await using stack = new AsyncDisposableStack();
  const member = async () => {
    const args = ['--cluster-enabled', 'yes', '--cluster-node-timeout', `${deadAfterMs}`];
    const server = stack.use(await startRedis([...args, '--cluster-port', `${await freePort()}`]));
    const admin = stack.adopt(new Redis(server.url), (client) => client.disconnect());
    const id = await admin.cluster('MYID');
    return { server, admin, id };
  };
  const members = [await member(), await member(), await member(), await member()] as const;
  const [first, second, third, replica] = members;
  for (const { server } of [second, third, replica]) {
    const bus = await busPort(server);
    await first.admin.call('CLUSTER', 'MEET', '127.0.0.1', portOf(server), bus);
  }
  const slots = 16_384;
  for (const [nth, { admin }] of [first, second, third].entries()) {
    const [from, to] = [Math.ceil((slots / 3) * nth), Math.ceil((slots / 3) * (nth + 1)) - 1];
    await admin.call('CLUSTER', 'ADDSLOTSRANGE', from, to);
  }
  const slot = await first.admin.cluster('KEYSLOT', prefix);
  const owner = members[Math.floor(slot / (slots / 3))] ?? first;
  await until('the replica knows its primary', async () => {
    const known = await replica.admin.cluster('NODES');
    return String(known).includes(owner.id) && String(known).split('\n').filter(Boolean).length === 4;
  });
  await replica.admin.cluster('REPLICATE', owner.id);
  await until('the Cluster is whole', async () => {
    const infos = await Promise.all(members.map(({ admin }) => admin.cluster('INFO')));
    const link = await replica.admin.info('replication');
    return infos.every((info) => info.includes('cluster_state:ok')) && link.includes('master_link_status:up');
  });
  const started = stack.move();
  return {
    url: `redis+cluster://${members.map(({ server }) => `127.0.0.1:${portOf(server)}`).join(',')}`,
    async failOver() {
      owner.admin.disconnect();
      await owner.server.kill();
      await until('the replica has the slot', async () => /role:master/.test(await replica.admin.info('replication')));
    },
    [Symbol.asyncDispose]: () => started.disposeAsync(),
  };
}

function portOf({ url }: RedisServer): string {
  return new URL(url).port;
}

async function busPort({ url }: RedisServer): Promise<string> {
  const client = new Redis(url);
  try {
    const [, port] = await client.config('GET', 'cluster-port');
    return port ?? '';
  } finally {
    client.disconnect();
  }
}

/** Redis tells nobody how far it is. */
async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  const giveUpAt = Date.now() + 20_000;
  while (!(await isSo())) {
    if (Date.now() > giveUpAt) throw new Error(`${what}: not within 20 s`);
    await setTimeout(20);
  }
}
