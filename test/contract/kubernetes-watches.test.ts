/** Watches that end, hang and break, on a real cluster. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { kubernetesServiceDirectory } from '../../src/adapters/kubernetes/service-directory.ts';
import type { FaultProxy } from '../fault-proxy.ts';
import { deployment, deploymentsPath, faultyPreview, stackAccess } from './kubernetes-stack.ts';

const { signal } = new AbortController();
/** So that a silent watch is noticed while the test waits. */
const relistMs = 1_000;

/** What happens to the open watches; no new one comes through until the proxy is healed. */
const disturbances: readonly { readonly name: string; disturb(proxy: FaultProxy): void }[] = [
  {
    name: 'end with a 410',
    disturb(proxy) {
      proxy.fault({ isWatch: true }, { do: 'expire watch' });
      assert(proxy.expireWatches() > 0);
    },
  },
  {
    name: 'hang',
    disturb(proxy) {
      proxy.fault({ isWatch: true }, { do: 'silence watch' });
      assert(proxy.silenceWatches() > 0);
    },
  },
  {
    name: 'are cut off together with everything else',
    disturb(proxy) {
      proxy.fault({}, { do: 'drop' });
      proxy.cut();
    },
  },
];

async function until(condition: () => boolean): Promise<void> {
  const deadline = AbortSignal.timeout(40_000);
  while (!condition()) {
    deadline.throwIfAborted();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

describe('Kubernetes: watches', { timeout: 150_000, concurrency: 2 }, () => {
  for (const { name, disturb } of disturbances) {
    it(`G9 follows workloads when watches ${name}`, async () => {
      await using stage = await faultyPreview({ relistMs });
      const { preview, proxy, cluster } = stage;
      await preview.prepare();
      const states = cluster.watchWorkloads(preview.name, AbortSignal.timeout(90_000))[Symbol.asyncIterator]();
      assert.deepEqual((await states.next()).value, { state: 'none' });
      const changed = states.next();
      await until(() => proxy.openWatches() >= 8);
      disturb(proxy);
      await preview.create(deploymentsPath(preview.name), deployment('web', {}));
      proxy.heal();
      let state = await changed;
      while (state.value?.state === 'progressing') state = await states.next();
      assert.deepEqual(state.value, { state: 'ready' });
      await states.return?.();
    });

    it(`G9 sees a namespace go when watches ${name}`, async () => {
      await using stage = await faultyPreview();
      const { preview, proxy, cluster } = stage;
      await preview.prepare();
      const uid = await preview.uid();
      const gone = cluster.namespaceGone(preview.name, uid, AbortSignal.timeout(60_000));
      await until(() => proxy.openWatches() === 1);
      disturb(proxy);
      await preview.cluster.deleteNamespace(preview.name, uid, signal);
      await preview.cluster.namespaceGone(preview.name, uid, signal);
      proxy.heal();
      await gone;
    });

    it(`G9 finds the previews that came and went when watches ${name}`, async () => {
      await using stage = await faultyPreview();
      const { preview, proxy } = stage;
      const access = stackAccess(proxy.kubeconfigPath);
      const directory = kubernetesServiceDirectory(access, { instance: preview.instance, relistMs });
      try {
        await directory.start(signal);
        await until(() => proxy.openWatches() === 1);
        disturb(proxy);
        await preview.prepare();
        proxy.heal();
        await until(() => directory.preview(preview.name) !== undefined);
        await until(() => proxy.openWatches() === 1);
        disturb(proxy);
        const uid = await preview.uid();
        await preview.cluster.deleteNamespace(preview.name, uid, signal);
        await preview.cluster.namespaceGone(preview.name, uid, signal);
        proxy.heal();
        await until(() => directory.preview(preview.name) === undefined);
      } finally {
        await directory.close();
      }
    });
  }
});
