import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { connectRegistries } from '../../../src/adapters/buildx/registry-connection.ts';
import { registryClient } from '../../../src/adapters/buildx/registry.ts';
import { RetryLaterError } from '../../../src/domain/errors.ts';

const { signal } = new AbortController();
const digest = `sha256:${'a'.repeat(64)}`;
const password = 'with:colon';

describe('registryClient', () => {
  let server: Server;
  let host: string;
  let directory: string;
  let requests: string[];
  let answer: (request: IncomingMessage, response: ServerResponse) => void;

  beforeEach(async () => {
    requests = [];
    server = createServer((request, response) => {
      requests.push(`${request.method} ${request.url}`);
      answer(request, response);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    directory = await mkdtemp(path.join(tmpdir(), 'docker-config-'));
  });
  afterEach(async () => {
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
    await rm(directory, { recursive: true });
  });

  const client = () => registryClient(connectRegistries({ configDirectory: directory, insecureRegistries: [] }));
  const configure = (config: object) => writeFile(path.join(directory, 'config.json'), JSON.stringify(config));
  const login = () => configure({ auths: { [host]: { auth: btoa(`bob:${password}`) } } });

  /** Wants a token for pulling, given to bob alone. */
  function withTokens(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? '', `http://${host}`);
    if (url.pathname === '/token') {
      if (request.headers.authorization !== `Basic ${btoa(`bob:${password}`)}`) {
        response.writeHead(request.headers.authorization ? 401 : 403).end();
        return;
      }
      assert.equal(url.searchParams.get('service'), 'registry');
      response.end(JSON.stringify({ token: `for ${url.searchParams.get('scope')}`, expires_in: 300 }));
    } else if (request.headers.authorization === 'Bearer for repository:acme/web:pull') found(response);
    else {
      const challenge = `Bearer realm="http://${host}/token",service="registry"`;
      response.writeHead(401, { 'www-authenticate': challenge }).end();
    }
  }

  it('asks for a tag or a digest and gives the registry’s digest', async () => {
    answer = (_, response) => found(response);
    assert.equal(await client().digestOf(`${host}/acme/web:1`, signal), digest);
    assert.equal(await client().digestOf(`${host}/acme/web`, signal), digest);
    assert.equal(await client().digestOf(`${host}/acme/web@${digest}`, signal), digest);
    assert.deepEqual(
      requests,
      ['1', 'latest', digest].map((version) => `HEAD /v2/acme/web/manifests/${version}`),
    );
  });

  it('computes the digest when the registry does not say it', async () => {
    answer = (_, response) => response.end('{"manifest": true}');
    const want = `sha256:${createHash('sha256').update('{"manifest": true}').digest('hex')}`;
    assert.equal(await client().digestOf(`${host}/acme/web:1`, signal), want);
  });

  it('knows nothing of what is not there', async () => {
    answer = (_, response) => response.writeHead(404).end();
    assert.equal(await client().digestOf(`${host}/acme/web:1`, signal), undefined);
  });

  for (const status of [500, 503, 400]) {
    it(`takes HTTP ${status} for an outage`, async () => {
      answer = (_, response) => response.writeHead(status).end();
      await assert.rejects(client().digestOf(`${host}/acme/web:1`, signal), new RegExp(`asking .*: HTTP ${status}`));
    });
  }

  it('takes a registry that does not answer for an outage', async () => {
    await assert.rejects(client().digestOf('127.0.0.1:1/acme/web:1', signal), /asking 127\.0\.0\.1:1 for/);
    answer = (_, response) => response.destroy();
    await assert.rejects(client().digestOf(`${host}/acme/web:1`, signal), /asking/);
  });

  it('comes back later when told so', async () => {
    answer = (_, response) => response.writeHead(429, { 'retry-after': '120' }).end();
    await assert.rejects(client().digestOf(`${host}/acme/web:1`, signal), (error) => {
      assert.ok(error instanceof RetryLaterError);
      assert.ok(error.retryAt > Date.now() + 100_000);
      return true;
    });
  });

  it('gets a token, and uses it again', async () => {
    answer = withTokens;
    await login();
    const under = client();
    assert.equal(await under.digestOf(`${host}/acme/web:1`, signal), digest);
    assert.equal(await under.digestOf(`${host}/acme/web:2`, signal), digest);
    assert.equal(requests.filter((line) => line.includes('/token')).length, 1);
  });

  it('sees nothing where a token is not granted, but tells wrong credentials', async () => {
    answer = withTokens;
    assert.equal(await client().digestOf(`${host}/acme/web:1`, signal), undefined);
    await login();
    assert.equal(await client().digestOf(`${host}/acme/other:1`, signal), undefined);
    await configure({ auths: { [host]: { username: 'eve', password: 'x' } } });
    await assert.rejects(client().digestOf(`${host}/acme/web:1`, signal), /for a token: HTTP 401/);
  });

  it('exchanges an identity token', async () => {
    answer = (request, response) => {
      if (request.headers.authorization === 'Bearer new') return found(response);
      if (request.method !== 'POST') {
        response.writeHead(401, { 'www-authenticate': `Bearer realm="http://${host}/token"` }).end();
        return;
      }
      let body = '';
      request.on('data', (chunk) => (body += chunk));
      request.on('end', () => {
        assert.equal(new URLSearchParams(body).get('refresh_token'), 'old');
        response.end(JSON.stringify({ access_token: 'new' }));
      });
    };
    await configure({ auths: { [`https://${host}/v1/`]: { auth: btoa('00000000:'), identitytoken: 'old' } } });
    assert.equal(await client().digestOf(`${host}/acme/web:1`, signal), digest);
  });

  it('answers a registry that wants a password with each request, read afresh', async () => {
    answer = (request, response) => {
      if (request.headers.authorization === `Basic ${btoa(`bob:${password}`)}`) return found(response);
      response.writeHead(401, { 'www-authenticate': 'Basic realm="registry"' }).end();
    };
    const under = client();
    await assert.rejects(under.digestOf(`${host}/acme/web:1`, signal), /it wants credentials, and there are none/);
    await configure({ auths: { [host]: { username: 'bob', password: 'old' } } });
    await assert.rejects(under.digestOf(`${host}/acme/web:1`, signal), /does not accept our credentials/);
    await login();
    assert.equal(await under.digestOf(`${host}/acme/web:1`, signal), digest);
  });

  it('says which configuration file is broken, and nothing of what is in it', async () => {
    answer = (_, response) => response.writeHead(401, { 'www-authenticate': 'Basic' }).end();
    await writeFile(path.join(directory, 'config.json'), '{"auths": {"x": {"auth": "c2VjcmV0"');
    await chmod(path.join(directory, 'config.json'), 0o600);
    await assert.rejects(client().digestOf(`${host}/acme/web:1`, signal), (error) => {
      assert.ok(error instanceof Error);
      assert.match(error.message, /config\.json: it is not a Docker configuration file/);
      assert.ok(!error.message.includes('c2VjcmV0'));
      return true;
    });
  });

  it('refuses what is no reference', async () => {
    for (const ref of ['', '-x', 'UPPER/CASE', 'a b', `${host}/acme/web:1,push=true`]) {
      await assert.rejects(client().digestOf(ref, signal), /not an image reference/);
    }
  });
});

function found(response: ServerResponse): void {
  response.writeHead(200, { 'docker-content-digest': digest }).end();
}
