import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { describe, it } from 'node:test';
import { kubernetesApi } from '../../../src/adapters/kubernetes/api.ts';
import type { KubernetesObject } from '../../../src/adapters/kubernetes/objects.ts';
import { reflect } from '../../../src/adapters/kubernetes/reflector.ts';
import { apiServer, type Handler, list, object, reply } from './api-server.ts';

interface Watcher {
  readonly response: ServerResponse;
  readonly resourceVersion: string | null;
}

/** A server whose lists and watches are scripted, and a reflection of it. */
async function reflected(lists: readonly object[], watch: (watcher: Watcher, nth: number) => void, hung: object = {}) {
  const seen: string[] = [];
  let listed = 0;
  let watched = 0;
  let wake = Promise.withResolvers<void>();
  const handler: Handler = (_, response, url) => {
    if (url.searchParams.get('watch') !== 'true') {
      reply(response, 200, lists[Math.min(listed, lists.length - 1)] ?? {});
      listed += 1;
      return;
    }
    response.writeHead(200);
    response.flushHeaders();
    watched += 1;
    watch({ response, resourceVersion: url.searchParams.get('resourceVersion') }, watched);
  };
  const server = await apiServer(handler);
  const api = kubernetesApi(server.access);
  const stop = new AbortController();
  const onChange = (objects: ReadonlyMap<string, KubernetesObject>) => {
    seen.push([...objects.values()].map(({ metadata }) => metadata.name).join(' '));
    wake.resolve();
    wake = Promise.withResolvers();
  };
  const done = reflect<KubernetesObject>(
    api,
    { path: '/objects' },
    { relistMs: 60_000, onChange, ...hung },
    stop.signal,
  );
  return {
    seen,
    lists: () => listed,
    async until(names: string) {
      while (seen.at(-1) !== names) await wake.promise;
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      await done;
      await api.close();
      await server[Symbol.asyncDispose]();
    },
  };
}

function send({ response }: Watcher, type: string, content: object): void {
  response.write(`${JSON.stringify({ type, object: content })}\n`);
}

describe('reflect', { timeout: 20_000 }, () => {
  it('lists, then follows from there', async () => {
    await using it = await reflected([list(7, ['a', 'b'])], (watcher) => {
      assert.equal(watcher.resourceVersion, '7');
      send(watcher, 'ADDED', object('c'));
      send(watcher, 'BOOKMARK', object('bookmark'));
      send(watcher, 'DELETED', object('a'));
    });
    await it.until('b c');
    assert.deepEqual(it.seen, ['a b', 'a b c', 'b c']);
  });

  it('understands events that arrive in pieces', async () => {
    await using it = await reflected([list(1, [])], ({ response }) => {
      const line = `${JSON.stringify({ type: 'ADDED', object: object('ä') })}\n`;
      const bytes = Buffer.from(line);
      const middle = bytes.indexOf('ä') + 1;
      response.write(bytes.subarray(0, middle));
      setTimeout(() => response.write(bytes.subarray(middle)), 20);
    });
    await it.until('ä');
  });

  it('G9 lists again when the watch has expired', async () => {
    await using it = await reflected([list(1, ['a']), list(9, ['b'])], (watcher, nth) => {
      if (nth === 1) send(watcher, 'ERROR', { kind: 'Status', code: 410, reason: 'Expired' });
    });
    await it.until('b');
    assert.deepEqual(it.seen, ['a', 'b']);
  });

  it('G9 lists again when the connection breaks', async () => {
    await using it = await reflected([list(1, ['a']), list(9, ['b'])], ({ response }, nth) => {
      if (nth === 1) response.destroy();
    });
    await it.until('b');
  });

  it('G9 lists again when the watch ends', async () => {
    await using it = await reflected([list(1, ['a']), list(9, ['b'])], ({ response }, nth) => {
      if (nth === 1) response.end();
    });
    await it.until('b');
  });

  it('G9 lists again when the watch hangs', async () => {
    await using it = await reflected([list(1, ['a']), list(9, ['b'])], () => undefined, {
      relistMs: 50,
      hangMs: 50,
    });
    await it.until('b');
  });

  it('G9 does not ask a server that ends every watch at once more than a few times a second', async () => {
    await using it = await reflected([list(1, [])], ({ response }) => response.end());
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    assert(it.lists() <= 4, `${it.lists()} lists in a second`);
  });

  it('fails when the first list does', async () => {
    await using server = await apiServer((_, response) => reply(response, 403, { reason: 'Forbidden' }));
    const api = kubernetesApi(server.access);
    const { signal } = new AbortController();
    await assert.rejects(reflect(api, { path: '/x' }, { relistMs: 1_000, onChange: () => undefined }, signal), /403/);
    await api.close();
  });
});
