import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { describe, it } from 'node:test';
import { parseEndpoint } from '../../src/adapters/buildx/endpoint.ts';
import { refusalsOf } from '../../src/domain/gate.ts';
import { chartFolder, type KubernetesObject, lint, render } from './helm.ts';
import { kubernetesReleases, problemsOf } from './kubernetes-schemas.ts';
import { containersOf, nameOf, type Workload, withoutChance, workloadsIn } from './objects.ts';
import { completeSets, least, merge, secrets } from './option-sets.ts';

const chart = chartFolder('berth');
const operators = ['monitoring.coreos.com/v1', 'cert-manager.io/v1', 'gateway.networking.k8s.io/v1'];

const rendered = new Map(
  await Promise.all(
    [...completeSets].map(
      async ([name, values]) => [name, await render(chart, values, { apiVersions: operators })] as const,
    ),
  ),
);
const everything = [...rendered].flatMap(([set, objects]) => objects.map((object) => ({ set, object })));
const workloads = [...rendered].flatMap(([set, objects]) =>
  workloadsIn(objects).map((workload) => ({ set, workload })),
);

/** What is wrong, one line for each, so that a failure shows all of it. */
function holds(problems: readonly string[]): void {
  assert.deepEqual([...new Set(problems)], []);
}

describe('the chart, with every set of options', () => {
  for (const name of [
    'nothing but what is needed',
    'roles apart, each with all of its options',
    'builders for everybody',
  ]) {
    it(`passes helm lint --strict: ${name}`, async () => {
      await lint(chart, completeSets.get(name) ?? {});
    });
  }

  for (const kubernetes of kubernetesReleases) {
    it(`is what Kubernetes ${kubernetes} takes, to the last field`, () => {
      holds(
        everything.flatMap(({ set, object }) => problemsOf(object, kubernetes).map((problem) => `${set}: ${problem}`)),
      );
    });
  }

  it('is the same for each of these releases', async () => {
    const all = await Promise.all(
      kubernetesReleases.map((kubernetes) => render(chart, least, { kubernetes, apiVersions: operators })),
    );
    assert.equal(new Set(all.map(withoutChance)).size, 1);
  });

  it('names each object once', () => {
    holds(
      [...rendered].flatMap(([set, objects]) => {
        const names = objects.map(nameOf);
        return names.filter((name, index) => names.indexOf(name) !== index).map((name) => `${set}: ${name}`);
      }),
    );
  });

  it('says in which namespace each object is, unless it is in none', () => {
    const clusterWide = /^(ClusterRole|ClusterRoleBinding|ValidatingAdmissionPolicy|ValidatingAdmissionPolicyBinding)$/;
    holds(
      everything
        .filter(({ object }) => clusterWide.test(object.kind) === (object.metadata.namespace !== undefined))
        .map(({ set, object }) => `${set}: ${nameOf(object)}`),
    );
  });

  it('renders the same twice but for generated secrets', async () => {
    const set = 'network policies to the letter';
    const again = await render(chart, completeSets.get(set) ?? {}, { apiVersions: operators });
    assert.equal(withoutChance(again), withoutChance(rendered.get(set) ?? []));
  });
});

describe('pods of the chart', () => {
  it('comply with Pod Security "restricted", all but those of BuildKit', () => {
    holds(
      workloads
        .filter(({ workload }) => !isBuildKit(workload))
        .flatMap(({ set, workload }) => podSecurityProblems(workload).map((problem) => `${set}: ${problem}`)),
    );
  });

  it('of rootless BuildKit lack exactly what it needs to make namespaces for its steps', () => {
    const rules = new Set(podSecurityProblems(buildKitIn('nothing but what is needed')));
    assert.deepEqual([...rules].map((rule) => rule.replace(/^.*?: /, '')).toSorted(), [
      'spec.containers[0].securityContext.allowPrivilegeEscalation',
      'spec.containers[0].securityContext.appArmorProfile.type',
      'spec.containers[0].securityContext.capabilities.drop',
      'spec.containers[0].securityContext.seccompProfile.type',
    ]);
  });

  it('have a root file system that nobody writes to, all but those of BuildKit', () => {
    holds(
      workloads
        .filter(({ workload }) => !isBuildKit(workload))
        .flatMap(({ set, workload }) =>
          containersOf(workload)
            .filter(({ securityContext }) => !securityContext?.readOnlyRootFilesystem)
            .map(({ name }) => `${set}: ${nameOf(workload.object)}: ${name}`),
        ),
    );
  });

  it('name their images by a version or a digest', () => {
    holds(
      workloads.flatMap(({ set, workload }) =>
        containersOf(workload)
          .filter(({ image }) => !/(:[^:/]*\d[^:/]*|@sha256:[0-9a-f]{64})$/.test(image) || image.endsWith(':latest'))
          .map(({ image }) => `${set}: ${nameOf(workload.object)}: ${image}`),
      ),
    );
  });

  it('say what they need and how much memory they may take', () => {
    holds(
      workloads.flatMap(({ set, workload }) =>
        containersOf(workload)
          .filter(
            ({ resources }) =>
              !(resources?.requests?.['cpu'] && resources.requests['memory'] && resources.limits?.['memory']),
          )
          .map(({ name }) => `${set}: ${nameOf(workload.object)}: ${name}`),
      ),
    );
  });

  it('that go on running are asked whether they have started, live and are ready', () => {
    holds(
      workloads
        .filter(({ workload }) => /^(Deployment|StatefulSet)$/.test(workload.object.kind))
        .flatMap(({ set, workload }) =>
          workload.pod.containers
            .filter((container) => !(container.startupProbe && container.livenessProbe && container.readinessProbe))
            .map(({ name }) => `${set}: ${nameOf(workload.object)}: ${name}`),
        ),
    );
  });

  it('have a token only where Berth runs', () => {
    const withTokens = [...rendered].flatMap(([, objects]) => {
      const accounts = new Map(
        objects.filter(({ kind }) => kind === 'ServiceAccount').map((account) => [account.metadata.name, account]),
      );
      return workloadsIn(objects)
        .filter(({ pod }) => {
          const account = accounts.get(pod.serviceAccountName ?? '');
          return (pod.automountServiceAccountToken ?? account?.['automountServiceAccountToken'] ?? true) !== false;
        })
        .map(({ labels }) => labels['app.kubernetes.io/component']);
    });
    assert.deepEqual([...new Set(withTokens)].toSorted(), ['all', 'doctor', 'gateway', 'server', 'sweep', 'worker']);
  });

  it('have accounts that the chart makes', () => {
    holds(
      [...rendered].flatMap(([set, objects]) => {
        const accounts = objects.filter(({ kind }) => kind === 'ServiceAccount').map(({ metadata }) => metadata.name);
        return workloadsIn(objects)
          .filter(({ pod, object }) => object.kind !== 'Pod' && !accounts.includes(pod.serviceAccountName ?? ''))
          .map(({ object }) => `${set}: ${nameOf(object)}`);
      }),
    );
  });
});

describe('secrets of the chart', () => {
  const objects = rendered.get('the App among the values, everything named') ?? [];
  const generated = (rendered.get('nothing but what is needed') ?? []).filter(({ kind }) => kind === 'Secret');

  it('that are given are in Secrets and nowhere else', () => {
    for (const secret of Object.values(secrets)) {
      const encoded = Buffer.from(secret).toString('base64');
      const holders = objects.filter((object) => {
        const text = JSON.stringify(object);
        return text.includes(JSON.stringify(secret).slice(1, -1)) || text.includes(encoded);
      });
      assert.deepEqual(
        holders.map(({ kind }) => kind),
        ['Secret'],
        secret,
      );
    }
  });

  it('that are generated are in Secrets and nowhere else', () => {
    assert.deepEqual(generated.map(({ metadata }) => metadata.name).toSorted(), [
      'berth-buildkit-client',
      'berth-buildkit-server',
      'berth-redis',
    ]);
    const others = (rendered.get('nothing but what is needed') ?? []).filter(({ kind }) => kind !== 'Secret');
    for (const { data } of generated as unknown as readonly { readonly data: Readonly<Record<string, string>> }[]) {
      for (const encoded of Object.values(data)) {
        const text = Buffer.from(encoded, 'base64').toString();
        assert.ok(text.length >= 40);
        assert.ok(!JSON.stringify(others).includes(encoded) && !JSON.stringify(others).includes(text));
      }
    }
  });

  it('of trusted builders are not those of the others', async () => {
    const both = await render(chart, { ...least, buildkit: { untrusted: { enabled: true } } });
    const authorities = both.flatMap((object) => {
      const { data } = object as KubernetesObject & { readonly data?: Readonly<Record<string, string>> };
      return object.kind === 'Secret' && data?.['ca.crt'] ? [[object.metadata.name, data['ca.crt']] as const] : [];
    });
    assert.equal(authorities.length, 4);
    const [trusted, untrusted] = [false, true].map(
      (isUntrusted) =>
        new Set(authorities.filter(([name]) => name.includes('untrusted') === isUntrusted).map(([, ca]) => ca)),
    );
    assert.equal(trusted?.size, 1);
    assert.equal(untrusted?.size, 1);
    assert.notDeepEqual(trusted, untrusted);
  });
});

describe('certificates of the chart', () => {
  it('are for the names that Berth has for the daemons, for years, and from one authority', async () => {
    const objects = await render(chart, merge(least, { buildkit: { trusted: { replicas: 2 } } }), { release: 'one' });
    const certificate = (side: string, key: string) => {
      const secret = objects.find(
        ({ kind, metadata }) => kind === 'Secret' && metadata.name.endsWith(`buildkit-${side}`),
      );
      const { data } = secret as unknown as { readonly data: Readonly<Record<string, string>> };
      return new X509Certificate(Buffer.from(data[key] ?? '', 'base64'));
    };
    const settings = objects.find(({ kind, metadata }) => kind === 'ConfigMap' && metadata.name === 'one-berth');
    const { data } = settings as unknown as { readonly data: Readonly<Record<string, string>> };
    const hosts = (data['BERTH_BUILDKIT'] ?? '')
      .split(',')
      .map((endpoint) => new URL(parseEndpoint(endpoint).url).hostname);
    assert.equal(hosts.length, 2);
    const authority = certificate('server', 'ca.crt');
    for (const host of hosts) assert.ok(certificate('server', 'tls.crt').checkHost(host), host);
    for (const side of ['server', 'client']) {
      const shown = certificate(side, 'tls.crt');
      assert.ok(shown.checkIssued(authority) && shown.verify(authority.publicKey), side);
      assert.ok(Date.parse(shown.validTo) > Date.now() + 9 * 365 * 86_400_000);
    }
  });
});

describe('names of the chart', () => {
  // Helm's own limit for a release; Kubernetes' for a namespace.
  const release = `r${'e'.repeat(51)}x`;
  const namespace = `n${'a'.repeat(61)}x`;

  it('fit, however long the release and its namespace are called', async () => {
    const objects = await render(
      chart,
      { ...least, together: { enabled: false }, buildkit: { untrusted: { enabled: true } } },
      { release, namespace },
    );
    for (const { kind, metadata } of objects) {
      // The pods of a StatefulSet have its name and a hash of ten characters in a label.
      const longest = kind === 'StatefulSet' ? 52 : 63;
      assert.ok(metadata.name.length <= longest, `${kind} ${metadata.name} has ${metadata.name.length} characters`);
      for (const [label, value] of Object.entries(metadata.labels ?? {}))
        assert.ok(value.length <= 63, `${label}: ${value}`);
    }
  });

  it('of two releases in one cluster, or in one namespace, differ', async () => {
    const [one, two] = await Promise.all(
      ['berth', 'other'].map(async (each) =>
        (await render(chart, { ...least, buildkit: { untrusted: { enabled: true } } }, { release: each })).map(nameOf),
      ),
    );
    assert.deepEqual(
      one?.filter((name) => two?.includes(name)),
      [],
    );
  });
});

describe('selectors of the chart', () => {
  it('pick pods of the release', () => {
    holds(
      [...rendered].flatMap(([set, objects]) => {
        const pods = workloadsIn(objects);
        return selectorsIn(objects)
          .filter(({ selector }) => !pods.some(({ labels }) => matches(selector, labels)))
          .map(({ object }) => `${set}: ${nameOf(object)} picks nothing`);
      }),
    );
  });

  it('pick each pod of the release by one network policy for each of its roles at least', () => {
    const objects = rendered.get('network policies to the letter') ?? [];
    const policies = selectorsIn(objects.filter(({ kind }) => kind === 'NetworkPolicy'));
    holds(
      workloadsIn(objects)
        .filter(({ object }) => object.kind !== 'Pod')
        .filter(({ labels }) => !policies.some(({ selector }) => matches(selector, labels)))
        .map(({ object }) => `${nameOf(object)} is picked by no network policy`),
    );
  });

  it('of Services lead to ports that the pods have', () => {
    holds(
      [...rendered].flatMap(([set, objects]) =>
        selectorsIn(objects.filter(({ kind }) => kind === 'Service')).flatMap(({ object, selector }) => {
          const { ports } = object['spec'] as { readonly ports: readonly { readonly targetPort: string }[] };
          const pods = workloadsIn(objects).filter(({ labels }) => matches(selector, labels));
          return ports
            .filter(({ targetPort }) =>
              pods.some(
                (pod) => !containersOf(pod).some((each) => each.ports?.some(({ name }) => name === targetPort)),
              ),
            )
            .map(({ targetPort }) => `${set}: ${nameOf(object)}: ${targetPort}`);
        }),
      ),
    );
  });
});

function isBuildKit({ labels }: Workload): boolean {
  return labels['app.kubernetes.io/component']?.startsWith('buildkit') ?? false;
}

function buildKitIn(set: string): Workload {
  const found = workloadsIn(rendered.get(set) ?? []).find(isBuildKit);
  assert.ok(found);
  return found;
}

/** Berth's own gate says what it would say of a preview's pod. */
function podSecurityProblems({ object, pod }: Workload): readonly string[] {
  const refusals = refusalsOf(
    [{ apiVersion: 'v1', kind: 'Pod', metadata: { name: object.metadata.name }, spec: pod }],
    {
      podSecurity: 'restricted',
      namespace: 'berth',
      hosts: [],
      extraKinds: [],
      extraAnnotations: [],
      kubernetesMinor: 34,
      runtimeClass: undefined,
    },
  );
  // Its other rules are about previews.
  return refusals
    .filter(({ rule }) => rule.startsWith('Pod Security'))
    .map(({ field }) => `${nameOf(object)}: ${field}`);
}

type Labels = Readonly<Record<string, string>>;

function selectorsIn(
  objects: readonly KubernetesObject[],
): readonly { readonly object: KubernetesObject; readonly selector: Labels }[] {
  return objects.flatMap((object) => {
    const spec = object['spec'] as
      | {
          readonly selector?: Labels & { readonly matchLabels?: Labels };
          readonly podSelector?: { readonly matchLabels?: Labels };
        }
      | undefined;
    switch (object.kind) {
      case 'Service':
        return spec?.selector ? [{ object, selector: spec.selector }] : [];
      case 'Deployment':
      case 'StatefulSet':
      case 'PodDisruptionBudget':
        return [{ object, selector: spec?.selector?.matchLabels ?? {} }];
      case 'NetworkPolicy':
        return [{ object, selector: spec?.podSelector?.matchLabels ?? {} }];
      default:
        return [];
    }
  });
}

function matches(selector: Labels, labels: Labels): boolean {
  const entries = Object.entries(selector);
  return entries.length > 0 && entries.every(([name, value]) => labels[name] === value);
}
