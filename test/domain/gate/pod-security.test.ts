import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Json } from '../../../src/domain/json.ts';
import { container, pod, podSpec, refusals, refusedFields, withValue } from './sample.ts';

const everyKindOfContainer = ['containers', 'initContainers', 'ephemeralContainers'];

function podWithEveryContainer() {
  return pod(podSpec(Object.fromEntries(everyKindOfContainer.map((name) => [name, [container()]]))));
}

/** Values of a pod's field that `baseline` forbids, and some that it does not. */
// biome-ignore format: a table
const ofPod: readonly (readonly [field: string, forbidden: readonly Json[], allowed: readonly Json[]])[] = [
  ['spec.hostNetwork', [true], [false, null]],
  ['spec.hostPID', [true], [false, null]],
  ['spec.hostIPC', [true], [false, null]],
  ['spec.volumes[0].hostPath', [{ path: '/' }, {}], [null]],
  ['spec.securityContext.sysctls[0].name', ['kernel.msgmax', 'net.ipv4.tcp_syncookies ', 'net/ipv4/tcp_syncookies', ''],
    ['kernel.shm_rmid_forced', 'net.ipv4.ip_local_port_range', 'net.ipv4.tcp_syncookies', 'net.ipv4.ping_group_range',
      'net.ipv4.ip_unprivileged_port_start', 'net.ipv4.ip_local_reserved_ports', 'net.ipv4.tcp_keepalive_time',
      'net.ipv4.tcp_fin_timeout', 'net.ipv4.tcp_keepalive_intvl', 'net.ipv4.tcp_keepalive_probes', 'net.ipv4.tcp_rmem',
      'net.ipv4.tcp_wmem', 'net.ipv4.tcp_slow_start_after_idle', 'net.ipv4.tcp_notsent_lowat']],
  ['metadata.annotations["container.apparmor.security.beta.kubernetes.io/app"]', ['unconfined', 'Runtime/default', 'localhost'],
    ['runtime/default', 'localhost/web', '']],
  ['metadata.annotations["seccomp.security.alpha.kubernetes.io/pod"]', ['unconfined', ''],
    ['runtime/default', 'docker/default', 'localhost/web.json']],
  ['metadata.annotations["container.seccomp.security.alpha.kubernetes.io/app"]', ['unconfined', ''],
    ['runtime/default', 'docker/default', 'localhost/web.json']],
];

/** The same for the security context of a pod and of each container. */
// biome-ignore format: a table
const ofBoth: readonly (readonly [field: string, forbidden: readonly Json[], allowed: readonly Json[]])[] = [
  ['windowsOptions.hostProcess', [true], [false, null]],
  ['seLinuxOptions.type', ['spc_t', 'container_t '],
    ['', 'container_t', 'container_init_t', 'container_kvm_t', 'container_engine_t', null]],
  ['seLinuxOptions.user', ['system_u'], ['', null]],
  ['seLinuxOptions.role', ['system_r'], ['', null]],
  ['appArmorProfile.type', ['Unconfined', '', 'runtimedefault', null], ['RuntimeDefault', 'Localhost']],
  ['seccompProfile.type', ['Unconfined', '', 'runtime/default', null], ['RuntimeDefault', 'Localhost']],
];

/** The same for a container. */
// biome-ignore format: a table
const ofContainer: readonly (readonly [field: string, forbidden: readonly Json[], allowed: readonly Json[]])[] = [
  ['securityContext.privileged', [true], [false, null]],
  ['securityContext.procMount', ['Unmasked', 'default', ''], ['Default', null]],
  ['securityContext.capabilities.add[0]', ['SYS_ADMIN', 'NET_RAW', 'ALL', 'all', 'CAP_CHOWN', 'chown', ''], ['NET_BIND_SERVICE']],
  ['ports[0].hostPort', [1, 65_535, -1], [0, null]],
  ...['livenessProbe', 'readinessProbe', 'startupProbe', 'lifecycle.postStart', 'lifecycle.preStop'].flatMap((handler) =>
    ['httpGet', 'tcpSocket'].map((action) => [`${handler}.${action}.host`, ['127.0.0.1', 'db'], ['', null]] as const)),
];

describe('Pod Security baseline', () => {
  const rows = [
    ...ofPod,
    ...ofBoth.map(([field, ...values]) => [`spec.securityContext.${field}`, ...values] as const),
    ...everyKindOfContainer.flatMap((kind) => [
      ...ofBoth.map(([field, ...values]) => [`spec.${kind}[0].securityContext.${field}`, ...values] as const),
      ...ofContainer.map(([field, ...values]) => [`spec.${kind}[0].${field}`, ...values] as const),
    ]),
  ];
  for (const [field, forbidden, allowed] of rows) {
    it(`E11 decides on ${field}`, () => {
      for (const podSecurity of ['baseline', 'restricted'] as const) {
        for (const value of forbidden) {
          const refused = refusedFields(withValue(podWithEveryContainer(), field, value), { podSecurity });
          assert.deepEqual(refused, [field], `${podSecurity}: ${JSON.stringify(value)}`);
        }
        for (const value of allowed) {
          const refused = refusals(withValue(podWithEveryContainer(), field, value), { podSecurity });
          assert.deepEqual(refused, [], `${podSecurity}: ${JSON.stringify(value)}`);
        }
      }
      const anything = withValue(podWithEveryContainer(), field, forbidden[0]);
      assert.deepEqual(refusals(anything, { podSecurity: 'privileged' }), []);
    });
  }

  it('E11 allows the capabilities that a runtime gives anyway', () => {
    const names =
      'AUDIT_WRITE CHOWN DAC_OVERRIDE FOWNER FSETID KILL MKNOD NET_BIND_SERVICE SETFCAP SETGID SETPCAP SETUID SYS_CHROOT';
    const all = withValue(pod(), 'spec.containers[0].securityContext.capabilities.add', names.split(' '));
    assert.deepEqual(refusals(all, { podSecurity: 'baseline' }), []);
  });

  it('E11 asks for nothing', () => {
    assert.deepEqual(refusals(pod({ containers: [{ name: 'app', image: 'nginx' }] }), { podSecurity: 'baseline' }), []);
  });

  it('E11 lets pods in a user namespace unmask /proc where the cluster knows them', () => {
    const unmasked = withValue(
      pod(podSpec({ hostUsers: false })),
      'spec.containers[0].securityContext.procMount',
      'Unmasked',
    );
    assert.deepEqual(refusals(unmasked, { podSecurity: 'baseline', kubernetesMinor: 35 }), []);
    for (const kubernetesMinor of [34, undefined]) {
      assert.equal(refusals(unmasked, { podSecurity: 'baseline', kubernetesMinor }).length, 1);
    }
    assert.equal(refusals(unmasked, { podSecurity: 'restricted', kubernetesMinor: 35 }).length, 1);
    const inHost = withValue(unmasked, 'spec.hostUsers', true);
    assert.equal(refusals(inHost, { podSecurity: 'baseline', kubernetesMinor: 35 }).length, 1);
  });
});

describe('Pod Security restricted', () => {
  /** What must be there, or the pod be for Windows. */
  // biome-ignore format: a table
  const demanded: readonly (readonly [field: string, forbidden: readonly Json[], allowed: readonly Json[]])[] = [
    ['securityContext.allowPrivilegeEscalation', [true, null], [false]],
    ['securityContext.capabilities.drop', [null, [], ['all'], ['NET_RAW']], [['ALL'], ['NET_RAW', 'ALL']]],
    ['securityContext.runAsNonRoot', [false], [true, null]],
    ['securityContext.runAsUser', [0, -0], [1, 1_000, null]],
  ];
  for (const kind of everyKindOfContainer) {
    for (const [name, forbidden, allowed] of demanded) {
      const field = `spec.${kind}[0].${name}`;
      it(`E11 decides on ${field}`, () => {
        for (const value of forbidden) {
          const changed = withValue(podWithEveryContainer(), field, value);
          assert.deepEqual(refusedFields(changed), [field], JSON.stringify(value));
          assert.deepEqual(refusals(changed, { podSecurity: 'baseline' }), []);
        }
        for (const value of allowed) {
          assert.deepEqual(refusals(withValue(podWithEveryContainer(), field, value)), [], JSON.stringify(value));
        }
      });
    }

    it(`E11 wants each of ${kind} to say what the pod does not`, () => {
      const containers = { containers: [], initContainers: [], ephemeralContainers: [], [kind]: [container()] };
      const silent = pod({ ...containers });
      assert.deepEqual(refusedFields(silent), [
        `spec.${kind}[0].securityContext.runAsNonRoot`,
        `spec.${kind}[0].securityContext.seccompProfile.type`,
      ]);
      const nonRoot = withValue(silent, `spec.${kind}[0].securityContext.runAsNonRoot`, true);
      const complete = withValue(nonRoot, `spec.${kind}[0].securityContext.seccompProfile.type`, 'Localhost');
      assert.deepEqual(refusals(complete), []);
    });

    it(`E11 allows each of ${kind} the one capability`, () => {
      const allowed = withValue(podWithEveryContainer(), `spec.${kind}[0].securityContext.capabilities.add`, [
        'NET_BIND_SERVICE',
      ]);
      assert.deepEqual(refusals(allowed), []);
      const more = withValue(podWithEveryContainer(), `spec.${kind}[0].securityContext.capabilities.add`, [
        'NET_BIND_SERVICE',
        'CHOWN',
      ]);
      assert.deepEqual(refusedFields(more), [`spec.${kind}[0].securityContext.capabilities.add[1]`]);
    });
  }

  it('E11 decides on the user of the whole pod', () => {
    assert.deepEqual(refusedFields(withValue(pod(), 'spec.securityContext.runAsUser', 0)), [
      'spec.securityContext.runAsUser',
    ]);
    const asRoot = withValue(pod(), 'spec.securityContext.runAsNonRoot', false);
    assert.deepEqual(refusedFields(asRoot), [
      'spec.securityContext.runAsNonRoot',
      'spec.containers[0].securityContext.runAsNonRoot',
    ]);
    const contradicted = withValue(asRoot, 'spec.containers[0].securityContext.runAsNonRoot', true);
    assert.deepEqual(refusedFields(contradicted), ['spec.securityContext.runAsNonRoot']);
  });

  it('E11 lets pods in a user namespace be root where the cluster knows them', () => {
    const root = pod(
      podSpec({ hostUsers: false, securityContext: { runAsUser: 0, seccompProfile: { type: 'RuntimeDefault' } } }),
    );
    assert.deepEqual(refusals(root, { kubernetesMinor: 35 }), []);
    for (const kubernetesMinor of [undefined, 34]) {
      assert.deepEqual(refusedFields(root, { kubernetesMinor }), [
        'spec.containers[0].securityContext.runAsNonRoot',
        'spec.securityContext.runAsUser',
      ]);
    }
  });

  it('E11 asks Windows for nothing that it does not have, where kubelets look at the system', () => {
    const windows = pod({
      os: { name: 'windows' },
      securityContext: { runAsNonRoot: true },
      containers: [{ name: 'app', image: 'x' }],
    });
    assert.deepEqual(refusals(windows, { kubernetesMinor: 25 }), []);
    for (const kubernetesMinor of [undefined, 24]) assert.equal(refusals(windows, { kubernetesMinor }).length, 3);
    assert.equal(refusals(withValue(windows, 'spec.os.name', 'linux'), { kubernetesMinor: 25 }).length, 3);
    const admin = withValue(windows, 'spec.containers[0].securityContext.capabilities.add', ['SYS_ADMIN']);
    assert.equal(refusals(admin, { kubernetesMinor: 25 }).length, 1);
  });

  it('E11 allows only volumes that are the preview’s own', () => {
    const allowed = [
      'configMap',
      'downwardAPI',
      'emptyDir',
      'ephemeral',
      'image',
      'persistentVolumeClaim',
      'projected',
      'secret',
    ];
    for (const type of allowed)
      assert.deepEqual(refusals(pod(podSpec({ volumes: [{ name: 'data', [type]: {} }] }))), [], type);
    assert.deepEqual(refusals(pod(podSpec({ volumes: [{ name: 'data' }, { name: 'more', nfs: null }] }))), []);
    // biome-ignore format: a list
    const forbidden = [
      'awsElasticBlockStore', 'azureDisk', 'azureFile', 'cephfs', 'cinder', 'fc', 'flexVolume', 'flocker', 'gcePersistentDisk',
      'gitRepo', 'glusterfs', 'iscsi', 'nfs', 'photonPersistentDisk', 'portworxVolume', 'quobyte', 'rbd', 'scaleIO', 'storageos',
      'vsphereVolume', 'fromTheFuture', 'configmap',
    ];
    for (const type of forbidden) {
      for (const beside of [{}, { emptyDir: {} }]) {
        const volumes = [
          { name: 'good', emptyDir: {} },
          { name: 'data', ...beside, [type]: {} },
        ];
        assert.deepEqual(refusedFields(pod(podSpec({ volumes }))), [`spec.volumes[1].${type}`]);
      }
    }
  });
});
