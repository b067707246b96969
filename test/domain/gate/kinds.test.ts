import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { object, pod, podSpec, policy, refusals, refusedFields, service, withValue, workloads } from './sample.ts';

const ingressSpec = { rules: [{ host: policy.hosts[0] ?? '' }] };

describe('kinds of objects', () => {
  it('E9 allows what ordinary charts are made of', () => {
    const objects = [
      pod(),
      service({}),
      object('v1', 'ConfigMap', { data: { 'app.conf': 'privileged: true' } }),
      object('v1', 'Secret', { type: 'Opaque', stringData: { password: 'x' } }),
      object('v1', 'ServiceAccount', { automountServiceAccountToken: true }),
      object('v1', 'PersistentVolumeClaim', { spec: { resources: { requests: { storage: '1Gi' } } } }),
      object('networking.k8s.io/v1', 'Ingress', { spec: ingressSpec }),
      object('gateway.networking.k8s.io/v1', 'HTTPRoute', { spec: { hostnames: [...policy.hosts] } }),
      object('gateway.networking.k8s.io/v1', 'GRPCRoute', { spec: { hostnames: [...policy.hosts] } }),
      object('autoscaling/v2', 'HorizontalPodAutoscaler', { spec: { maxReplicas: 2 } }),
      object('policy/v1', 'PodDisruptionBudget', { spec: { minAvailable: 1 } }),
      ...workloads.map(({ of }) => of({ spec: podSpec() })),
    ];
    assert.deepEqual(refusals(objects), []);
  });

  // biome-ignore format: a table
  const never: readonly (readonly [apiVersion: string, kind: string, why: RegExp])[] = [
    ['rbac.authorization.k8s.io/v1', 'ClusterRoleBinding', /gives rights/],
    ['rbac.authorization.k8s.io/v1', 'ClusterRole', /gives rights/],
    ['rbac.authorization.k8s.io/v1', 'RoleBinding', /gives rights/],
    ['rbac.authorization.k8s.io/v1beta1', 'Role', /gives rights/],
    ['authorization.openshift.io/v1', 'RoleBinding', /gives rights/],
    ['apiextensions.k8s.io/v1', 'CustomResourceDefinition', /whole cluster/],
    ['apiextensions.k8s.io/v1beta1', 'CustomResourceDefinition', /whole cluster/],
    ['v1', 'Namespace', /whole cluster/],
    ['v1', 'Node', /whole cluster/],
    ['v1', 'PersistentVolume', /whole cluster/],
    ['storage.k8s.io/v1', 'StorageClass', /whole cluster/],
    ['admissionregistration.k8s.io/v1', 'MutatingWebhookConfiguration', /whole cluster/],
    ['apiregistration.k8s.io/v1', 'APIService', /whole cluster/],
    ['scheduling.k8s.io/v1', 'PriorityClass', /whole cluster/],
    ['certificates.k8s.io/v1', 'CertificateSigningRequest', /whole cluster/],
    ['v1', 'Endpoints', /any address/],
    ['discovery.k8s.io/v1', 'EndpointSlice', /any address/],
    ['v1', 'Binding', /not among/],
    ['apps/v1', 'ControllerRevision', /not among/],
    ['authentication.k8s.io/v1', 'TokenRequest', /whole cluster/],
    ['policy/v1beta1', 'PodSecurityPolicy', /confines/],
  ];
  for (const [apiVersion, kind, why] of never) {
    it(`E9 never allows ${apiVersion} ${kind}, even if an operator does`, () => {
      const group = apiVersion.includes('/') ? (apiVersion.split('/')[0] ?? '') : '';
      for (const extraKinds of [[], [`${group}/${kind}`]]) {
        const [refusal, ...others] = refusals(object(apiVersion, kind, {}), { extraKinds });
        assert.deepEqual(others, []);
        assert.equal(refusal?.object, `${kind}/web`);
        assert.equal(refusal.field, 'kind');
        assert.match(refusal.rule, why);
      }
    });
  }

  // biome-ignore format: a table
  const confining = [
    ['networking.k8s.io/v1', 'NetworkPolicy'], ['extensions/v1beta1', 'NetworkPolicy'], ['cilium.io/v2', 'CiliumNetworkPolicy'],
    ['crd.projectcalico.org/v1', 'NetworkPolicy'], ['projectcalico.org/v3', 'GlobalNetworkPolicy'],
    ['policy.networking.k8s.io/v1alpha1', 'AdminNetworkPolicy'], ['v1', 'ResourceQuota'], ['v1', 'LimitRange'],
  ] as const;
  for (const [apiVersion, kind] of confining) {
    it(`E10 never allows ${apiVersion} ${kind}, even if an operator does`, () => {
      const group = apiVersion.includes('/') ? (apiVersion.split('/')[0] ?? '') : '';
      for (const extraKinds of [[], [`${group}/${kind}`]]) {
        const [refusal, ...others] = refusals(object(apiVersion, kind, {}), { extraKinds });
        assert.deepEqual(others, []);
        assert.match(refusal?.rule ?? '', /confines a preview/);
      }
    });
  }

  // biome-ignore format: a list
  const ofTheCluster = [
    'storage.k8s.io/v1 CSINode', 'storage.k8s.io/v1 CSIDriver', 'storagemigration.k8s.io/v1alpha1 StorageVersionMigration',
    'admissionregistration.k8s.io/v1 ValidatingAdmissionPolicy', 'authorization.k8s.io/v1 SubjectAccessReview',
    'flowcontrol.apiserver.k8s.io/v1 FlowSchema', 'internal.apiserver.k8s.io/v1alpha1 StorageVersion', 'node.k8s.io/v1 Thing',
    'coordination.k8s.io/v1 Lease', 'resource.k8s.io/v1 ResourceClaim', 'policy.networking.k8s.io/v1alpha2 ClusterPolicy',
    'security.openshift.io/v1 RangeAllocation', 'authorization.openshift.io/v1 Thing', 'discovery.k8s.io/v1 Thing',
    'scheduling.k8s.io/v1 Workload', 'certificates.k8s.io/v1alpha1 ClusterTrustBundle', 'apiextensions.k8s.io/v1 Thing',
    'apiregistration.k8s.io/v1 Thing', 'authentication.k8s.io/v1 TokenReview',
    'networking.k8s.io/v1 IngressClass', 'gateway.networking.k8s.io/v1 GatewayClass', 'x.example/v1 StorageClass',
    'x.example/v1 RuntimeClass', 'x.example/v1 PriorityClass', 'x.example/v1 CSIDriver', 'x.example/v1 Namespace', 'x.example/v1 Node',
    'x.example/v1 PersistentVolume', 'x.example/v1 CustomResourceDefinition', 'x.example/v1 APIService',
    'x.example/v1 MutatingWebhookConfiguration', 'x.example/v1 ValidatingWebhookConfiguration',
  ];
  it('E9 never allows kinds of the whole cluster, even if an operator does', () => {
    for (const title of ofTheCluster) {
      const [apiVersion = '', kind = ''] = title.split(' ');
      const [refusal] = refusals(object(apiVersion, kind, {}), { extraKinds: [`${apiVersion.split('/')[0]}/${kind}`] });
      assert.match(refusal?.rule ?? '', /is of the whole cluster/, title);
    }
    for (const title of [
      'x.example/v1 ClusterResourceQuota',
      'x.example/v1 PodSecurityPolicy',
      'x.example/v1 SecurityContextConstraints',
    ]) {
      const [apiVersion = '', kind = ''] = title.split(' ');
      const [refusal] = refusals(object(apiVersion, kind, {}), { extraKinds: [`x.example/${kind}`] });
      assert.match(refusal?.rule ?? '', /confines a preview/, title);
    }
  });

  it('E9 refuses what it does not know', () => {
    for (const [apiVersion, kind] of [
      ['example.com/v1', 'Deployment'],
      ['serving.knative.dev/v1', 'Service'],
      ['apps/v2', 'Deployment'],
      ['networking.k8s.io/v2', 'Ingress'],
      ['batch/v1', 'CronJobs'],
      ['v1', 'ComponentStatus'],
      ['v1', 'List'],
    ] as const) {
      assert.deepEqual(refusedFields(object(apiVersion, kind, {})), ['kind'], `${apiVersion} ${kind}`);
    }
  });

  it('E9 refuses what has no kind that Kubernetes can have', () => {
    for (const [apiVersion, kind] of [
      ['v1', ''],
      ['v1', 'pod'],
      ['', 'Pod'],
      ['V1', 'Pod'],
      ['/v1', 'Pod'],
      ['core/v1', 'Pod'],
      ['apps/v1/x', 'Deployment'],
      ['apps/', 'Deployment'],
      ['v1\n', 'Pod'],
      ['v1', 'Pod\n'],
      ['v1', 'Pod '],
    ] as const) {
      assert.deepEqual(refusedFields(object(apiVersion, kind, {})), ['kind'], JSON.stringify([apiVersion, kind]));
    }
    assert.ok(refusedFields({ metadata: { name: 'web' } }).includes('kind'));
    assert.ok(refusedFields({ apiVersion: 'v1', kind: null, metadata: { name: 'web' } }).includes('kind'));
    assert.ok(refusedFields({ apiVersion: 1, kind: 'Pod', metadata: { name: 'web' } }).includes('apiVersion'));
    assert.ok(
      refusedFields({ apiVersion: 'v1', Kind: 'Namespace', kind: 'ConfigMap', metadata: { name: 'web' } }).includes(
        'Kind',
      ),
    );
  });
});

describe('kinds that the operator allows', () => {
  const cluster = (spec: Parameters<typeof object>[2]) => object('postgresql.cnpg.io/v1', 'Cluster', { spec });

  it('allows them and no others of their group', () => {
    assert.deepEqual(refusals(cluster({ instances: 1 })), []);
    assert.deepEqual(refusedFields(cluster({ instances: 1 }), { extraKinds: [] }), ['kind']);
    assert.deepEqual(refusedFields(object('postgresql.cnpg.io/v1', 'Pooler', {})), ['kind']);
    assert.deepEqual(refusedFields(object('postgresql.example/v1', 'Cluster', {})), ['kind']);
  });

  it('E9 holds their metadata against the same rules', () => {
    const elsewhere = object('postgresql.cnpg.io/v1', 'Cluster', {}, { namespace: 'kube-system', finalizers: ['x/y'] });
    assert.deepEqual(refusedFields(elsewhere), ['metadata.namespace', 'metadata.finalizers']);
  });

  it('E11 refuses what pods may not do wherever something in them looks like a pod', () => {
    const partial = { containers: [{ name: 'app' }] };
    assert.deepEqual(refusals(cluster({ template: { spec: partial }, list: [[partial]] })), []);
    const privileged = { initContainers: [{ name: 'app', securityContext: { privileged: true } }] };
    const field = 'initContainers[0].securityContext.privileged';
    assert.deepEqual(refusedFields(cluster({ template: { spec: privileged }, list: [[privileged, null]] })), [
      `spec.template.spec.${field}`,
      `spec.list[0][0].${field}`,
    ]);
    assert.deepEqual(refusedFields(cluster({ ...partial, hostNetwork: true })), ['spec.hostNetwork']);
    assert.deepEqual(refusedFields(cluster({ ...partial, serviceAccountName: 'berth-deployer' })), [
      'spec.serviceAccountName',
    ]);
    const annotated = {
      metadata: { annotations: { 'seccomp.security.alpha.kubernetes.io/pod': 'unconfined' } },
      spec: partial,
    };
    assert.equal(refusals(cluster({ template: annotated })).length, 1);
    assert.deepEqual(refusals(cluster({ template: { spec: privileged } }), { podSecurity: 'privileged' }), []);
  });

  it('wants the RuntimeClass where one is named', () => {
    const named = (runtimeClassName: string) => cluster({ containers: [], runtimeClassName });
    assert.deepEqual(refusals(named('gvisor'), { runtimeClass: 'gvisor' }), []);
    assert.deepEqual(refusedFields(named('runc'), { runtimeClass: 'gvisor' }), ['spec.runtimeClassName']);
    assert.deepEqual(refusals(cluster({ containers: [] }), { runtimeClass: 'gvisor' }), []);
  });
});

describe('lists', () => {
  const privileged = withValue(pod(), 'spec.containers[0].securityContext.privileged', true);

  it('E9 looks inside, and names what is inside', () => {
    const items = [pod(), privileged, object('v1', 'Namespace', {}), null, 'text'];
    const found = refusals({ apiVersion: 'v1', kind: 'List', items });
    assert.deepEqual(
      found.map(({ object, field }) => [object, field]),
      [
        ['Document 1 (List)', 'items[3]'],
        ['Pod/web', 'spec.containers[0].securityContext.privileged'],
        ['Namespace/web', 'kind'],
        ['Document 1 (List), items[3]', ''],
        ['Document 1 (List), items[4]', ''],
      ],
    );
  });

  it('E9 refuses items of anything else, since Helm takes it for a list whatever it calls itself', () => {
    for (const fields of [
      { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'web' } },
      { apiVersion: 'v1', kind: 'PodList' },
      { apiVersion: 'v2', kind: 'List' },
      {},
    ]) {
      for (const items of [[privileged], {}, '', 0, false])
        assert.deepEqual(refusedFields({ ...fields, items }), ['items']);
      assert.ok(refusedFields({ ...fields, Items: [privileged] }).includes('Items'));
    }
    assert.deepEqual(
      refusedFields({ apiVersion: 'v1', kind: 'List', items: [{ apiVersion: 'v1', kind: 'List', items: [] }] }),
      ['kind'],
    );
    assert.deepEqual(refusedFields({ apiVersion: 'v1', kind: 'List', items: {} }), ['items']);
  });
});
