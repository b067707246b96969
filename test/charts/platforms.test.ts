import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parse, parseAllDocuments } from 'yaml';
import { parseConfig } from '../../src/config.ts';
import { chartFolder, type KubernetesObject, render, type Values } from './helm.ts';
import { kubernetesReleases, problemsOf } from './kubernetes-schemas.ts';
import { least } from './option-sets.ts';
import { workloadsIn } from './objects.ts';

const chart = chartFolder('berth');
const deploy = fileURLToPath(new URL('../../deploy', import.meta.url));
const platforms = ['aks', 'eks', 'gke', 'k3s', 'kind', 'openshift'];

describe('values for platforms', () => {
  it('are there for each of them, and named in the documentation', () => {
    const files = globSync(path.join(deploy, 'values/*.yaml')).map((file) => path.basename(file, '.yaml'));
    assert.deepEqual(files.toSorted(), platforms);
    const install = readFileSync(new URL('../../docs/install.md', import.meta.url), 'utf8');
    for (const platform of platforms) assert.ok(install.includes(`deploy/values/${platform}.yaml`), platform);
  });

  for (const platform of platforms) {
    const file = path.join(deploy, `values/${platform}.yaml`);

    it(`are what every Kubernetes takes: ${platform}`, async () => {
      const needed = platform === 'kind' ? { github: { existingSecret: 'berth-github' } } : least;
      const objects = await render(chart, needed, { files: [file] });
      for (const release of kubernetesReleases) {
        assert.deepEqual(
          objects.flatMap((object) => problemsOf(object, release)),
          [],
        );
      }
      const { data } = objects.find(
        ({ kind, metadata }) => kind === 'ConfigMap' && metadata.labels?.['app.kubernetes.io/component'] === 'config',
      ) as unknown as { readonly data: Readonly<Record<string, string>> };
      assert.doesNotThrow(() => parseConfig({ ...data, ...secretVariables }));
    });

    it(`say only what differs from the defaults: ${platform}`, () => {
      const text = readFileSync(file, 'utf8');
      assert.ok(text.split('\n').length <= 40);
      assert.deepEqual(repeated(parse(text) as Values, defaults), []);
    });
  }

  it('leave the numbers of users to OpenShift', async () => {
    const objects = await render(chart, least, { files: [path.join(deploy, 'values/openshift.yaml')] });
    const berth = workloadsIn(objects).filter(({ object }) => !object.metadata.name.includes('buildkit'));
    for (const { pod } of berth) {
      const { runAsUser, runAsGroup, fsGroup } = (
        pod as unknown as { readonly securityContext: Readonly<Record<string, unknown>> }
      ).securityContext;
      assert.deepEqual([runAsUser, runAsGroup, fsGroup], [undefined, undefined, undefined]);
    }
  });
});

describe('objects to apply', () => {
  for (const file of globSync(path.join(deploy, '{cert-manager,kind}/*.yaml'))) {
    if (file.endsWith('kind-config.yaml')) continue;
    it(`are what every Kubernetes takes: ${path.relative(deploy, file)}`, () => {
      const objects = parseAllDocuments(readFileSync(file, 'utf8')).map(
        (document) => document.toJS() as KubernetesObject,
      );
      assert.ok(objects.length > 0);
      for (const release of kubernetesReleases)
        assert.deepEqual(
          objects.flatMap((object) => problemsOf(object, release)),
          [],
        );
    });
  }

  it('lead from the ports of the kind node to pods of the release', async () => {
    const objects = await render(
      chart,
      { github: { existingSecret: 'berth-github' } },
      { files: [path.join(deploy, 'values/kind.yaml')] },
    );
    const services = parseAllDocuments(readFileSync(path.join(deploy, 'kind/services.yaml'), 'utf8')).map(
      (document) =>
        document.toJS() as {
          readonly spec: {
            readonly selector: Readonly<Record<string, string>>;
            readonly ports: readonly { readonly nodePort: number; readonly targetPort: string }[];
          };
        },
    );
    const { nodes } = parse(readFileSync(path.join(deploy, 'kind/kind-config.yaml'), 'utf8')) as {
      readonly nodes: readonly { readonly extraPortMappings: readonly { readonly containerPort: number }[] }[];
    };
    const mapped = nodes.flatMap(({ extraPortMappings }) =>
      extraPortMappings.map(({ containerPort }) => containerPort),
    );
    assert.deepEqual(
      services.flatMap(({ spec }) => spec.ports.map(({ nodePort }) => nodePort)),
      mapped,
    );
    for (const { spec } of services) {
      const pods = workloadsIn(objects).filter(({ labels }) =>
        Object.entries(spec.selector).every(([name, value]) => labels[name] === value),
      );
      assert.equal(pods.length, 1);
      const ports =
        pods[0]?.pod.containers.flatMap((container) => container.ports?.map(({ name }) => name) ?? []) ?? [];
      for (const { targetPort } of spec.ports) assert.ok(ports.includes(targetPort), targetPort);
    }
  });
});

const defaults = parse(readFileSync(path.join(chart, 'values.yaml'), 'utf8')) as Values;

/** What a pod has besides the ConfigMap. */
const secretVariables = {
  BERTH_GITHUB_APP_ID: '1',
  BERTH_GITHUB_PRIVATE_KEY: 'PRIVATE KEY',
  BERTH_GITHUB_WEBHOOK_SECRET: '0123456789abcdef',
  KUBERNETES_SERVICE_HOST: '10.0.0.1',
  KUBERNETES_SERVICE_PORT: '443',
};

/** Paths of values that are the default already. */
function repeated(values: Values, usual: Values, at = ''): readonly string[] {
  return Object.entries(values).flatMap(([name, value]) => {
    const below = usual[name];
    if (
      typeof value === 'object' &&
      value !== null &&
      !Array.isArray(value) &&
      typeof below === 'object' &&
      below !== null
    )
      return repeated(value as Values, below as Values, `${at}${name}.`);
    return JSON.stringify(value) === JSON.stringify(below) && name !== 'via' ? [`${at}${name}`] : [];
  });
}
