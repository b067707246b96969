import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { run } from '../deploy/local/run.ts';
import { apiServer, reply } from './adapters/kubernetes/api-server.ts';

/** Prints the packages that a program has loaded by the time it ends, as JSON in the last line. */
const recorder = `
import { registerHooks } from 'node:module';
const packages = new Set();
registerHooks({
  resolve(specifier, context, next) {
    const found = next(specifier, context);
    const name = found.url.split('/node_modules/').at(-1).match(/^(?:@[^/]+[/])?[^/]+/);
    if (found.url.includes('/node_modules/')) packages.add(name[0]);
    return found;
  },
});
process.on('exit', () => console.log('\\n' + JSON.stringify([...packages])));
`;
const source = (path: string) => JSON.stringify(new URL(`../src/${path}`, import.meta.url).href);

describe('what is loaded to start', { timeout: 60_000 }, () => {
  let folder: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'start-up-'));
  });
  after(async () => {
    await rm(folder, { recursive: true });
  });

  /** The packages that this program loads, as a module of its own process. */
  async function loadedBy(program: string): Promise<readonly string[]> {
    const recording = `data:text/javascript,${encodeURIComponent(recorder)}`;
    const argv = ['--input-type=module', '--import', recording, '--eval', program];
    const output = await run([process.execPath, ...argv], { env: {}, timeoutMs: 60_000 });
    return JSON.parse(output.trim().split('\n').at(-1) ?? '') as string[];
  }

  /** All adapters, a web server, and a request to an API server that is reached in this way. */
  const asking = (access: string) => `
    await import(${source('adapters.ts')});
    await import(${source('chores.ts')});
    const { bareServer } = await import(${source('server/bare-server.ts')});
    await bareServer({ log: console, requestTimeoutMs: 1_000 }).ready();
    await import(${source('gateway/gateway.ts')});
    const { clusterAccess } = await import(${source('adapters/kubernetes/cluster-access.ts')});
    const { kubernetesCluster } = await import(${source('adapters/kubernetes/cluster.ts')});
    const cluster = kubernetesCluster(${access});
    await cluster.serverVersion(AbortSignal.timeout(20_000)).catch(console.error);
    await cluster.close();
  `;

  it('needs no client for Kubernetes in a pod, which would take longer than all the rest, and no compiler of schemas', async () => {
    for (const name of ['token', 'ca.crt']) await writeFile(join(folder, name), 'something');
    const files = JSON.stringify({ tokenPath: join(folder, 'token'), caPath: join(folder, 'ca.crt') });
    const inPod = await loadedBy(
      asking(`await clusterAccess(undefined, { host: '127.0.0.1', port: '1', ...${files} })`),
    );
    assert.ok(inPod.includes('bullmq'), inPod.join());
    assert.deepEqual(
      inPod.filter((name) => ['@kubernetes/client-node', 'undici', 'ajv'].includes(name)),
      [],
    );
  });

  it('takes it where there is a kubeconfig', async () => {
    await using server = await apiServer((_, response) => reply(response, 200, { gitVersion: 'v1.35.0' }));
    const path = join(folder, 'kubeconfig');
    await writeFile(path, server.kubeConfig.exportConfig());
    const outside = await loadedBy(asking(`await clusterAccess(${JSON.stringify(path)}, {})`));
    assert.ok(outside.includes('@kubernetes/client-node'), outside.join());
    assert.deepEqual(server.requests, ['GET /version']);
  });

  for (const [args, want] of [
    [['--help'], []],
    [['--version'], []],
    [['render', '--help'], []],
    [['schema'], ['zod']],
  ] as const) {
    it(`answers \`berth ${args.join(' ')}\` with ${want.join() || 'none of them'}`, async () => {
      const argv = JSON.stringify(['node', 'berth', ...args]);
      assert.deepEqual(await loadedBy(`process.argv = ${argv}; await import(${source('cli.ts')});`), want);
    });
  }
});
