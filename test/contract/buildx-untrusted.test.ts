import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { type BuildxBuilderOptions, buildxBuilder } from '../../src/adapters/buildx/buildx-builder.ts';
import { parseEndpoint } from '../../src/adapters/buildx/endpoint.ts';
import { DiagnosedError } from '../../src/domain/errors.ts';
import type { Trust } from '../../src/domain/preview.ts';
import type { Builder } from '../../src/ports.ts';
import { localStack } from '../local-stack.ts';
import { type RegistryProxy, startRegistryProxy } from './registry-proxy.ts';

const { signal } = new AbortController();
const { registry, tools, dockerHost, untrustedDockerHost } = localStack();
const base = `${registry}/library/busybox:stable`;

describe('buildxBuilder, of what a stranger has written', { timeout: 180_000 }, () => {
  const unique = randomBytes(4).toString('hex');
  const own = `${registry}/test-${unique}`;
  let folder: string;
  let proxy: RegistryProxy;
  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'untrusted-'));
    proxy = await startRegistryProxy();
  });
  after(async () => {
    await proxy[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });
  afterEach(() => {
    proxy.misbehave = undefined;
  });

  function builder(more: Partial<BuildxBuilderOptions> = {}): Builder {
    return buildxBuilder({
      instance: 'test',
      endpoints: [parseEndpoint(`docker:${dockerHost}`)],
      untrustedEndpoints: [parseEndpoint(`docker:${untrustedDockerHost}`)],
      ownRegistry: own,
      untrustedRegistries: [registry],
      buildxPath: tools.buildx,
      buildTimeoutMs: 60_000,
      directory: path.join(folder, 'buildx'),
      ...more,
    });
  }

  /** Builds as one trust or the other. @returns the reference and what the build has printed. */
  async function build(
    trust: Trust,
    dockerfile: string,
    { by = builder(), ref = `${own}/shop/web:${randomBytes(4).toString('hex')}` } = {},
  ): Promise<{ readonly ref: string; readonly log: string }> {
    const contextPath = await mkdtemp(path.join(folder, 'context-'));
    const dockerfilePath = path.join(contextPath, 'Dockerfile');
    await writeFile(dockerfilePath, dockerfile);
    const request = { ref, contextPath, dockerfilePath, target: undefined, args: {}, labels: {}, trust };
    const lines: string[] = [];
    await by.build(request, (line) => lines.push(line), signal);
    return { ref, log: lines.join('\n') };
  }

  async function refusal(dockerfile: string, more: Parameters<typeof build>[2] = {}): Promise<string> {
    const error = await build('untrusted', dockerfile, more).then(
      () => assert.fail('it was expected to be refused'),
      (reason: unknown) => reason,
    );
    assert.ok(error instanceof DiagnosedError, String(error));
    return error.diagnosis.message;
  }

  it('E13 is not done at all by a Berth that has no builder for it', async () => {
    const by = builder({ untrustedEndpoints: [] });
    await assert.rejects(build('untrusted', `FROM ${base}\n`, { by }), (error) => {
      assert.ok(error instanceof DiagnosedError);
      assert.equal(error.diagnosis.reason, 'BuilderMissing');
      assert.match(error.message, /no builder for pull requests from forks.*BERTH_BUILDKIT_UNTRUSTED/);
      return true;
    });
  });

  it('E13 goes to builders of its own and to no others', async () => {
    const nowhere = builder({ untrustedEndpoints: [parseEndpoint('unix:///untrusted.sock')] });
    await assert.rejects(
      build('untrusted', `FROM ${base}\n`, { by: nowhere }),
      /no BuildKit answers: unix:\/\/\/untrusted\.sock/,
    );
    await build('trusted', `FROM ${base}\n`, { by: nowhere });
  });

  it('E13 fills no cache folder that a trusted build sees, by whatever name', async () => {
    const lines = (id: string, command: string) =>
      // BuildKit takes a step from its cache whatever cache folder it had: no two steps may be alike.
      `FROM ${base}\nRUN --mount=type=cache,target=/c,id=${id} : ${randomBytes(4).toString('hex')} && ${command}\n`;
    const id = `modules-${unique}`;
    // Two walls: each repository's ids have a prefix, with another one for forks, and the daemon is another.
    for (const name of [id, `../../trusted/${own}/shop/${id}`, `trusted/${own}/shop/${id}`]) {
      await build('untrusted', lines(name, 'echo poison > /c/file'));
    }
    await build('trusted', lines(id, 'test ! -e /c/file && echo good > /c/file'));
    await build('trusted', lines(id, 'grep good /c/file'));
    // And the other way round: nothing of what trusted builds leave is shown to a stranger.
    await build('untrusted', lines(id, '( ! grep -r good /c )'));
  });

  it('E13 makes no layer that a trusted build of the same lines takes from the cache', async () => {
    const dockerfile = `FROM ${base}\nRUN date +%N > /made-${unique}\n`;
    const isCached = (log: string) => {
      const number = /^(#\d+) \[2\/2\] RUN date/m.exec(log)?.[1];
      assert.ok(number, log);
      return log.includes(`${number} CACHED`);
    };
    const first = await build('untrusted', dockerfile);
    const second = await build('trusted', dockerfile);
    assert.ok(!isCached(second.log), 'the step has run');
    const by = builder();
    assert.notEqual(await by.digestOf(first.ref, signal), await by.digestOf(second.ref, signal));
    assert.ok(isCached((await build('trusted', dockerfile)).log), 'a trusted build of the same lines does');
  });

  it('E13 runs no frontend that it brings along', async () => {
    assert.match(
      await refusal(`# syntax=${registry}/evil/frontend:1\nFROM ${base}\n`),
      /can only have `docker\/dockerfile`/,
    );
  });

  it('is allowed nothing that needs to be allowed, such as the network of the builder', async () => {
    assert.match(await refusal(`FROM ${base}\nRUN --network=host true\n`), /network\.host/);
  });

  it('has nothing fetched from where only the builder’s own machine can reach', async () => {
    const asked = proxy.requests.length;
    for (const lines of [
      `ADD http://${proxy.host}/v2/ /x`,
      `ADD https://${proxy.host}/v2/ /x`,
      `ADD http://${proxy.host}/x.git /x`,
      `ARG WHERE=http://${proxy.host}/v2/\nADD $WHERE /x`,
    ]) {
      assert.match(await refusal(`FROM ${base}\n${lines}\n`), /`ADD` of `\S+` is not for pull requests from forks/);
    }
    assert.equal(proxy.requests.length, asked);
    await build('trusted', `FROM ${base}\nADD http://${proxy.host}/v2/ /x\n`);
    assert.ok(proxy.requests.length > asked);
  });

  describe('reads none of our images', () => {
    let secret: string;
    before(async () => {
      secret = (await build('trusted', `FROM ${base}\nRUN echo top > /secret\n`, { ref: `${own}/other/app:1` })).ref;
    });

    for (const { name, dockerfile } of [
      { name: 'as its base', dockerfile: () => `FROM ${secret}\n` },
      { name: 'as a base that an argument names', dockerfile: () => `ARG X=${own}/other\nFROM \${X}/app:1\n` },
      {
        name: 'under the host’s name in capitals',
        dockerfile: () => `FROM ${secret.replace('localhost', 'LOCALHOST')}\n`,
      },
      {
        name: 'by another name of the registry',
        dockerfile: () => `FROM ${secret.replace('localhost', '127.0.0.1')}\n`,
      },
      { name: 'as a place to copy from', dockerfile: () => `FROM ${base}\nCOPY --from=${secret} /secret /\n` },
      {
        name: 'as something to mount',
        dockerfile: () => `FROM ${base}\nRUN --mount=from=${secret},target=/x cat /x/secret\n`,
      },
    ]) {
      it(name, async () => {
        assert.match(await refusal(dockerfile()), /the image `\S+\/other\/app:1` is not for pull requests from forks/);
      });
    }

    it('by digest', async () => {
      const digest = await builder().digestOf(secret, signal);
      assert.match(await refusal(`FROM ${own}/other/app@${digest}\n`), /is not for pull requests from forks/);
    });

    it('though trusted builds may', async () => {
      await build('trusted', `FROM ${secret}\nRUN grep top /secret\n`);
    });
  });

  it('cannot have us ask whomever a registry of its own names for a token', async () => {
    const asked = proxy.requests.length;
    for (const host of [proxy.host, proxy.host.replace('localhost', '127.0.0.1')]) {
      assert.match(
        await refusal(`FROM ${host}/library/busybox:stable\n`),
        /its registry is not in BERTH_UNTRUSTED_REGISTRIES/,
      );
    }
    assert.equal(proxy.requests.length, asked);
  });

  describe('with a registry that hands out tokens', () => {
    const password = `hunter2-${unique}`;
    let configDirectory: string;
    /** What tokens were asked for, with our credentials or without. */
    let asked: string[];
    before(async () => {
      configDirectory = path.join(folder, 'docker');
      await mkdir(configDirectory);
      const auths = {
        [proxy.host]: { auth: btoa(`berth:${password}`) },
        [registry]: { auth: btoa(`berth:${password}`) },
      };
      await writeFile(path.join(configDirectory, 'config.json'), JSON.stringify({ auths }));
    });

    /** A registry in which all repositories but `open` are private. A token is the scope that it is for. */
    function guard(open: (repository: string) => boolean): void {
      asked = [];
      proxy.misbehave = ({ url = '', headers }, response) => {
        const { pathname, searchParams } = new URL(url, `http://${proxy.host}`);
        if (pathname === '/token') {
          const scope = searchParams.getAll('scope').join(' ');
          const isOurs = headers.authorization !== undefined;
          asked.push(`${isOurs ? 'we' : 'anybody'} ${scope}`);
          const isOpen = scope.endsWith(':pull') && open(scope.split(':')[1] ?? '');
          response.writeHead(isOurs || isOpen ? 200 : 401).end(JSON.stringify({ token: scope, expires_in: 300 }));
          return true;
        }
        const repository = /^\/v2\/(.+)\/(?:manifests|blobs)\//.exec(pathname)?.[1];
        const granted = headers.authorization?.replace('Bearer ', '') ?? '';
        if (repository !== undefined && granted.includes(`repository:${repository}:`)) return false;
        const scope = repository === undefined ? '' : `,scope="repository:${repository}:pull"`;
        response
          .writeHead(401, { 'www-authenticate': `Bearer realm="http://${proxy.host}/token",service="x"${scope}` })
          .end();
        return true;
      };
    }

    it('pushes with a token for its own repository alone, and pulls with none of ours', async () => {
      guard((repository) => repository === 'library/busybox');
      const by = builder({ configDirectory, ownRegistry: `${proxy.host}/test-${unique}` });
      const path = `test-${unique}/shop/web`;
      const { ref } = await build('untrusted', `FROM ${base}\nRUN echo ${unique}-a\n`, {
        by,
        ref: `${proxy.host}/${path}:1`,
      });
      assert.ok(await by.digestOf(ref, signal));
      // The one token would be shown for all that is pulled from there, and open nothing: better say so at once.
      assert.match(
        await refusal(`FROM ${proxy.host}/library/busybox:stable\n`, { by, ref }),
        /is not for pull requests from forks/,
      );
      assert.deepEqual([...new Set(asked)].toSorted(), [
        `we repository:${path}:pull`,
        `we repository:${path}:pull,push`,
      ]);
    });

    it('cannot start from a private image that our credentials would open, nor tell whether there is one', async () => {
      await build('trusted', `FROM ${base}\n`, { ref: `${registry}/private-${unique}/app:1` });
      guard(() => false);
      const by = builder({ configDirectory, untrustedRegistries: [registry, proxy.host] });
      for (const image of [`${proxy.host}/private-${unique}/app:1`, `${proxy.host}/private-${unique}/nothing:1`]) {
        assert.match(await refusal(`FROM ${image}\n`, { by }), /the image `\S+` does not exist or may not be read/);
      }
      assert.ok(asked.length > 0);
      assert.deepEqual(
        asked.filter((line) => line.includes('private')).filter((line) => line.startsWith('we')),
        [],
      );
    });

    it('is given a password for the push alone, and then nothing of that registry, when it knows no tokens', async () => {
      const basic = `Basic ${btoa(`berth:${password}`)}`;
      const seen: string[] = [];
      proxy.misbehave = ({ url = '', headers }, response) => {
        if (headers.authorization === basic) {
          seen.push(url);
          return false;
        }
        response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
        return true;
      };
      const by = builder({ configDirectory, ownRegistry: `${proxy.host}/test-${unique}` });
      const ref = `${proxy.host}/test-${unique}/shop/web:3`;
      assert.match(
        await refusal(`FROM ${proxy.host}/library/busybox:stable\n`, { by, ref }),
        /is not for pull requests from forks/,
      );
      assert.ok(!seen.some((url) => url.includes('busybox')), seen.join('\n'));
      await build('untrusted', `FROM ${base}\nRUN echo ${unique}-b\n`, { by, ref });
      assert.ok(await by.digestOf(ref, signal));
    });
  });
});
