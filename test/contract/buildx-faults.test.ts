import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type BuildxBuilderOptions, buildxBuilder } from '../../src/adapters/buildx/buildx-builder.ts';
import { parseEndpoint, rankEndpoints } from '../../src/adapters/buildx/endpoint.ts';
import { DiagnosedError } from '../../src/domain/errors.ts';
import type { Builder, BuildRequest } from '../../src/ports.ts';
import { localStack } from '../local-stack.ts';
import { startBuildkitBridge } from './buildkit-bridge.ts';
import { startRegistryProxy } from './registry-proxy.ts';

const { signal } = new AbortController();
const silent = () => undefined;

describe('buildxBuilder', { timeout: 120_000 }, () => {
  const { registry, tools, dockerHost } = localStack();
  const docker = parseEndpoint(`docker:${dockerHost}`);
  const base = `${registry}/library/busybox:stable`;
  const unique = randomBytes(4).toString('hex');
  let folder: string;
  let directory: string;
  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'buildx-builder-'));
    directory = path.join(folder, 'temporary');
  });
  after(() => rm(folder, { recursive: true, force: true }));

  function builder(more: Partial<BuildxBuilderOptions> = {}): Builder {
    return buildxBuilder({
      instance: 'test',
      endpoints: [docker],
      ownRegistry: `${registry}/test-${unique}`,
      buildxPath: tools.buildx,
      buildTimeoutMs: 60_000,
      directory,
      ...more,
    });
  }

  async function request(dockerfile: string, more: Partial<BuildRequest> = {}): Promise<BuildRequest> {
    const contextPath = path.join(folder, randomBytes(4).toString('hex'));
    await mkdir(contextPath);
    await writeFile(path.join(contextPath, 'Dockerfile'), dockerfile);
    return {
      ref: `${registry}/test-${unique}/shop/web:${path.basename(contextPath)}`,
      contextPath,
      dockerfilePath: path.join(contextPath, 'Dockerfile'),
      target: undefined,
      args: {},
      labels: {},
      trust: 'trusted',
      ...more,
    };
  }

  it('goes on to the next endpoint when one does not listen, or listens and does not build', async () => {
    const open = new Set<Socket>();
    const deaf = createServer((socket) => {
      open.add(socket.on('error', silent));
      socket.end();
    }).listen(0, '127.0.0.1');
    await once(deaf, 'listening');
    const endpoints = [
      parseEndpoint('docker:unix:///nowhere.sock'),
      parseEndpoint(`docker:tcp://127.0.0.1:${(deaf.address() as AddressInfo).port}`),
    ];
    try {
      const build = await request(`FROM ${base}\n`);
      await assert.rejects(builder({ endpoints }).build(build, silent, signal), (error) => {
        assert.ok(error instanceof Error && !(error instanceof DiagnosedError));
        assert.match(error.message, /no BuildKit answers: .*nowhere\.sock: connect ENOENT/);
        return true;
      });
      const { digest } = await builder({ endpoints: [...endpoints, docker] }).build(build, silent, signal);
      assert.equal(await builder().digestOf(build.ref, signal), digest);
    } finally {
      deaf.close();
      for (const socket of open) socket.destroy();
    }
  });

  it('takes a registry that refuses the image for an outage, not for the author’s fault', async () => {
    const broken = createHttpServer((_, response) => response.writeHead(503).end()).listen(0, '127.0.0.1');
    await once(broken, 'listening');
    try {
      for (const host of [`localhost:${(broken.address() as AddressInfo).port}`, 'localhost:1']) {
        const build = await request(`FROM ${base}\n`, { ref: `${host}/acme/shop/web:1` });
        await assert.rejects(builder().build(build, silent, signal), (error) => {
          assert.ok(error instanceof Error && !(error instanceof DiagnosedError), String(error));
          assert.match(error.message, /building localhost:\d+\/acme\/shop\/web:1: exporting to image/);
          return true;
        });
      }
    } finally {
      broken.close();
      broken.closeAllConnections();
    }
  });

  it('takes a registry that goes away in the middle of a push for an outage, and pushes when it is back', async () => {
    await using proxy = await startRegistryProxy();
    let isCut = false;
    proxy.misbehave = ({ method }, response) => {
      if (isCut || method !== 'PUT') return false;
      // Once the first layer is on its way.
      isCut = true;
      response.destroy();
      void proxy.stop();
      return true;
    };
    const ref = `${proxy.host}/test-${unique}/cut/web:1`;
    const build = await request(`FROM scratch\nCOPY Dockerfile /\n`, { ref });
    await assert.rejects(builder().build(build, silent, signal), (error) => {
      assert.ok(error instanceof Error && !(error instanceof DiagnosedError), String(error));
      assert.match(error.message, /exporting to image/);
      return true;
    });
    assert.ok(isCut);
    await proxy.start();
    assert.equal(await builder().digestOf(ref, signal), undefined);
    const { digest } = await builder().build(build, silent, signal);
    assert.equal(await builder().digestOf(ref, signal), digest);
  });

  it('takes a BuildKit that goes away in the middle for an outage, and builds at the next one when asked again', async () => {
    const bridge = await startBuildkitBridge(dockerHost);
    const endpoints = [parseEndpoint(bridge.url), docker];
    const names = Array.from({ length: 64 }, (_, index) => `${registry}/test-${unique}/gone-${index}/web`);
    const first = names.find((name) => rankEndpoints(endpoints, name)[0]?.url === bridge.url);
    const dockerfile = `FROM ${base}\nRUN echo ${unique} started && sleep 3\n`;
    const build = await request(dockerfile, { ref: `${first}:1` });
    let gone: PromiseLike<void> | undefined;
    try {
      const under = builder({ endpoints });
      const onLog = (line: string) => {
        if (line.endsWith(`${unique} started`)) gone ??= bridge[Symbol.asyncDispose]();
      };
      await assert.rejects(under.build(build, onLog, signal), (error) => {
        assert.ok(error instanceof Error && !(error instanceof DiagnosedError), String(error));
        return true;
      });
      assert.ok(gone, 'the build had begun');
      const { digest } = await under.build(build, silent, signal);
      assert.equal(await under.digestOf(build.ref, signal), digest);
    } finally {
      await (gone ?? bridge[Symbol.asyncDispose]());
    }
  });

  it('takes a download for an outage when the server has one, and for the author’s fault when there is no such thing', async () => {
    const statuses = createHttpServer((asked, response) => {
      const status = Number(asked.url?.slice(1));
      if (status === 0) response.destroy();
      else response.writeHead(status).end();
    }).listen(0, '127.0.0.1');
    await once(statuses, 'listening');
    const { port } = statuses.address() as AddressInfo;
    try {
      for (const { status, isFault } of [
        { status: 503, isFault: false },
        { status: 429, isFault: false },
        { status: 0, isFault: false },
        { status: 404, isFault: true },
      ]) {
        const build = await request(`FROM ${base}\nADD http://127.0.0.1:${port}/${status} /x\n`);
        await assert.rejects(builder().build(build, silent, signal), (error) => {
          assert.equal(error instanceof DiagnosedError, isFault, `${status}: ${String(error)}`);
          return true;
        });
      }
    } finally {
      statuses.close();
      statuses.closeAllConnections();
    }
  });

  it('takes the registry of a base image that does not answer for an outage', async () => {
    const build = await request('FROM localhost:1/acme/base:1\n');
    await assert.rejects(builder().build(build, silent, signal), (error) => !(error instanceof DiagnosedError));
  });

  it('stops the running step in the daemon within two seconds of being aborted', async () => {
    const abort = new AbortController();
    const marker = `${60 + Math.random()}`;
    const build = await request(`FROM ${base}\nRUN echo started && sleep ${marker}\n`);
    let abortedAt = 0;
    const running = builder().build(
      build,
      (line) => {
        if (!line.endsWith(' started')) return;
        abortedAt = performance.now();
        abort.abort(new Error('superseded'));
      },
      abort.signal,
    );
    await assert.rejects(running, { message: 'superseded' });
    // BuildKit kills the step's container; on a machine of its own nobody else can see that.
    while ((await commandLines()).some((line) => line.includes(`sleep\0${marker}`))) {
      assert.ok(performance.now() - abortedAt < 2_000, 'the step is still running');
    }
  });

  it('says that a build takes too long, and during what', async () => {
    const build = await request(`FROM ${base}\nRUN echo waiting && sleep 61\n`);
    await assert.rejects(builder({ buildTimeoutMs: 2_000 }).build(build, silent, signal), (error) => {
      assert.ok(error instanceof DiagnosedError);
      assert.equal(error.diagnosis.reason, 'BuildTimedOut');
      assert.match(error.message, /took longer than 1 minute, during `RUN echo waiting && sleep 61`/);
      assert.deepEqual(error.diagnosis.log, ['waiting']);
      return true;
    });
  });

  it('keeps the cache folders of repositories apart', async () => {
    const dockerfile = (command: string) =>
      // BuildKit takes a step from its cache whatever cache folder it had: no two runs may have the same.
      `FROM ${base}\nRUN --mount=type=cache,target=/c,id=${unique} : ${unique} && ${command}\n`;
    const other = { ref: `${registry}/test-${unique}/other/web:1` };
    await builder().build(await request(dockerfile('echo ours > /c/file')), silent, signal);
    await builder().build(await request(dockerfile('test ! -e /c/file'), other), silent, signal);
    await builder().build(await request(dockerfile('grep ours /c/file')), silent, signal);
  });

  it('E6 survives a build that prints without end, and one whose Dockerfile has none', async () => {
    let length = 0;
    const dockerfile = [
      `FROM ${base}`,
      `RUN : ${unique} && yes "$(head -c 5000 /dev/zero | tr '\\0' x)" | head -c 20000000; head -c 20000000 /dev/zero | tr '\\0' y; exit 3`,
    ];
    const endless = await request(`${dockerfile.join('\n')}\n`);
    const onLog = (line: string) => {
      assert.ok(line.length < 4_100);
      length += line.length;
    };
    await assert.rejects(builder().build(endless, onLog, signal), (error) => {
      assert.ok(error instanceof DiagnosedError, String(error));
      assert.match(error.message, /exited with 3$/);
      assert.ok((error.diagnosis.log?.join('').length ?? 0) < 100_000);
      return true;
    });
    assert.ok(length > 0 && length < 17_000_000, String(length));
    const huge = await request(`FROM ${base}\n${'# x\n'.repeat(100_000)}`);
    await assert.rejects(builder().build(huge, silent, signal), /it is larger than 256 KiB/);
    const longest = await request(`FROM ${base}\nRUN exit 4 # ${'x'.repeat(120_000)}\n`);
    await assert.rejects(builder().build(longest, silent, signal), (error) => error instanceof DiagnosedError);
    const many = await request(`FROM ${base}\n${'ARG A\n'.repeat(30_000)}RUN exit 5\n`);
    await assert.rejects(builder().build(many, silent, signal), (error) => error instanceof DiagnosedError);
  });

  it('refuses references that would become something else on the command line', async () => {
    for (const ref of [`${registry}/acme/web`, `${registry}/acme/web:1,push=true`, '--help']) {
      await assert.rejects(
        builder().build(await request(`FROM ${base}\n`, { ref }), silent, signal),
        /not an image reference/,
      );
    }
  });

  it('leaves no file behind', async () => {
    const own = path.join(folder, 'own');
    await builder({ directory: own }).build(await request(`FROM ${base}\n`), silent, signal);
    const failing = await request(`FROM ${base}\nRUN false\n`);
    await assert.rejects(builder({ directory: own }).build(failing, silent, signal), DiagnosedError);
    assert.deepEqual(await readdir(own), []);
  });
});

async function commandLines(): Promise<readonly string[]> {
  const processes = (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry));
  return Promise.all(processes.map((id) => readFile(`/proc/${id}/cmdline`, 'utf8').catch(() => '')));
}
