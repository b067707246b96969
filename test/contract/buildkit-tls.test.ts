import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { buildxBuilder } from '../../src/adapters/buildx/buildx-builder.ts';
import { parseEndpoint } from '../../src/adapters/buildx/endpoint.ts';
import { DiagnosedError } from '../../src/domain/errors.ts';
import type { Trust } from '../../src/domain/preview.ts';
import { type Authority, certificateAuthority, type Issued } from '../installed/authority.ts';
import { localStack } from '../local-stack.ts';
import { type BuildkitBridge, startBuildkitBridge } from './buildkit-bridge.ts';

const { signal } = new AbortController();
const host = '127.0.0.1';

describe('buildxBuilder, with a BuildKit that asks for certificates', { timeout: 120_000 }, () => {
  const { registry, tools, dockerHost, untrustedDockerHost } = localStack();
  const own = `${registry}/test-${randomBytes(4).toString('hex')}`;
  let folder: string;
  let ours: Authority;
  let theirs: Authority;
  let trusted: BuildkitBridge;
  let untrusted: BuildkitBridge;
  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'buildkit-tls-'));
    [ours, theirs] = await Promise.all([certificateAuthority(), certificateAuthority()]);
    const tls = { authority: ours.certificate, ...(await ours.issue(host)) };
    [trusted, untrusted] = await Promise.all([
      startBuildkitBridge(dockerHost, { host, tls }),
      startBuildkitBridge(untrustedDockerHost, { host, tls }),
    ]);
  });
  after(async () => {
    await Promise.all([trusted, untrusted, ours, theirs].map((each) => each[Symbol.asyncDispose]()));
    await rm(folder, { recursive: true });
  });

  /** A directory as an endpoint names it. */
  async function certificates(authority: string, { certificate, key }: Issued): Promise<string> {
    const directory = await mkdtemp(path.join(folder, 'certificates-'));
    const files = { 'ca.pem': authority, 'cert.pem': certificate, 'key.pem': key };
    for (const [name, text] of Object.entries(files)) await writeFile(path.join(directory, name), text);
    return directory;
  }

  async function build(trust: Trust, query: string): Promise<string> {
    const contextPath = await mkdtemp(path.join(folder, 'context-'));
    const dockerfilePath = path.join(contextPath, 'Dockerfile');
    await writeFile(
      dockerfilePath,
      `FROM ${registry}/library/busybox:stable\nRUN echo ${path.basename(contextPath)} > /made\n`,
    );
    const directory = await mkdtemp(path.join(folder, 'buildx-'));
    const builder = buildxBuilder({
      instance: 'test',
      endpoints: [parseEndpoint(`${trusted.url}${query}`)],
      untrustedEndpoints: [parseEndpoint(`${untrusted.url}${query}`)],
      ownRegistry: own,
      untrustedRegistries: [registry],
      buildxPath: tools.buildx,
      registryCache: true,
      buildTimeoutMs: 60_000,
      directory,
    });
    const ref = `${own}/shop/web:${path.basename(contextPath)}`.toLowerCase();
    const request = { ref, contextPath, dockerfilePath, target: undefined, args: {}, labels: {}, trust };
    const { digest } = await builder.build(request, () => undefined, signal);
    assert.equal(await builder.digestOf(ref, signal), digest);
    return digest;
  }

  for (const trust of ['trusted', 'untrusted'] as const) {
    it(`builds and pushes what is ${trust}`, async () => {
      const tls = await certificates(ours.certificate, await ours.issue(host));
      assert.match(await build(trust, `?tls=${tls}`), /^sha256:/);
    });
  }

  /** What whoever operates Berth reads. An author is never told: it is none of theirs. */
  async function refusal(query: string): Promise<string> {
    const error = await build('trusted', query).then(
      () => assert.fail('it was expected to fail'),
      (reason: unknown) => reason,
    );
    assert.ok(error instanceof Error && !(error instanceof DiagnosedError), String(error));
    return error.message;
  }

  it('is refused without a certificate', async () => {
    assert.match(await refusal(''), /no BuildKit answers: tcp:.*does it ask for another certificate/);
  });

  it('is refused with a certificate of another authority', async () => {
    const tls = await certificates(ours.certificate, await theirs.issue(host));
    assert.match(await refusal(`?tls=${tls}`), /no BuildKit answers: tcp:.*does it ask for another certificate/);
  });

  it('refuses a server with a certificate of another authority', async () => {
    const tls = await certificates(theirs.certificate, await ours.issue(host));
    assert.match(
      await refusal(`?tls=${tls}`),
      /no BuildKit answers: tcp:.*self-signed certificate in certificate chain/,
    );
  });

  it('refuses a server with a certificate for another address', async () => {
    const tls = { authority: ours.certificate, ...(await ours.issue('192.0.2.1')) };
    await using other = await startBuildkitBridge(dockerHost, { host, tls });
    const before = trusted;
    trusted = other;
    try {
      const query = `?tls=${await certificates(ours.certificate, await ours.issue(host))}`;
      assert.match(await refusal(query), /no BuildKit answers: tcp:.*127\.0\.0\.1 is not in the cert/);
    } finally {
      trusted = before;
    }
  });
});
