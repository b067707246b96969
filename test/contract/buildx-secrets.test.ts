import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { buildxBuilder } from '../../src/adapters/buildx/buildx-builder.ts';
import { parseEndpoint } from '../../src/adapters/buildx/endpoint.ts';
import { DiagnosedError } from '../../src/domain/errors.ts';
import type { Trust } from '../../src/domain/preview.ts';
import { localStack } from '../local-stack.ts';

const { signal } = new AbortController();
const { registry, tools, dockerHost, untrustedDockerHost } = localStack();
const base = `${registry}/library/busybox:stable`;

describe('buildxBuilder, with secrets', { timeout: 120_000 }, () => {
  const unique = randomBytes(4).toString('hex');
  const secret = `s3cret,"=${unique}\nof two lines`;
  let folder: string;
  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'secrets-'));
  });
  after(() => rm(folder, { recursive: true, force: true }));

  async function build(
    dockerfile: string,
    trust: Trust,
    onLog: (line: string) => void = () => undefined,
  ): Promise<string> {
    const contextPath = await mkdtemp(path.join(folder, 'context-'));
    const dockerfilePath = path.join(contextPath, 'Dockerfile');
    await writeFile(dockerfilePath, dockerfile);
    const ref = `${registry}/test-${unique}/shop/web:${path.basename(contextPath).toLowerCase()}`;
    const builder = buildxBuilder({
      instance: 'test',
      endpoints: [parseEndpoint(`docker:${dockerHost}`)],
      untrustedEndpoints: [parseEndpoint(`docker:${untrustedDockerHost}`)],
      ownRegistry: `${registry}/test-${unique}`,
      buildxPath: tools.buildx,
      buildTimeoutMs: 60_000,
      directory: path.join(folder, 'buildx'),
    });
    const request = { ref, contextPath, dockerfilePath, target: undefined, args: {}, labels: {}, trust };
    await builder.build({ ...request, secrets: new Map([['npm.token', secret]]) }, onLog, signal);
    return ref;
  }
  const mount = 'RUN --mount=type=secret,id=npm.token';

  it('lets a step read them, and leaves them nowhere', async () => {
    const size = Buffer.byteLength(secret);
    const whileRunning: string[] = [];
    const lines: string[] = [];
    const looking: Promise<void>[] = [];
    const dockerfile = [
      `FROM ${base}`,
      `${mount} test "$(wc -c < /run/secrets/npm.token)" = ${size} && sha256sum < /run/secrets/npm.token > /sum`,
      `${mount} echo ${unique}-running && sleep 2`,
      'RUN test ! -s /run/secrets/npm.token',
    ];
    const ref = await build(`${dockerfile.join('\n')}\n`, 'trusted', (line) => {
      lines.push(line);
      if (line.endsWith(`${unique}-running`)) looking.push(look(whileRunning, folder));
    });
    await Promise.all(looking);
    assert.ok(
      whileRunning.some((text) => text.includes('--secret=id=npm.token,env=')),
      'buildx was seen at work',
    );
    for (const text of [...whileRunning, ...lines, ...(await everythingOf(ref)), ...(await filesBelow(folder))]) {
      for (const form of [secret, `s3cret,"=${unique}`, Buffer.from(secret).toString('base64')]) {
        assert.ok(!text.includes(form), text.slice(0, 500));
      }
    }
  });

  it('gives a stranger’s build none, whatever it is given', async () => {
    const ref = await build(`FROM ${base}\n${mount} test ! -e /run/secrets/npm.token\n`, 'untrusted');
    assert.ok(ref);
    await assert.rejects(
      build(`FROM ${base}\n${mount},required=true cat /run/secrets/npm.token\n`, 'untrusted'),
      (error) => error instanceof DiagnosedError,
    );
  });
});

/** The command lines of all processes, and the files of the running build. */
async function look(seen: string[], folder: string): Promise<void> {
  const processes = (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry));
  for (const id of processes) seen.push(await readFile(`/proc/${id}/cmdline`, 'utf8').catch(() => ''));
  seen.push(...(await filesBelow(folder)));
}

async function filesBelow(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => path.join(entry.parentPath, entry.name));
  return Promise.all(files.map((file) => readFile(file, 'utf8').catch(() => '')));
}

/** An image as the registry has it: manifest, configuration with history and labels, and all layers. */
async function everythingOf(ref: string): Promise<readonly string[]> {
  const [, host, name, tag] = /^([^/]+)\/(.+):([^:]+)$/.exec(ref) ?? [];
  const accept = 'application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json';
  const answer = await fetch(`http://${host}/v2/${name}/manifests/${tag}`, { headers: { accept } });
  const text = await answer.text();
  const { config, layers } = JSON.parse(text) as { config: { digest: string }; layers: { digest: string }[] };
  const blob = async (digest: string) =>
    Buffer.from(await (await fetch(`http://${host}/v2/${name}/blobs/${digest}`)).bytes());
  const layerTexts = await Promise.all(
    layers.map(async ({ digest }) => gunzipSync(await blob(digest)).toString('latin1')),
  );
  assert.ok(
    layerTexts.some((layer) => layer.includes('sum')),
    'the layers were read',
  );
  return [text, (await blob(config.digest)).toString(), ...layerTexts];
}
