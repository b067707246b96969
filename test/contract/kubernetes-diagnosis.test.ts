/** What goes wrong on a real cluster, and what is said about it. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { WorkloadState } from '../../src/domain/preview.ts';
import { deployment, deploymentsPath, image, restricted, type TestPreview, testPreview } from './kubernetes-stack.ts';

const { signal } = new AbortController();

/** Follows the workloads to this state. */
async function reached<S extends WorkloadState['state']>({ cluster, name }: TestPreview, wanted: S) {
  for await (const state of cluster.watchWorkloads(name, AbortSignal.timeout(60_000))) {
    if (state.state === wanted) return state as Extract<WorkloadState, { state: S }>;
  }
  throw new Error('the namespace is gone');
}

async function diagnosisOf(manifest: object, path = deploymentsPath, options = {}) {
  await using preview = await testPreview(options);
  await preview.prepare();
  await preview.create(path(preview.name), manifest);
  const { diagnosis } = await reached(preview, 'failing');
  const { workloads } = await preview.cluster.observe(preview.key, preview.name, undefined, signal);
  assert.equal(workloads.state, 'failing', 'a fresh look agrees');
  return diagnosis;
}

describe('Kubernetes: why a preview does not run', { concurrency: 4, timeout: 120_000 }, () => {
  it('G7 says that an image does not exist', async () => {
    const missing = 'localhost:5000/library/nowhere:1';
    const diagnosis = await diagnosisOf(deployment('web', { image: missing }));
    assert.equal(diagnosis.reason, 'ImagePullFailed');
    assert.match(diagnosis.message, /`localhost:5000\/library\/nowhere:1`.*the registry has no such image/);
  });

  it('G7 says that a registry does not answer', async () => {
    const diagnosis = await diagnosisOf(deployment('web', { image: 'localhost:1/library/nowhere:1' }));
    assert.equal(diagnosis.reason, 'ImagePullFailed');
    assert.match(diagnosis.message, /connection refused/);
  });

  it('G7 says that a container crashes, with its exit code and last lines', async () => {
    const command = ['sh', '-c', 'echo starting; echo no database; exit 3'];
    const diagnosis = await diagnosisOf(deployment('api', { command }));
    assert.equal(diagnosis.reason, 'ContainerCrashed');
    assert.match(diagnosis.message, /Container `api` of `api` crashes with exit code 3/);
    assert.deepEqual(diagnosis.log, ['starting', 'no database']);
  });

  it('G7 says that an init container crashes', async () => {
    const manifest = deployment('api', {}) as { spec: { template: { spec: object } } };
    Object.assign(manifest.spec.template.spec, {
      initContainers: [
        { name: 'migrate', image, command: ['sh', '-c', 'echo no table; exit 4'], ...restricted.container },
      ],
    });
    const diagnosis = await diagnosisOf(manifest);
    assert.match(diagnosis.message, /Container `migrate` of `api` crashes with exit code 4/);
    assert.deepEqual(diagnosis.log, ['no table']);
  });

  it('G7 says that a command does not exist', async () => {
    const diagnosis = await diagnosisOf(deployment('api', { command: ['/no/such/program'] }));
    assert.equal(diagnosis.reason, 'ContainerCrashed');
    assert.match(diagnosis.message, /cannot be started: .*\/no\/such\/program/);
  });

  it('G7 says that memory does not suffice', async () => {
    const diagnosis = await diagnosisOf(
      deployment('api', {
        command: ['sh', '-c', 'x=a; while true; do x=$x$x; done'],
        resources: { limits: { memory: '20Mi' }, requests: { memory: '20Mi' } },
      }),
    );
    assert.equal(diagnosis.reason, 'OutOfMemory');
    assert.match(diagnosis.message, /its limit of 20Mi is too low/);
  });

  it('G7 says which ConfigMap is missing', async () => {
    const env = [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'settings', key: 'a' } } }];
    const diagnosis = await diagnosisOf(deployment('api', { env }));
    assert.equal(diagnosis.reason, 'ConfigMissing');
    assert.match(diagnosis.message, /the ConfigMap `settings`, which is missing/);
  });

  it('G7 says which Secret a volume lacks', async () => {
    const manifest = deployment('api', { volumeMounts: [{ name: 'v', mountPath: '/v' }] }) as {
      spec: { template: { spec: object } };
    };
    Object.assign(manifest.spec.template.spec, { volumes: [{ name: 'v', secret: { secretName: 'password' } }] });
    const diagnosis = await diagnosisOf(manifest);
    assert.equal(diagnosis.reason, 'ConfigMissing');
    assert.match(diagnosis.message, /the Secret `password`, which is missing/);
  });

  it('G7 says that a readiness probe fails', async () => {
    const readinessProbe = { exec: { command: ['sh', '-c', 'echo not yet; exit 1'] }, periodSeconds: 1 };
    const diagnosis = await diagnosisOf(deployment('api', { readinessProbe }));
    assert.equal(diagnosis.reason, 'ProbeFailed');
    assert.match(diagnosis.message, /its readiness probe fails: not yet/);
  });

  it('G7 says that a liveness probe keeps restarting a container', async () => {
    const livenessProbe = { httpGet: { path: '/', port: 1 }, periodSeconds: 1, failureThreshold: 1 };
    const command = ['sh', '-c', 'sleep 1000'];
    const readinessProbe = { exec: { command: ['false'] }, periodSeconds: 1, initialDelaySeconds: 600 };
    const diagnosis = await diagnosisOf(deployment('api', { command, livenessProbe, readinessProbe }));
    assert.equal(diagnosis.reason, 'ProbeFailed');
    assert.match(diagnosis.message, /its liveness probe fails: .*connection refused/);
  });

  it('G7 says that the quota does not suffice', async () => {
    // Each of them is within what a container may have.
    const resources = { requests: { memory: '6Gi' }, limits: { memory: '6Gi' } };
    const manifest = deployment('api', { resources }) as { spec: { template: { spec: { containers: object[] } } } };
    const { containers } = manifest.spec.template.spec;
    containers.push({ ...containers[0], name: 'beside' });
    const diagnosis = await diagnosisOf(manifest);
    assert.equal(diagnosis.reason, 'QuotaExceeded');
    assert.match(diagnosis.message, /`api` exceed the preview's quota: requested: .*memory=12Gi/);
  });

  it('G7 says that a container may not have so much', async () => {
    const resources = { requests: { memory: '100Gi' }, limits: { memory: '100Gi' } };
    const diagnosis = await diagnosisOf(deployment('api', { resources }));
    assert.equal(diagnosis.reason, 'QuotaExceeded');
    assert.match(diagnosis.message, /`api` do not fit the preview's limits: maximum memory usage per Container is 8Gi/);
  });

  it('G7 says that the quota does not suffice for a stateful set', async () => {
    const resources = { requests: { memory: '100Gi' }, limits: { memory: '100Gi' } };
    const manifest = deployment('db', { resources }) as { kind: string; spec: object };
    manifest.kind = 'StatefulSet';
    const diagnosis = await diagnosisOf(manifest, (name) => `/apis/apps/v1/namespaces/${name}/statefulsets`);
    assert.equal(diagnosis.reason, 'QuotaExceeded');
  });

  it('G7 says that no node can run a pod', async () => {
    const manifest = deployment('api', {}) as { spec: { template: { spec: object } } };
    Object.assign(manifest.spec.template.spec, { nodeSelector: { 'example.com/gpu': 'yes' } });
    const diagnosis = await diagnosisOf(manifest);
    assert.equal(diagnosis.reason, 'Unschedulable');
    assert.match(diagnosis.message, /No node can run `api`: 0\/1 nodes are available/);
  });

  it('G7 says that a job failed', async () => {
    const template = {
      spec: {
        restartPolicy: 'Never',
        ...restricted.pod,
        containers: [{ name: 'seed', image, command: ['sh', '-c', 'echo bad; exit 5'], ...restricted.container }],
      },
    };
    const job = { metadata: { name: 'seed' }, spec: { backoffLimit: 0, template } };
    const diagnosis = await diagnosisOf(job, (name) => `/apis/batch/v1/namespaces/${name}/jobs`);
    assert.match(diagnosis.message, /The job `seed` failed: exit code 5/);
    assert.deepEqual(diagnosis.log, ['bad']);
  });

  it('judges a fixed revision by its own pods', async () => {
    await using preview = await testPreview();
    await preview.prepare();
    await preview.create(deploymentsPath(preview.name), deployment('web', { command: ['false'] }));
    await reached(preview, 'failing');
    const { api, cluster, key, name } = preview;
    const path = `${deploymentsPath(name)}/web`;
    const fixed = [{ op: 'replace', path: '/spec/template/spec/containers/0/command', value: ['sleep', '1000'] }];
    await api.json({ method: 'PATCH', path, contentType: 'application/json-patch+json', body: fixed }, signal);
    const seen: string[] = [(await cluster.observe(key, name, undefined, signal)).workloads.state];
    for await (const { state } of cluster.watchWorkloads(name, AbortSignal.timeout(60_000))) {
      seen.push(state);
      if (state !== 'progressing') break;
    }
    assert.deepEqual([...new Set(seen)], ['progressing', 'ready']);
  });

  it('gets rid of a pod that ignores being asked to end', async () => {
    await using preview = await testPreview();
    await preview.prepare();
    const manifest = deployment('web', { command: ['sh', '-c', 'trap "" TERM; while true; do sleep 1; done'] }) as {
      spec: { template: { spec: object } };
    };
    Object.assign(manifest.spec.template.spec, { terminationGracePeriodSeconds: 30 });
    await preview.create(deploymentsPath(preview.name), manifest);
    await reached(preview, 'ready');
    const uid = await preview.uid();
    const startedAtMs = performance.now();
    await preview.cluster.deleteNamespace(preview.name, uid, signal);
    await preview.cluster.namespaceGone(preview.name, uid, signal);
    assert(performance.now() - startedAtMs < 12_000);
  });
});
