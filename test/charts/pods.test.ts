import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { chartFolder, type KubernetesObject, render } from './helm.ts';
import { objectOf } from './objects.ts';
import { least, merge } from './option-sets.ts';

const chart = chartFolder('berth');

interface Deployment {
  readonly replicas?: number;
  readonly selector: { readonly matchLabels: Readonly<Record<string, string>> };
  readonly template: {
    readonly metadata: {
      readonly labels: Readonly<Record<string, string>>;
      readonly annotations: Readonly<Record<string, string>>;
    };
    readonly spec: {
      readonly terminationGracePeriodSeconds: number;
      readonly enableServiceLinks: boolean;
      readonly containers: readonly [Container];
      readonly volumes: readonly Volume[];
    };
  };
}

interface Volume {
  readonly name: string;
  readonly secret?: { readonly items?: readonly { readonly key: string }[] };
}

interface Container {
  readonly env: readonly { readonly name: string; readonly value?: string }[];
  readonly livenessProbe: object;
  readonly readinessProbe: { readonly httpGet: { readonly path: string } };
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
}

const apart = merge(least, { registry: { dockerConfigSecret: 'registry' }, together: { enabled: false } });

const deploymentOf = (objects: readonly KubernetesObject[], name: string) =>
  objectOf(objects, 'Deployment', name)['spec'] as Deployment;

describe("Berth's pods in charts/berth", () => {
  let objects: readonly KubernetesObject[];
  before(async () => {
    objects = await render(chart, apart);
  });

  const secrets: readonly { readonly role: string; readonly has: readonly string[] }[] = [
    { role: 'server', has: ['github/app-id', 'github/private-key', 'github/webhook-secret', 'redis'] },
    { role: 'gateway', has: ['redis'] },
    ...['worker', 'sweep'].map((role) => ({
      role,
      has: [
        'buildkit-trusted/ca.crt',
        'buildkit-trusted/tls.crt',
        'buildkit-trusted/tls.key',
        'docker/.dockerconfigjson',
        'github/app-id',
        'github/private-key',
        'redis',
      ],
    })),
  ];
  for (const { role, has } of secrets) {
    it(`hold the credentials that the role ${role} uses, and no others`, () => {
      const { spec } = deploymentOf(objects, `berth-${role}`).template;
      const held = spec.volumes.flatMap(({ name, secret }) =>
        secret === undefined ? [] : (secret.items?.map(({ key }) => `${name}/${key}`) ?? [name]),
      );
      assert.deepEqual(held.toSorted(), has);
      const mounted = spec.containers[0].volumeMounts.map(({ mountPath }) => mountPath);
      for (const { name, value = '' } of spec.containers[0].env) {
        if (name.endsWith('_FILE'))
          assert.ok(
            mounted.some((path) => value.startsWith(`${path}/`)),
            `${name}=${value}`,
          );
      }
    });
  }

  it('are found by the Services of their roles, together or apart', async () => {
    for (const rendered of [objects, await render(chart, least)]) {
      const deployments = rendered.filter(({ kind }) => kind === 'Deployment').map(({ spec }) => spec as Deployment);
      for (const role of ['server', 'gateway']) {
        const { selector } = objectOf(rendered, 'Service', `berth-${role}`)['spec'] as {
          readonly selector: Readonly<Record<string, string>>;
        };
        const found = deployments.filter(({ template: { metadata } }) =>
          Object.entries(selector).every(([label, value]) => metadata.labels[label] === value),
        );
        const roles = found.map(
          ({ template }) => template.spec.containers[0].env.find(({ name }) => name === 'BERTH_ROLES')?.value,
        );
        assert.equal(roles.length, 1);
        assert.ok(roles[0]?.split(',').includes(role));
      }
    }
  });

  it('are alive and, with a gateway among them, ready without Redis', async () => {
    const together = deploymentOf(await render(chart, least), 'berth').template.spec.containers[0];
    const pathOf = (container: Container) => container.readinessProbe.httpGet.path;
    assert.equal(pathOf(together), '/readyz/roles');
    assert.equal(pathOf(deploymentOf(objects, 'berth-gateway').template.spec.containers[0]), '/readyz/roles');
    assert.equal(pathOf(deploymentOf(objects, 'berth-worker').template.spec.containers[0]), '/readyz');
    assert.match(JSON.stringify(together.livenessProbe), /"\/healthz"/);
  });

  it('have the time that work is given to end, and more', async () => {
    const rows = [
      { SHUTDOWN_TIMEOUT: '25s', worker: 40, server: 45 },
      { SHUTDOWN_TIMEOUT: '2m', worker: 135, server: 140 },
      { SHUTDOWN_TIMEOUT: '1h', worker: 3_615, server: 3_620 },
    ];
    for (const { SHUTDOWN_TIMEOUT, worker, server } of rows) {
      const rendered = await render(chart, { ...apart, config: { SHUTDOWN_TIMEOUT } });
      const graceOf = (role: string) =>
        deploymentOf(rendered, `berth-${role}`).template.spec.terminationGracePeriodSeconds;
      assert.deepEqual([graceOf('worker'), graceOf('server')], [worker, server]);
    }
  });

  it('give Node the half of their memory', async () => {
    const rows = [
      { memory: '2Gi', megabytes: 1_024 },
      { memory: '512Mi', megabytes: 256 },
      { memory: '1.5G', megabytes: 715 },
      { memory: 1_073_741_824, megabytes: 512 },
    ];
    for (const { memory, megabytes } of rows) {
      const rendered = await render(chart, { ...least, together: { resources: { limits: { memory } } } });
      const { env } = deploymentOf(rendered, 'berth').template.spec.containers[0];
      assert.equal(env.find(({ name }) => name === 'NODE_OPTIONS')?.value, `--max-old-space-size=${megabytes}`);
    }
  });

  it('start anew when what they read at their start has changed, and only then', async () => {
    const secrets = { appId: 1, privateKey: 'PRIVATE KEY', webhookSecret: '0123456789abcdef', existingSecret: '' };
    const templateOf = async (values: object) =>
      JSON.stringify(deploymentOf(await render(chart, { ...least, github: secrets, ...values }), 'berth').template);
    const first = await templateOf({});
    assert.equal(await templateOf({ together: { replicas: 3 } }), first);
    assert.notEqual(await templateOf({ config: { LOG_LEVEL: 'debug' } }), first);
    assert.notEqual(await templateOf({ github: { ...secrets, webhookSecret: 'fedcba9876543210' } }), first);
  });

  it('know nothing of Services by variables, which Berth would take for its own', () => {
    for (const { kind, spec } of objects) {
      if (kind === 'Deployment') assert.equal((spec as Deployment).template.spec.enableServiceLinks, false);
    }
  });
});
