import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { object, pod, podSpec, policy, refusals, refusedFields, titleOf, withValue, workloads } from './sample.ts';

const everyLevel = ['restricted', 'baseline', 'privileged'] as const;

describe('pods', () => {
  // biome-ignore format: a table
  const rows: readonly (readonly [field: string, forbidden: unknown, allowed: unknown])[] = [
    ['spec.serviceAccountName', 'berth-deployer', 'web'],
    ['spec.serviceAccount', 'berth-deployer', 'web'],
    ['spec.nodeName', 'control-plane-1', ''],
    ['spec.priorityClassName', 'system-cluster-critical', ''],
    ['spec.priorityClassName', 'production', null],
    ['spec.priority', 1_000_000, 0],
    ['spec.tolerations[0]', { operator: 'Exists' }, { key: 'spot', operator: 'Exists' }],
    ['spec.tolerations[0]', { key: '', operator: 'Exists' }, { key: 'node.kubernetes.io/not-ready', operator: 'Exists' }],
    ['spec.tolerations[0].key', 'node-role.kubernetes.io/control-plane', 'dedicated'],
    ['spec.tolerations[0].key', 'node-role.kubernetes.io/master', 'dedicated'],
    ['spec.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].namespaceSelector', {}, null],
    ['spec.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].namespaces[0]', 'prod', policy.namespace],
    ['spec.affinity.podAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].podAffinityTerm.namespaceSelector', {}, null],
    ['spec.affinity.podAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].podAffinityTerm.namespaces[0]', 'prod', policy.namespace],
  ];
  for (const [field, forbidden, allowed] of rows) {
    it(`E11 refuses ${field} ${JSON.stringify(forbidden)} at every level`, () => {
      for (const podSecurity of everyLevel) {
        assert.deepEqual(refusedFields(withValue(pod(), field, forbidden), { podSecurity }), [field]);
        assert.deepEqual(refusals(withValue(pod(), field, allowed), { podSecurity }), []);
      }
    });
  }

  it('allows what ordinary charts say of pods', () => {
    const spec = podSpec({
      automountServiceAccountToken: true,
      hostAliases: [{ ip: '127.0.0.1', hostnames: ['db'] }],
      nodeSelector: { 'kubernetes.io/arch': 'amd64' },
      affinity: {
        nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [] } },
        podAntiAffinity: {
          preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 1, podAffinityTerm: { topologyKey: 'x' } }],
        },
      },
      schedulerName: 'default-scheduler',
      dnsConfig: { options: [{ name: 'ndots', value: '2' }] },
      runtimeClassName: 'gvisor',
      tolerations: null,
      volumes: [{ name: 'token', projected: { sources: [{ serviceAccountToken: { path: 'token' } }] } }],
    });
    assert.deepEqual(refusals(pod(spec)), []);
  });

  it('E11 wants the RuntimeClass that the operator names', () => {
    const named = pod(podSpec({ runtimeClassName: 'gvisor' }));
    assert.deepEqual(refusals(named, { runtimeClass: 'gvisor' }), []);
    for (const other of [
      pod(),
      withValue(named, 'spec.runtimeClassName', 'runc'),
      withValue(named, 'spec.runtimeClassName', ''),
    ]) {
      assert.deepEqual(refusedFields(other, { runtimeClass: 'gvisor' }), ['spec.runtimeClassName']);
    }
  });

  for (const { of, path } of workloads) {
    const sample = of({ spec: podSpec() });
    it(`E11 are found in ${titleOf(sample)}`, () => {
      assert.deepEqual(refusals(sample), []);
      for (const field of [
        'hostNetwork',
        'containers[0].securityContext.privileged',
        'initContainers[0].securityContext.privileged',
      ]) {
        const found = refusedFields(withValue(sample, `${path}.spec.${field}`, true), { podSecurity: 'baseline' });
        assert.deepEqual(found, [`${path}.spec.${field}`]);
      }
      assert.deepEqual(refusedFields(of({})), [`${path}.spec`]);
    });
  }

  it('refuses a pod without a spec', () => {
    assert.deepEqual(refusedFields(object('v1', 'Pod', {})), ['spec']);
    assert.deepEqual(refusedFields(object('apps/v1', 'Deployment', {})), ['spec.template.spec']);
  });
});

describe('storage', () => {
  // biome-ignore format: a table
  const rows: readonly (readonly [field: string, forbidden: unknown, allowed: unknown])[] = [
    ['volumeName', 'pv-prod', ''],
    ['selector', {}, null],
    ['storageClassName', '', 'fast'],
    ['dataSourceRef.namespace', 'prod', policy.namespace],
  ];
  const claim = object('v1', 'PersistentVolumeClaim', { spec: { accessModes: ['ReadWriteOnce'] } });
  const ephemeral = pod(podSpec({ volumes: [{ name: 'data', ephemeral: { volumeClaimTemplate: { spec: {} } } }] }));
  const stateful = object('apps/v1', 'StatefulSet', {
    spec: { template: { spec: podSpec() }, volumeClaimTemplates: [{ metadata: { name: 'a' }, spec: {} }] },
  });
  for (const [field, forbidden, allowed] of rows) {
    it(`E9 gives a claim a volume of its own: ${field}`, () => {
      for (const [root, path] of [
        [claim, 'spec'],
        [ephemeral, 'spec.volumes[0].ephemeral.volumeClaimTemplate.spec'],
        [stateful, 'spec.volumeClaimTemplates[0].spec'],
      ] as const) {
        for (const podSecurity of everyLevel) {
          assert.deepEqual(refusedFields(withValue(root, `${path}.${field}`, forbidden), { podSecurity }), [
            `${path}.${field}`,
          ]);
          assert.deepEqual(refusals(withValue(root, `${path}.${field}`, allowed), { podSecurity }), []);
        }
      }
    });
  }

  it('E11 mounts nothing that the node fetches past the network policy', () => {
    for (const type of ['csi', 'nfs', 'gitRepo', 'iscsi', 'flexVolume', 'fromTheFuture']) {
      const mounted = pod(podSpec({ volumes: [{ name: 'data', [type]: {} }] }));
      for (const podSecurity of ['restricted', 'baseline'] as const) {
        assert.deepEqual(refusedFields(mounted, { podSecurity }), [`spec.volumes[0].${type}`]);
        assert.equal(refusals(mounted, { podSecurity }).length, 1);
      }
      assert.deepEqual(refusals(mounted, { podSecurity: 'privileged' }), []);
    }
    for (const type of 'configMap downwardAPI emptyDir ephemeral image persistentVolumeClaim projected secret'.split(
      ' ',
    )) {
      const own = pod(podSpec({ volumes: [{ name: 'data', [type]: {}, nfs: null }] }));
      assert.deepEqual(refusals(own, { podSecurity: 'baseline' }), [], type);
    }
    const ofNode = pod(podSpec({ volumes: [{ name: 'data', hostPath: {} }] }));
    assert.equal(refusals(ofNode, { podSecurity: 'baseline' }).length, 1);
  });
});
