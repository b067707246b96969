import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { access, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { containerdSocket } from '../../deploy/local/native/containerd.ts';
import { placesIn } from '../../deploy/local/places.ts';
import { buildxBuilder } from '../../src/adapters/buildx/buildx-builder.ts';
import { parseEndpoint } from '../../src/adapters/buildx/endpoint.ts';
import type { Builder, BuildRequest } from '../../src/ports.ts';
import { run } from '../../src/process.ts';
import { localStack } from '../local-stack.ts';

const { signal } = new AbortController();
const { cluster, registry, tools, dockerHost } = localStack();
const base = `${registry}/library/busybox:stable`;

describe('a BuildKit that has lost a layer', { timeout: 120_000 }, () => {
  const unique = randomBytes(4).toString('hex');
  let folder: string;
  let builder: Builder;
  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'lost-layer-'));
    builder = buildxBuilder({
      instance: 'test',
      endpoints: [parseEndpoint(`docker:${dockerHost}`)],
      ownRegistry: `${registry}/test-${unique}`,
      buildxPath: tools.buildx,
      buildTimeoutMs: 60_000,
      directory: path.join(folder, 'buildx'),
    });
  });
  after(() => rm(folder, { recursive: true, force: true }));

  async function request(dockerfile: string): Promise<BuildRequest> {
    const contextPath = path.join(folder, randomBytes(4).toString('hex'));
    await mkdir(contextPath);
    await writeFile(path.join(contextPath, 'Dockerfile'), dockerfile);
    return {
      ref: `${registry}/test-${unique}/web:${path.basename(contextPath)}`,
      contextPath,
      dockerfilePath: path.join(contextPath, 'Dockerfile'),
      target: undefined,
      args: {},
      labels: {},
      trust: 'trusted',
    };
  }

  /** Removes what BuildKit keeps of the last step of a build that was not pushed, as its own defect does. */
  async function loseLayer(marker: string): Promise<void> {
    const places = placesIn(process.env);
    const ctr = path.join(path.dirname(tools.docker), 'ctr');
    const command = ['--address', containerdSocket(places), '--namespace', 'berth-build', 'snapshots'];
    const snapshots = async (...args: string[]) =>
      (await run(ctr, [...command, ...args], { signal, env: {}, timeoutMs: 20_000 })).stdout;
    for (const line of (await snapshots('ls')).split('\n').filter((each) => each.trimEnd().endsWith('Active'))) {
      const key = line.split(/\s/)[0] ?? '';
      const mounts = await snapshots('mounts', '/x', key).catch(() => '');
      const upper = /upperdir=([^,\s]+)/.exec(mounts)?.[1];
      if (upper !== undefined && (await exists(path.join(upper, marker)))) await snapshots('rm', key);
    }
  }

  it('builds all the same, at once', {
    skip: cluster === 'native' ? false : 'only the native stack’s can be broken',
  }, async () => {
    const marker = `marker-${unique}`;
    const build = await request(`FROM ${base}\nRUN touch /${marker}\n`);
    const env = { DOCKER_HOST: dockerHost, HOME: folder, BUILDX_BUILDER: 'default' };
    const half = ['build', '--provenance=false', '--output=type=cacheonly', build.contextPath];
    await run(tools.buildx, half, { signal, env, timeoutMs: 60_000 });
    await loseLayer(marker);
    const lines: string[] = [];
    const { digest } = await builder.build(build, (line) => lines.push(line), signal);
    assert.equal(await builder.digestOf(build.ref, signal), digest);
    assert.ok(
      lines.some((line) => /has lost a layer/.test(line)),
      lines.join('\n'),
    );
    // The layer that was made anew is what others find in the cache.
    const later: string[] = [];
    await builder.build(
      await request(`FROM ${base}\nRUN touch /${marker}\nRUN true\n`),
      (line) => later.push(line),
      signal,
    );
    assert.ok(!later.some((line) => /has lost a layer/.test(line)), later.join('\n'));
  });

  it('never gets two builds of one image at the same time, which is how layers are lost', async () => {
    const build = await request(`FROM ${base}\nRUN echo ${unique}-begun && sleep 2\nRUN echo ${unique}-ended\n`);
    const said: string[] = [];
    const { promise: begun, resolve } = Promise.withResolvers<void>();
    const first = builder.build(
      build,
      (line) => {
        said.push(`first ${line}`);
        if (line.endsWith(`${unique}-begun`)) resolve();
      },
      signal,
    );
    await begun;
    const impatient = new AbortController();
    const waiting = builder.build(build, () => undefined, impatient.signal);
    const second = builder.build(build, (line) => said.push(`second ${line}`), signal);
    impatient.abort(new Error('superseded'));
    await assert.rejects(waiting, { message: 'superseded' });
    assert.ok(!said.some((line) => line.endsWith('-ended')), 'whoever waits can leave at once');
    assert.deepEqual(await second, await first);
    const lastOfFirst = said.findLastIndex((line) => line.startsWith('first '));
    assert.ok(said.findIndex((line) => line.startsWith('second ')) > lastOfFirst, said.join('\n'));
  });
});

function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}
