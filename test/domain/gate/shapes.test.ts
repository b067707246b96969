import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { maxRefusals } from '../../../src/domain/gate/refusals.ts';
import type { Json } from '../../../src/domain/json.ts';
import {
  container,
  fullPodSpec,
  object,
  placesWithin,
  pod,
  podSpec,
  refusals,
  refusedFields,
  service,
  withValue,
} from './sample.ts';

describe('what is not of the shape that Kubernetes has', () => {
  const full = pod(fullPodSpec());
  const places = placesWithin(full['spec'] ?? null, 'spec');
  const ignored = /\.(name|image|topologyKey)$/;
  const readAnyway = /(os|sysctls\[0\])\.name$/;
  const read = places.filter(({ path }) => !ignored.test(path) || readAnyway.test(path));

  it('accepts a pod that says everything that may be said', () => {
    assert.deepEqual(refusals(full), []);
    assert.ok(read.length > 150, String(read.length));
  });

  it('E11 is refused, whichever field it is in', () => {
    for (const { path, value } of read) {
      for (const wrong of otherTypesThan(value)) {
        const refused = refusedFields(withValue(full, path, wrong));
        assert.ok(refused.includes(path), `${path}: ${JSON.stringify(wrong)}: ${refused.join(', ')}`);
      }
    }
  });

  it('E11 is refused when a field’s name is spelled in another case', () => {
    for (const { path, value } of read) {
      const at = path.lastIndexOf('.');
      const name = path.slice(at + 1);
      if (!/^[A-Za-z]+$/.test(name) || /\.(labels|annotations)\./.test(path)) continue;
      for (const spelling of [
        name.toUpperCase(),
        `${name.slice(0, 1).toUpperCase()}${name.slice(1)}`,
        name.replace('s', 'ſ'),
      ]) {
        if (spelling === name) continue;
        const parent = places.find((place) => place.path === path.slice(0, at))?.value as
          | Record<string, Json>
          | undefined;
        if (parent === undefined) continue;
        const misspelled = withValue(full, path.slice(0, at), { ...parent, [spelling]: value });
        const shown = /^[A-Za-z]+$/.test(spelling) ? `.${spelling}` : `["${spelling}"]`;
        const refused = refusedFields(misspelled);
        assert.ok(refused.includes(`${path.slice(0, at)}${shown}`), `${path} as ${spelling}: ${refused.join(', ')}`);
      }
    }
    assert.deepEqual(refusedFields({ ...pod(), Spec: { hostNetwork: true } }), ['Spec']);
    assert.deepEqual(refusedFields({ ...pod(), KIND: 'Namespace' }), ['KIND']);
    assert.deepEqual(refusedFields({ ...pod(), apiversion: 'v2' }), ['apiversion']);
    assert.deepEqual(refusedFields(withValue(pod(), 'metadata.nameSpace', 'prod')), ['metadata.nameSpace']);
  });

  it('allows ConfigMaps, labels and annotations to hold whatever names', () => {
    const names = { Privileged: 'true', privileged: 'true', HOSTNETWORK: 'true', constructor: 'x', items: '[]' };
    assert.deepEqual(refusals(object('v1', 'ConfigMap', { data: names }, { labels: names, annotations: names })), []);
  });

  it('takes null for absent, as Kubernetes does', () => {
    const metadata = { namespace: null, labels: null, annotations: null, finalizers: null, creationTimestamp: null };
    assert.deepEqual(
      refusals(pod(podSpec({ volumes: null, tolerations: null, initContainers: null, nodeName: null }), metadata)),
      [],
    );
    assert.deepEqual(
      refusedFields(pod(podSpec({ containers: [container(), null] }))).includes('spec.containers[1]'),
      true,
    );
  });

  it('E9 refuses what is no object', () => {
    const junk: readonly unknown[] = [
      null,
      undefined,
      'kind: Pod',
      7,
      true,
      [],
      [pod()],
      new Map([['kind', 'Pod']]),
      new Date(0),
      () => pod(),
      7n,
      Symbol('x'),
    ];
    for (const value of junk) assert.equal(refusals([value]).length > 0, true, String(value));
    for (const value of [
      undefined,
      Number.NaN,
      Number.POSITIVE_INFINITY,
      new Map(),
      new Date(0),
      7n,
      Symbol('x'),
      () => 1,
      Object.assign([1], { extra: 1 }),
    ]) {
      assert.deepEqual(refusedFields(withValue(pod(), 'spec.terminationGracePeriodSeconds', 5)), []);
      const odd = pod();
      Object.assign(odd['spec'] as object, { odd: value });
      assert.deepEqual(refusedFields(odd), ['spec.odd']);
    }
  });

  it('E11 refuses names that one parser merges and another keeps', () => {
    for (const name of ['__proto__', '<<']) {
      const merged = pod(
        JSON.parse(JSON.stringify(podSpec({ x: 1 })).replace('"x":1', `${JSON.stringify(name)}:{"hostNetwork":true}`)),
      );
      assert.deepEqual(refusedFields(merged), [`spec["${name}"]`]);
    }
    const inherited = pod(Object.assign(Object.create({ hostNetwork: true }) as object, podSpec()) as never);
    assert.deepEqual(refusedFields(inherited), ['spec']);
    assert.deepEqual(refusals(pod(Object.assign(Object.create(null) as object, podSpec()) as never)), []);
  });
});

describe('bounded work', () => {
  it('E6 ends at 64 levels', () => {
    let deep: Json = 'end';
    for (let level = 0; level < 100_000; level += 1) deep = level % 2 === 0 ? [deep] : { a: deep };
    const [refusal, ...others] = refusals(object('v1', 'ConfigMap', { data: deep }));
    assert.deepEqual(others, []);
    assert.match(refusal?.rule ?? '', /nested more than 64 levels/);
    assert.ok((refusal?.field.length ?? 0) <= 240);
  });

  it('E6 ends at what is reached through itself', () => {
    const circle: Record<string, unknown> = { ...pod() };
    circle['spec'] = circle;
    assert.match(refusals(circle)[0]?.rule ?? '', /nested more than/);
  });

  it('E6 ends at 100,000 values, aliases counted each time', () => {
    let bomb: Json = ['lol'];
    for (let level = 0; level < 30; level += 1) bomb = [bomb, bomb];
    const [refusal, ...others] = refusals(object('v1', 'ConfigMap', { data: bomb }));
    assert.deepEqual(others, []);
    assert.match(refusal?.rule ?? '', /more than 100000 values/);
    const wide = object('v1', 'ConfigMap', {
      data: Object.fromEntries(Array.from({ length: 1_000 }, (_, key) => [`k${key}`, 'v'])),
    });
    assert.match(refusals(Array.from({ length: 999 }, () => wide)).at(-1)?.rule ?? '', /more than 100000 values/);
  });

  it('E6 ends at a thousand objects', () => {
    const objects = (count: number) => Array.from({ length: count }, () => service({}));
    assert.deepEqual(refusals(objects(1_000)), []);
    assert.deepEqual(
      refusals(objects(1_001)).map(({ rule }) => rule),
      ['has more than 1000 objects'],
    );
  });

  it('E6 says no more than anybody reads, in bounded lines', () => {
    const name = `${'x'.repeat(10_000)}\u202E\n\u001B[31m`;
    const hostile = object(
      'v1',
      'Secret',
      { type: 'kubernetes.io/service-account-token' },
      {
        name,
        namespace: name,
        labels: Object.fromEntries(Array.from({ length: 100 }, (_, key) => [`berth.dev/${name}${key}`, 'v'])),
      },
    );
    const found = refusals(Array.from({ length: 50 }, () => hostile));
    assert.ok(found.length <= maxRefusals);
    for (const { object, field, rule } of found) {
      assert.ok(object.length <= 120 && field.length <= 240 && rule.length <= 240);
      assert.doesNotMatch(`${object}${field}${rule}`, /[\p{Cc}\u202E]/u);
    }
  });
});

/** Values that are certainly not what Kubernetes has where this one is. */
function otherTypesThan(value: Json): readonly Json[] {
  if (Array.isArray(value)) return [{}, 'x', 7, true];
  switch (typeof value) {
    case 'string':
      return [7, true, ['x'], {}];
    case 'number':
      return ['7', true, [7], {}];
    case 'boolean':
      return ['true', 'false', 1, [true], {}];
    default:
      return ['x', 7, true, []];
  }
}
