/** Charts that want more than a preview may have, with the real Helm on the real cluster. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { corePath } from '../../src/adapters/kubernetes/collections.ts';
import { DiagnosedError } from '../../src/domain/errors.ts';
import type { Diagnosis } from '../../src/domain/preview.ts';
import type { ReleaseRequest } from '../../src/ports.ts';
import { type ChartContent, hook, packedChart, restrictedContainer, restrictedPod } from './charts.ts';
import { failure, type HelmStage, helmStage } from './helm-stage.ts';
import { deploymentsPath, image } from './kubernetes-stack.ts';

const { signal } = new AbortController();

const object = (kind: string, api: string, metadata: string, rest = '') =>
  `apiVersion: ${api}\nkind: ${kind}\nmetadata: {${metadata}}\n${rest}`;
const foreign = (...args: Parameters<typeof object>) => ({ 'foreign.yaml': object(...args) });
const roleRef = 'roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}\n';
const definition = object(
  'CustomResourceDefinition',
  'apiextensions.k8s.io/v1',
  'name: things.example.com',
  'spec: {group: example.com, scope: Namespaced, names: {kind: Thing, plural: things}, versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}]}\n',
);
const subChart = 'apiVersion: v2\nname: sub\nversion: 0.1.0\n';

/** A pod with additions to its spec and to its container. */
const pod = (spec: string, container = '') =>
  object(
    'Pod',
    'v1',
    'name: bad',
    `spec:\n  ${restrictedPod}\n  ${spec}\n  containers: [{ name: bad, image: "${image}", ${container || restrictedContainer} }]\n`,
  );
const privileged = 'securityContext: { privileged: true }';
const init = `initContainers: [{ name: early, image: "${image}", ${privileged} }]`;
const cronJob = (spec: string) =>
  object(
    'CronJob',
    'batch/v1beta1',
    'name: bad',
    `spec: { schedule: "* * * * *", jobTemplate: { spec: { template: { spec: { ${spec}, restartPolicy: Never, containers: [{ name: bad, image: "${image}" }] } } } } }\n`,
  );
const service = (spec: string) => foreign('Service', 'v1', 'name: bad', `spec: {ports: [{port: 80}], ${spec}}\n`);
const ingress = (host: string) =>
  object(
    'Ingress',
    'networking.k8s.io/v1',
    'name: web',
    `spec: {rules: [{host: ${host}, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}}]}\n`,
  );

/** Whatever of the chart is in the namespace. */
async function leftIn({ preview: { api, name }, state }: HelmStage): Promise<readonly string[]> {
  const left: string[] = [`release ${await state()}`];
  const paths = [
    deploymentsPath(name),
    `/apis/batch/v1/namespaces/${name}/jobs`,
    ...['pods', 'services', 'configmaps'].map((resource) => corePath(name, resource)),
  ];
  for (const path of paths) {
    const { items } = await api.list<{ metadata: { name: string } }>({ path }, signal);
    left.push(...items.map(({ metadata }) => metadata.name).filter((item) => item !== 'kube-root-ca.crt'));
  }
  return left;
}

async function refusalBy(it: HelmStage, files: ChartContent, overrides?: Partial<ReleaseRequest>): Promise<Diagnosis> {
  const diagnosis = await failure(it.releaser.upgrade(await it.chart(files, overrides), signal));
  assert.deepEqual(await leftIn(it), ['release absent']);
  return diagnosis;
}

describe('Helm: what the gate refuses', { timeout: 400_000 }, () => {
  // One for all that is refused, as each leaves it empty; a namespace costs more than a refusal.
  let stage: HelmStage;
  before(async () => {
    stage = await helmStage();
  });
  after(() => stage[Symbol.asyncDispose]());

  for (const [what, files, message] of [
    [
      'E9 a ClusterRoleBinding',
      foreign('ClusterRoleBinding', 'rbac.authorization.k8s.io/v1', 'name: mine', roleRef),
      /ClusterRoleBinding\/mine: kind: /,
    ],
    [
      'E9 a RoleBinding',
      foreign('RoleBinding', 'rbac.authorization.k8s.io/v1', 'name: mine', roleRef),
      /RoleBinding\/mine: kind: /,
    ],
    [
      'E9 a definition among the templates',
      { 'crd.yaml': definition },
      /CustomResourceDefinition\/things\.example\.com: kind/,
    ],
    [
      'E9 a definition in `crds/`',
      { 'crds/things.yaml': definition },
      /CustomResourceDefinition\/things\.example\.com: kind/,
    ],
    [
      'E9 a definition in a packed sub-chart',
      { 'charts/sub.tgz': packedChart('sub', { 'Chart.yaml': subChart, 'crds/things.yaml': definition }) },
      /CustomResourceDefinition\/things\.example\.com: kind/,
    ],
    [
      'E9 another namespace',
      foreign('ConfigMap', 'v1', 'name: mine, namespace: kube-system'),
      /ConfigMap\/mine: metadata\.namespace: .*kube-system/,
    ],
    [
      'E9 another namespace, in a list',
      {
        'list.yaml': `apiVersion: v1\nkind: ConfigMapList\nitems: [{apiVersion: v1, kind: ConfigMap, metadata: {name: mine, namespace: kube-system}}]\n`,
      },
      /ConfigMap\/mine: metadata\.namespace: .*kube-system/,
    ],
    [
      'E10 a NetworkPolicy',
      foreign('NetworkPolicy', 'networking.k8s.io/v1', 'name: open', 'spec: {podSelector: {}}\n'),
      /NetworkPolicy\/open: kind/,
    ],
    [
      'E10 a NetworkPolicy as a hook',
      foreign(
        'NetworkPolicy',
        'networking.k8s.io/v1',
        'name: open, annotations: {helm.sh/hook: pre-install}',
        'spec: {podSelector: {}}\n',
      ),
      /NetworkPolicy\/open: kind/,
    ],
    [
      'E10 a ResourceQuota',
      foreign('ResourceQuota', 'v1', 'name: berth', 'spec: {hard: {pods: "1000"}}\n'),
      /ResourceQuota\/berth: kind/,
    ],
    ['E10 a LimitRange', foreign('LimitRange', 'v1', 'name: berth', 'spec: {limits: []}\n'), /LimitRange\/berth: kind/],
    [
      'E11 a privileged container',
      { 'pod.yaml': pod('', privileged) },
      /Pod\/bad: spec\.containers\[0\]\.securityContext\.privileged: Pod Security/,
    ],
    [
      'E11 a privileged init container',
      { 'pod.yaml': pod(init) },
      /Pod\/bad: spec\.initContainers\[0\]\.securityContext\.privileged: Pod Security/,
    ],
    [
      'E11 a path of the node',
      { 'pod.yaml': pod('volumes: [{ name: root, hostPath: { path: / } }]') },
      /Pod\/bad: spec\.volumes\[0\]\.hostPath: Pod Security/,
    ],
    [
      'E11 the network of the node',
      { 'pod.yaml': pod('hostNetwork: true') },
      /Pod\/bad: spec\.hostNetwork: Pod Security/,
    ],
    [
      'E11 a port of the node',
      { 'pod.yaml': pod('', `${restrictedContainer}, ports: [{ containerPort: 80, hostPort: 80 }]`) },
      /Pod\/bad: spec\.containers\[0\]\.ports\[0\]\.hostPort: Pod Security/,
    ],
    [
      'E11 an unsafe sysctl',
      { 'pod.yaml': pod('').replace('runAsNonRoot', 'sysctls: [{ name: kernel.msgmax, value: "1" }], runAsNonRoot') },
      /Pod\/bad: spec\.securityContext\.sysctls\[0\](\.name)?: Pod Security/,
    ],
    [
      'E11 a privileged hook',
      { 'job.yaml': hook('bad', 'pre-install', 'true').replace(restrictedContainer, privileged) },
      /Job\/bad: spec\.template\.spec\.containers\[0\]\.securityContext\.privileged: Pod Security/,
    ],
    [
      'E11 a CronJob in the network of the node',
      { 'job.yaml': cronJob('hostNetwork: true') },
      /CronJob\/bad: spec\.jobTemplate\.spec\.template\.spec\.hostNetwork: Pod Security/,
    ],
    [
      'E11 a privileged container of a packed sub-chart',
      { 'charts/sub.tgz': packedChart('sub', { 'Chart.yaml': subChart, 'pod.yaml': pod('', privileged) }) },
      /Pod\/bad: spec\.containers\[0\]\.securityContext\.privileged: Pod Security/,
    ],
    ['E12 a LoadBalancer', service('type: LoadBalancer'), /Service\/bad: spec\.type: /],
    ['E12 a NodePort', service('type: NodePort'), /Service\/bad: spec\.type: /],
    ['E12 external addresses', service('externalIPs: [192.0.2.1]'), /Service\/bad: spec\.externalIPs/],
    [
      'E12 the host of somebody else',
      { 'ingress.yaml': ingress('login.example.com') },
      /Ingress\/web: spec\.rules\[0\]\.host: .*login\.example\.com/,
    ],
  ] as const) {
    it(what, async () => {
      const diagnosis = await refusalBy(stage, files);
      assert.equal(diagnosis.reason, 'ChartRefused');
      assert.match([diagnosis.message, ...(diagnosis.log ?? [])].join('\n'), message);
    });
  }

  it('E12 lets a chart have the hosts of its routes', async () => {
    await using it = await helmStage();
    await it.releaser.upgrade(await it.chart({ 'ingress.yaml': ingress('web.previews.example.com') }), signal);
    assert.equal(await it.state(), 'deployed');
  });

  for (const [what, files, values] of [
    ['a template', { 'lookup.yaml': '{{ lookup "v1" "Secret" "kube-system" "" }}\n' }, {}],
    [
      'a template in the values',
      { 'lookup.yaml': '{{ tpl .Values.text . }}\n' },
      { text: '{{ lookup "v1" "Secret" "kube-system" "" }}' },
    ],
  ] as const) {
    it(`E9 foreign Secrets to a lookup in ${what}`, async () => {
      const { message } = await refusalBy(stage, files, { values });
      assert.match(message, /secrets.*kube-system/);
    });
  }

  it('E11 demands the RuntimeClass of untrusted previews, and tells charts of it', async () => {
    await using it = await helmStage({ untrustedRuntimeClass: 'sandbox' });
    const { message, log } = await failure(it.releaser.upgrade(await it.chart({}, { trust: 'untrusted' }), signal));
    assert.match([message, ...(log ?? [])].join('\n'), /Deployment\/web: spec\.template\.spec\.runtimeClassName: /);
    const told = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .Values.global.berth.runtimeClass }} }\n';
    await it.releaser.upgrade(await it.chart({ 'web.yaml': '', 'told.yaml': told }, { trust: 'untrusted' }), signal);
    assert.deepEqual(await leftIn(it), ['release deployed', 'sandbox']);
  });
});

describe('Helm: charts that render differently every time', { timeout: 300_000, concurrency: 2 }, () => {
  const context = `securityContext: { {{ if CONDITION }}privileged: true{{ else }}allowPrivilegeEscalation: false, capabilities: { drop: [ALL] }{{ end }} }`;
  // A new pod each time: what a pod may do cannot be changed later.
  const program = (condition: string) => ({
    'pod.yaml': pod('', context.replace('CONDITION', condition)).replace(
      'name: bad}',
      'name: "bad-{{ .Values.nth }}"}',
    ),
    'web.yaml': '',
  });

  /** By pod, whether it is privileged. */
  async function pods({ preview: { api, name } }: HelmStage): Promise<Readonly<Record<string, boolean>>> {
    const { items } = await api.list<{
      metadata: { name: string };
      spec: { containers: { securityContext?: { privileged?: boolean } }[] };
    }>({ path: corePath(name, 'pods') }, signal);
    return Object.fromEntries(
      items.map(({ metadata, spec }) => [
        metadata.name,
        spec.containers.some(({ securityContext }) => securityContext?.privileged === true),
      ]),
    );
  }

  it('E11 get past the gate with what it has seen only: chance', async () => {
    await using it = await helmStage();
    const outcomes = new Set<string>();
    for (let nth = 0; nth < 40 && (nth < 12 || outcomes.size < 2); nth += 1) {
      const request = await it.chart(program('eq (randInt 0 2) 1'), { values: { nth }, isUpgrade: nth > 0 });
      const outcome = await it.releaser.upgrade(request, signal).then(
        () => 'installed',
        (error: unknown) => (error instanceof DiagnosedError ? error.diagnosis.reason : 'failed'),
      );
      outcomes.add(outcome);
      assert.notEqual((await pods(it))[`bad-${nth}`], true);
    }
    assert.deepEqual([...outcomes].toSorted(), ['ChartRefused', 'installed']);
  });

  it('E11 get past the gate with what it has seen only: whether it is an upgrade', async () => {
    await using it = await helmStage();
    await it.releaser.upgrade(await it.chart({}), signal);
    const request = (nth: number, isUpgrade: boolean) =>
      it.chart(program('.Release.IsUpgrade'), { values: { nth }, isUpgrade });
    // Helm upgrades, whatever the request takes it for.
    await it.releaser.upgrade(await request(1, false), signal);
    assert.equal((await pods(it))['bad-1'], false);
    const { reason } = await failure(it.releaser.upgrade(await request(2, true), signal));
    assert.equal(reason, 'ChartRefused');
    assert.equal((await pods(it))['bad-2'], undefined);
  });

  const marker = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: marker}\n';

  it('E11 get past the gate with what it has seen only: what is in the cluster', async () => {
    await using it = await helmStage();
    const files = { ...program('(lookup "v1" "ConfigMap" .Release.Namespace "marker")'), 'marker.yaml': marker };
    await it.releaser.upgrade(await it.chart(files, { values: { nth: 1 } }), signal);
    assert.equal((await pods(it))['bad-1'], false);
    const again = await it.chart(files, { values: { nth: 2 }, isUpgrade: true });
    const { reason } = await failure(it.releaser.upgrade(again, signal));
    assert.equal(reason, 'ChartRefused');
    assert.equal((await pods(it))['bad-2'], undefined);
  });

  it('E11 get past the gate with what it has seen only: a question that nobody finds in the chart', async () => {
    await using it = await helmStage();
    const hidden = `eq (tpl (printf "{{ with %s%s \\"v1\\" \\"ConfigMap\\" .Release.Namespace \\"marker\\" }}yes{{ end }}" "look" "up") .) "yes"`;
    const files = { ...program(hidden), 'marker.yaml': marker };
    for (const nth of [1, 2]) {
      await it.releaser.upgrade(await it.chart(files, { values: { nth }, isUpgrade: nth > 1 }), signal);
      assert.equal((await pods(it))[`bad-${nth}`], false);
    }
  });
});
