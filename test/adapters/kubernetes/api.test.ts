import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { waitUntil } from '../../../deploy/local/wait.ts';
import { kubernetesApi } from '../../../src/adapters/kubernetes/api.ts';
import { ApiError } from '../../../src/adapters/kubernetes/api-error.ts';
import { kubernetesCluster } from '../../../src/adapters/kubernetes/cluster.ts';
import { apiServer, type Handler, object, reply } from './api-server.ts';

const { signal } = new AbortController();

async function withServer<T>(
  handle: Handler,
  use: (api: ReturnType<typeof kubernetesApi>, requests: readonly string[]) => Promise<T>,
): Promise<T> {
  await using server = await apiServer(handle);
  const api = kubernetesApi(server.access);
  try {
    return await use(api, server.requests);
  } finally {
    await api.close();
  }
}

/** Answers with each of these in turn; the last one stays. */
function sequence(...handlers: readonly Handler[]): Handler {
  let nth = 0;
  return (...args) => {
    handlers[Math.min(nth, handlers.length - 1)]?.(...args);
    nth += 1;
  };
}

const ok: Handler = (_, response) => reply(response, 200, { fine: true });
const status =
  (code: number, headers = {}): Handler =>
  (_, response) =>
    reply(response, code, { kind: 'Status', code, reason: 'Reason', message: `status ${code}` }, headers);
const drop: Handler = (request) => request.socket.destroy();

describe('kubernetesApi', { timeout: 20_000 }, () => {
  for (const [name, handler] of [
    ['429 with Retry-After', status(429, { 'retry-after': '0' })],
    ['500', status(500)],
    ['503', status(503)],
    ['a dropped connection', drop],
  ] as const) {
    it(`G8 tries again after ${name}`, async () => {
      await withServer(sequence(handler, handler, ok), async (api, requests) => {
        assert.deepEqual(await api.json({ path: '/version' }, signal), { fine: true });
        assert.equal(requests.length, 3);
      });
    });
  }

  it('G8 gives up on a server that stays overloaded', async () => {
    await withServer(status(503), async (api, requests) => {
      await assert.rejects(
        api.json({ path: '/x' }, signal),
        (error) => error instanceof ApiError && error.status === 503,
      );
      assert.equal(requests.length, 4);
    });
  });

  it('does not repeat what was refused', async () => {
    for (const code of [400, 403, 404, 409, 422]) {
      await withServer(status(code), async (api, requests) => {
        await assert.rejects(api.json({ path: '/x' }, signal), (error) => {
          assert(error instanceof ApiError);
          assert.equal(error.message, `GET /x: ${code} status ${code}`);
          assert.equal(error.reason, 'Reason');
          return true;
        });
        assert.equal(requests.length, 1);
      });
    }
  });

  it('reads the credentials anew once when they are refused', async () => {
    await withServer(sequence(status(401), ok), async (api) => {
      assert.deepEqual(await api.json({ path: '/x' }, signal), { fine: true });
    });
    await withServer(status(401), async (api, requests) => {
      await assert.rejects(api.json({ path: '/x' }, signal), ApiError);
      assert.equal(requests.length, 2);
    });
  });

  it('lets what is under way end in peace when it reads the credentials anew', async () => {
    const { promise: goOn, resolve } = Promise.withResolvers<void>();
    const event = `${JSON.stringify({ type: 'ADDED', object: object('a') })}\n`;
    const handler: Handler = (_, response, { pathname }) => {
      if (pathname === '/refused') return status(401)(_, response, new URL('http://server'));
      if (pathname === '/fine') return reply(response, 200, {});
      response.writeHead(200).write(event);
      void goOn.then(() => response.end(event));
    };
    await using server = await apiServer(handler);
    const api = kubernetesApi(server.access);
    // One connection for what is under way, one for what is refused, and one that is idle then.
    await Promise.all([1, 2, 3].map(() => api.json({ path: '/fine' }, signal)));
    const names: string[] = [];
    for await (const { object } of api.watch<{ metadata: { name: string } }>({ path: '/x' }, signal)) {
      names.push(object.metadata.name);
      if (names.length > 1) continue;
      await assert.rejects(api.json({ path: '/refused' }, signal), ApiError);
      resolve();
    }
    assert.deepEqual(names, ['a', 'a']);
    // Nothing keeps a connection whose credentials are not used any more; the server itself would keep it for 5 s.
    await waitUntil('the connection to end', async () => (await server.connections()) === 0, { timeoutMs: 3_000 });
    await api.close();
  });

  it('gives up on a server that does not answer', async () => {
    await withServer(
      () => undefined,
      async (api) => {
        await assert.rejects(api.json({ path: '/x', timeoutMs: 50 }, signal), /GET \/x: no answer in time/);
      },
    );
  });

  it('stops when asked, whether it waits for an answer or before another try', async () => {
    const reason = new Error('newer');
    for (const handler of [() => undefined, status(429, { 'retry-after': '3' })]) {
      await withServer(handler, async (api) => {
        await assert.rejects(api.json({ path: '/x' }, abortedSoon(reason)), reason);
      });
    }
  });

  it('keeps its connections', async () => {
    await using server = await apiServer(ok);
    const api = kubernetesApi(server.access);
    for (let nth = 0; nth < 20; nth += 1) await api.json({ path: '/x' }, signal);
    assert((await server.connections()) <= 2);
    await api.close();
  });

  it('ends what is under way when it is closed, and begins nothing afterwards', async () => {
    await using server = await apiServer(() => undefined);
    const api = kubernetesApi(server.access);
    const waiting = assert.rejects(api.json({ path: '/x' }, signal), /the connection to the API server was closed/);
    await waitUntil('the request to arrive', async () => server.requests.length === 1);
    await api.close();
    await waiting;
    assert.equal(server.requests.length, 1);
  });

  it('does not follow where a server sends it', async () => {
    await withServer(
      (_, response) => void response.writeHead(302, { location: '/elsewhere' }).end(),
      async (api, requests) => {
        await assert.rejects(
          api.json({ path: '/x' }, signal),
          (error) => error instanceof ApiError && error.status === 302,
        );
        assert.deepEqual(requests, ['GET /x']);
      },
    );
  });

  it('closes a watch that nobody reads any more', async () => {
    const closed = Promise.withResolvers<void>();
    const handler: Handler = (request, response) => {
      request.on('close', () => closed.resolve());
      response.writeHead(200).write(`${JSON.stringify({ type: 'ADDED', object: object('a') })}\n`);
    };
    await withServer(handler, async (api) => {
      for await (const { type } of api.watch({ path: '/x' }, signal)) {
        assert.equal(type, 'ADDED');
        break;
      }
      await closed.promise;
    });
  });

  it('G8 prepares a namespace whose creation was answered by nobody', async () => {
    let created = 0;
    const labels: Record<string, string> = {};
    await using server = await apiServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const sent = chunks.length === 0 ? {} : (JSON.parse(Buffer.concat(chunks).toString()) as Sent);
        if (request.method === 'POST') {
          created += 1;
          // Committed, but the answer is lost; the second try finds it there.
          Object.assign(labels, sent.metadata?.labels);
          if (created === 1) request.socket.destroy();
          else reply(response, 409, { reason: 'AlreadyExists' });
        } else if (request.url?.includes('/serviceaccounts/berth-deployer')) {
          reply(response, 404, { reason: 'NotFound' });
        } else if (request.method === 'PATCH' && /namespaces\/[^/]+\//.test(request.url ?? '')) {
          reply(response, 200, sent);
        } else {
          reply(response, 200, { metadata: { name: 'pr-1', uid: 'uid', labels }, spec: { hard: {} } });
        }
      });
    });
    const cluster = kubernetesCluster(server.access, { instance: 'mine' });
    const key = { repositoryId: 1, number: 1 };
    const repository = { id: 1, owner: 'a', name: 'b', cloneUrl: '' };
    await cluster.prepareNamespace({ key, name: 'pr-1', repository, trust: 'trusted' }, signal);
    assert.equal(created, 2);
    assert.equal(labels['berth.dev/trust'], 'trusted');
    assert(server.requests.some((request) => /^PATCH .*\/rolebindings\/berth-deployer/.test(request)));
    await cluster.close();
  });
});

/** What a client sends of an object. */
interface Sent {
  readonly metadata?: { readonly labels?: object };
}

function abortedSoon(reason: Error): AbortSignal {
  const controller = new AbortController();
  setTimeout(() => controller.abort(reason), 30);
  return controller.signal;
}
