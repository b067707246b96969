/** Charts that change what Kubernetes does not let change. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { corePath } from '../../src/adapters/kubernetes/collections.ts';
import { restrictedContainer, restrictedPod } from './charts.ts';
import { failure, type HelmStage, helmStage } from './helm-stage.ts';
import { image } from './kubernetes-stack.ts';

const { signal } = new AbortController();

const podSpec = (command: string, more = '') =>
  `{ ${more} terminationGracePeriodSeconds: 1, ${restrictedPod},
     containers: [{ name: a, image: "${image}", command: [sleep, "${command}"], ${restrictedContainer} }] }`;

/** One object of each kind that has such fields; `app` is in all of them. */
const templates = (app: string, clusterIp: string) => ({
  'immutable.yaml': `
apiVersion: apps/v1
kind: Deployment
metadata: { name: immutable }
spec:
  selector: { matchLabels: { app: ${app} } }
  template: { metadata: { labels: { app: ${app} } }, spec: ${podSpec('1000')} }
---
apiVersion: apps/v1
kind: StatefulSet
metadata: { name: immutable }
spec:
  serviceName: ${app}
  selector: { matchLabels: { app: set } }
  template: { metadata: { labels: { app: set } }, spec: ${podSpec('1000')} }
---
apiVersion: batch/v1
kind: Job
metadata: { name: immutable, labels: { app: ${app} } }
spec: { template: { metadata: { labels: { app: ${app} } }, spec: ${podSpec('1', 'restartPolicy: Never,')} } }
---
apiVersion: v1
kind: Service
metadata: { name: immutable, labels: { app: ${app} } }
spec: { ${clusterIp} ports: [{ port: 80 }] }
---
apiVersion: v1
kind: ConfigMap
metadata: { name: immutable }
immutable: true
data: { app: ${app} }
`,
});

const claim = (size: string) => ({
  'claim.yaml': `
apiVersion: v1
kind: PersistentVolumeClaim
metadata: { name: data }
spec: { accessModes: [ReadWriteOnce], storageClassName: none, resources: { requests: { storage: ${size} } } }
`,
});

async function labelsSeen({ preview: { api, name } }: HelmStage): Promise<readonly unknown[]> {
  const collections = [
    `/apis/apps/v1/namespaces/${name}/deployments`,
    `/apis/batch/v1/namespaces/${name}/jobs`,
    corePath(name, 'services'),
    corePath(name, 'configmaps'),
    `/apis/apps/v1/namespaces/${name}/statefulsets`,
  ];
  return await Promise.all(
    collections.map(async (path) => {
      const text = JSON.stringify(await api.json({ path: `${path}/immutable` }, signal));
      return /"(?:app|serviceName)":"(before|after)"/.exec(text)?.[1];
    }),
  );
}

describe('Helm: fields that cannot change', { timeout: 120_000, concurrency: 2 }, () => {
  it('makes the objects anew, and leaves the others alone', async () => {
    await using it = await helmStage();
    const web = async () =>
      await it.preview.api.json<{ metadata: { uid: string } }>(
        { path: `/apis/apps/v1/namespaces/${it.preview.name}/deployments/web` },
        signal,
      );
    await it.releaser.upgrade(await it.chart(templates('before', '')), signal);
    const { uid } = (await web()).metadata;
    const { version } = await it.releaser.upgrade(await it.chart(templates('after', 'clusterIP: None,')), signal);
    assert.deepEqual(await labelsSeen(it), ['after', 'after', 'after', 'after', 'after']);
    assert.equal((await web()).metadata.uid, uid);
    assert.equal(await it.state(), 'deployed');
    // The failed one, the one without the objects, and the whole.
    assert.equal(version, 4);
  });

  it('throws no data away: a volume stays as it is, and the sentence says what to do', async () => {
    await using it = await helmStage();
    await it.releaser.upgrade(await it.chart({ ...templates('before', ''), ...claim('2Mi') }), signal);
    const request = await it.chart({ ...templates('after', ''), ...claim('1Mi') });
    const { reason, message } = await failure(it.releaser.upgrade(request, signal));
    assert.equal(reason, 'ReleaseFailed');
    assert.match(
      message,
      /^Kubernetes does not let .*PersistentVolumeClaim `data`.* change as the chart wants it to: /,
    );
  });
});
