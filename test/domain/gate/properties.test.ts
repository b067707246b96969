import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { type GatePolicy, refusalsOf } from '../../../src/domain/gate.ts';
import { maxRefusals } from '../../../src/domain/gate/refusals.ts';
import type { Json, JsonObject } from '../../../src/domain/json.ts';
import { allowedByRestricted } from './model.ts';
import { object, policy, refusals, refusedFields, service, withValue, workloads } from './sample.ts';

const runs = { numRuns: 150 };

/** One of the values, or nothing said. */
const maybe = (...values: readonly Json[]) => fc.option(fc.constantFrom(...values), { nil: undefined });

/** Objects with some of the fields, those that are `undefined` left out. */
function some(fields: Readonly<Record<string, fc.Arbitrary<Json | undefined>>>): fc.Arbitrary<JsonObject> {
  return fc.record(fields).map((record) => JSON.parse(JSON.stringify(record)) as JsonObject);
}

const profile = maybe({ type: 'RuntimeDefault' }, { type: 'Localhost', localhostProfile: 'web.json' });

/** What the contexts of pods and containers have in common, all of it allowed. */
const context = {
  appArmorProfile: profile,
  runAsUser: maybe(1, 1_000, null),
  runAsGroup: maybe(0, 1_000),
  seLinuxOptions: maybe({ type: 'container_t' }, { level: 's0:c1,c2' }),
  windowsOptions: maybe({ hostProcess: false }, {}),
};

const handler = maybe(
  { httpGet: { path: '/', port: 80 } },
  { tcpSocket: { port: 'http', host: '' } },
  { exec: { command: ['true'] } },
  null,
);

const compliantContainer = some({
  name: fc.constantFrom('app', 'sidecar'),
  image: fc.constant('registry.example/shop@sha256:0'),
  ports: maybe([{ containerPort: 80 }, { containerPort: 81, hostPort: 0 }]),
  livenessProbe: handler,
  readinessProbe: handler,
  startupProbe: handler,
  lifecycle: fc.option(some({ postStart: handler, preStop: handler }), { nil: undefined }),
  securityContext: some({
    ...context,
    allowPrivilegeEscalation: fc.constant(false),
    privileged: maybe(false, null),
    procMount: maybe('Default'),
    runAsNonRoot: maybe(true),
    seccompProfile: profile,
    capabilities: fc.constantFrom<Json[]>({ drop: ['ALL'] }, { drop: ['NET_RAW', 'ALL'], add: ['NET_BIND_SERVICE'] }),
  }),
});

const compliantSpec = some({
  hostNetwork: maybe(false, null),
  hostPID: maybe(false),
  hostIPC: maybe(false),
  hostUsers: maybe(true, false),
  os: maybe({ name: 'linux' }),
  serviceAccountName: maybe('default', 'web'),
  securityContext: some({
    ...context,
    runAsNonRoot: fc.constant(true),
    seccompProfile: fc.constantFrom<Json[]>({ type: 'RuntimeDefault' }, { type: 'Localhost' }),
    sysctls: maybe([{ name: 'net.ipv4.tcp_syncookies', value: '1' }]),
  }),
  volumes: maybe([], [{ name: 'a', emptyDir: {} }], [{ name: 'a', secret: { secretName: 'x' } }, { name: 'b' }]),
  containers: fc.array(compliantContainer, { minLength: 1, maxLength: 3 }),
  initContainers: fc.array(compliantContainer, { maxLength: 2 }),
  ephemeralContainers: fc.array(compliantContainer, { maxLength: 1 }),
});

/** Fields of a pod with values that no level but `privileged` allows; `*` is any of its containers. */
// biome-ignore format: a table
const forbidden: readonly (readonly [field: string, values: readonly Json[]])[] = [
  ['hostNetwork', [true]], ['hostPID', [true]], ['hostIPC', [true]],
  ['volumes[0].hostPath', [{ path: '/' }, {}]],
  ['volumes[0].nfs', [{}]], ['volumes[0].csi', [{ driver: 'x' }]],
  ['securityContext.sysctls[0].name', ['kernel.msgmax', '*']],
  ...['securityContext', '*.securityContext'].flatMap((path) => [
    [`${path}.windowsOptions.hostProcess`, [true]], [`${path}.seLinuxOptions.type`, ['spc_t']],
    [`${path}.seLinuxOptions.user`, ['u']], [`${path}.seLinuxOptions.role`, ['r']],
    [`${path}.appArmorProfile.type`, ['Unconfined', '', null]], [`${path}.seccompProfile.type`, ['Unconfined', '', null]],
  ] as const),
  ['*.securityContext.privileged', [true]], ['*.securityContext.capabilities.add[0]', ['SYS_ADMIN', 'NET_ADMIN', 'ALL']],
  ['*.securityContext.procMount', ['Unmasked']], ['*.ports[0].hostPort', [80, -1]],
  ...['livenessProbe', 'readinessProbe', 'startupProbe', 'lifecycle.postStart', 'lifecycle.preStop'].flatMap((name) => [
    [`*.${name}.httpGet.host`, ['x']], [`*.${name}.tcpSocket.host`, ['x']],
  ] as const),
  ['serviceAccountName', ['berth-deployer']], ['nodeName', ['x']], ['priorityClassName', ['x']],
];

/** The same for `restricted` alone. */
const forbiddenByRestricted: typeof forbidden = [
  ['securityContext.runAsNonRoot', [false]],
  ['securityContext.runAsUser', [0]],
  ['*.securityContext.runAsNonRoot', [false]],
  ['*.securityContext.runAsUser', [0]],
  ['*.securityContext.allowPrivilegeEscalation', [true, null]],
  ['*.securityContext.capabilities.drop', [[], null, ['NET_RAW'], ['all']]],
  ['*.securityContext.capabilities.add[0]', ['CHOWN']],
];

const anyWorkload = fc.constantFrom(...workloads, {
  path: '',
  of: (template: JsonObject) => object('v1', 'Pod', template),
});

describe('the gate, whatever the chart', () => {
  it('E11 accepts compliant pods in every kind', () => {
    fc.assert(
      fc.property(compliantSpec, anyWorkload, (spec, { of }) => {
        assert.deepEqual(refusals(of({ spec })), []);
        assert.deepEqual(refusals(of({ spec }), { podSecurity: 'baseline' }), []);
      }),
      runs,
    );
  });

  for (const [podSecurity, table] of [
    ['baseline', forbidden],
    ['restricted', [...forbidden, ...forbiddenByRestricted]],
  ] as const) {
    const change = fc
      .constantFrom(...table)
      .chain(([field, values]) => fc.record({ field: fc.constant(field), value: fc.constantFrom(...values) }));
    it(`E11 refuses one forbidden value anywhere, by its path, at ${podSecurity}`, () => {
      fc.assert(
        fc.property(compliantSpec, anyWorkload, change, fc.nat(), (spec, { of, path }, { field, value }, at) => {
          const places = containerPaths(spec);
          const within = field.replace('*', places[at % places.length] ?? '');
          const changed = of({ spec: withValue(withoutNulls(spec), within, value) });
          const refused = refusedFields(changed, { podSecurity });
          assert.ok(
            refused.includes(`${path === '' ? '' : `${path}.`}spec.${within}`),
            `${within}: ${refused.join(', ')}`,
          );
        }),
        { numRuns: 400 },
      );
    });
  }

  /** Specs in which anything of the tables may be wrong, or nothing. */
  const anySpec = fc
    .tuple(
      compliantSpec,
      fc.array(fc.tuple(fc.constantFrom(...forbidden, ...forbiddenByRestricted), fc.nat(), fc.nat()), { maxLength: 4 }),
      fc.boolean(),
    )
    .map(([spec, changes, isBare]) => {
      let changed = withoutNulls(spec);
      if (isBare) changed = { ...changed, securityContext: {} };
      for (const [[field, values], container, value] of changes) {
        const places = containerPaths(spec);
        changed = withValue(
          changed,
          field.replace('*', places[container % places.length] ?? ''),
          values[value % values.length],
        );
      }
      return changed;
    });

  it('E11 never accepts at restricted what it refuses at baseline', () => {
    fc.assert(
      fc.property(anySpec, fc.constantFrom(undefined, 20, 25, 35, 40), (spec, kubernetesMinor) => {
        const sample = object('v1', 'Pod', { spec });
        if (refusals(sample, { kubernetesMinor }).length > 0) return;
        assert.deepEqual(refusals(sample, { kubernetesMinor, podSecurity: 'baseline' }), []);
      }),
      { numRuns: 400 },
    );
  });

  it('E11 agrees with a second, simpler account of restricted', () => {
    fc.assert(
      fc.property(anySpec, (spec) => {
        const found = refusals(object('v1', 'Pod', { spec })).filter(({ rule }) => rule.startsWith('Pod Security'));
        assert.equal(found.length === 0, allowedByRestricted(spec), JSON.stringify(spec));
      }),
      { numRuns: 500 },
    );
  });

  it('E11 decides alike in every kind, and in any company', () => {
    fc.assert(
      fc.property(anySpec, fc.constantFrom(...workloads), fc.boolean(), (spec, { of, path }, isFirst) => {
        const alone = refusals(object('v1', 'Pod', { spec }));
        const others = [service({}), object('v1', 'ConfigMap', {})];
        const wrapped = of({ spec });
        const found = refusals(isFirst ? [wrapped, ...others] : [...others, wrapped]);
        assert.deepEqual(
          found.map(({ field, rule }) => `${field}: ${rule}`).toSorted(),
          alone.map(({ field, rule }) => `${path}.${field}: ${rule}`).toSorted(),
        );
        assert.deepEqual(refusals({ apiVersion: 'v1', kind: 'List', items: [...others, wrapped] }), found);
      }),
      runs,
    );
  });

  it('E6 never throws, and refuses what is no object of Kubernetes', () => {
    const levels = fc.constantFrom<GatePolicy['podSecurity'][]>('restricted', 'baseline', 'privileged');
    fc.assert(
      fc.property(
        fc.anything({
          withBigInt: true,
          withDate: true,
          withMap: true,
          withSet: true,
          withNullPrototype: true,
          withSparseArray: true,
        }),
        levels,
        (junk, podSecurity) => {
          assert.ok(refusalsOf([junk], { ...policy, podSecurity }).length > 0);
        },
      ),
      { numRuns: 400 },
    );
    const names = fc.constantFrom(
      'spec',
      'template',
      'metadata',
      'containers',
      'securityContext',
      'items',
      'volumes',
      'rules',
      'name',
      'ports',
      '__proto__',
    );
    const shaped = fc.letrec<{ value: unknown }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 8 },
        fc.constantFrom<unknown[]>(null, 0, 'x', true, undefined),
        fc.array(tie('value'), { maxLength: 3 }),
        fc.dictionary(names, tie('value'), { maxKeys: 4 }),
      ),
    })).value;
    const kinds = fc.constantFrom(
      ['v1', 'Pod'],
      ['v1', 'Service'],
      ['apps/v1', 'StatefulSet'],
      ['batch/v1', 'CronJob'],
      ['v1', 'List'],
      ['networking.k8s.io/v1', 'Ingress'],
      ['gateway.networking.k8s.io/v1', 'HTTPRoute'],
      ['postgresql.cnpg.io/v1', 'Cluster'],
      ['v1', 'PersistentVolumeClaim'],
      ['v1', 'Secret'],
    );
    fc.assert(
      fc.property(
        kinds,
        fc.dictionary(names, shaped, { maxKeys: 5 }),
        levels,
        ([apiVersion, kind], fields, podSecurity) => {
          const found = refusalsOf([{ ...fields, apiVersion, kind }], { ...policy, podSecurity });
          assert.ok(found.length <= maxRefusals);
          for (const { object, field, rule } of found)
            assert.ok(object !== '' && rule !== '' && typeof field === 'string');
        },
      ),
      { numRuns: 400 },
    );
  });
});

function containerPaths(spec: JsonObject): readonly string[] {
  return ['containers', 'initContainers', 'ephemeralContainers'].flatMap((name) =>
    ((spec[name] ?? []) as readonly Json[]).map((_, index) => `${name}[${index}]`),
  );
}

/** So that fields can be put where nothing was said. */
function withoutNulls(spec: JsonObject): JsonObject {
  return JSON.parse(JSON.stringify(spec), (_, value: unknown) => (value === null ? undefined : value)) as JsonObject;
}
