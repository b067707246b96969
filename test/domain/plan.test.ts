import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Plan, planDigest, releaseValues } from '../../src/domain/plan.ts';
import { revision, samplePlan } from './plan-sample.ts';

const digest = `sha256:${'1'.repeat(64)}`;
const digests = new Map([['web', digest]]);

describe('releaseValues', () => {
  it('fills in the images, pinned by digest', () => {
    const plan = samplePlan({
      values: {
        image: '${images.web}',
        parts: ['${images.web.repository}', '${images.web.tag}@${images.web.digest}'],
        literal: { shell: 'echo $${HOME} $5' },
        number: 3,
      },
    });
    const { global, ...values } = releaseValues(plan, digests);
    assert.deepEqual(values, {
      image: `registry.test/acme/shop/web@${digest}`,
      parts: ['registry.test/acme/shop/web', `c-1@${digest}`],
      literal: { shell: 'echo ${HOME} $5' },
      number: 3,
    });
    assert.deepEqual(global, {
      berth: {
        images: { web: `registry.test/acme/shop/web@${digest}` },
        urls: { web: 'http://pr-1-shop-abc.test' },
        hosts: { web: 'pr-1-shop-abc.test' },
        revision,
        number: 1,
        branch: 'topic',
        repository: 'acme/shop',
      },
    });
  });

  it("keeps the manifest's own globals", () => {
    const { global } = releaseValues(samplePlan({ values: { global: { region: 'eu' } } }), digests);
    assert.deepEqual(Object.keys(global as object), ['region', 'berth']);
  });

  it('E14 deploys nothing by tag: an image without a digest is a defect', () => {
    assert.throws(() => releaseValues(samplePlan(), new Map()), /image web has no digest yet/);
    assert.throws(() => releaseValues(samplePlan(), new Map([['web', '']])), /image web has no digest yet/);
  });

  it('adds no structure, whatever a text holds', () => {
    const text = '"]}\n- {{ .Values }} ${images.web}';
    const { a } = releaseValues(samplePlan({ values: { a: text } }), digests);
    assert.equal(a, `"]}\n- {{ .Values }} registry.test/acme/shop/web@${digest}`);
  });
});

describe('planDigest', () => {
  const base = samplePlan({
    values: { a: 1, b: { c: 2, d: 3 } },
    chart: { kind: 'path', path: 'chart', treeId: 't1' },
  });
  const same = planDigest(base, digests);

  it('is 64 hex digits', () => assert.match(same, /^[0-9a-f]{64}$/));

  const equal: readonly (readonly [string, Partial<Plan>])[] = [
    ['the revision', { revision: 'c'.repeat(40), chartRevision: 'd'.repeat(40) }],
    ['the order of keys', { values: { b: { d: 3, c: 2 }, a: 1 } }],
    ['where an equal chart lies', { chart: { kind: 'path', path: 'deploy/chart', treeId: 't1' } }],
    [
      'the content key of an image that came out the same',
      { images: base.images.map((image) => ({ ...image, ref: 'registry.test/acme/shop/web:c-2' })) },
    ],
  ];
  for (const [what, changes] of equal) {
    it(`does not change with ${what}`, () => assert.equal(planDigest({ ...base, ...changes }, digests), same));
  }

  const route = { name: 'web', service: 'web', port: 80, host: 'pr-1-shop-abc', url: 'http://pr-1-shop-abc.test' };
  const different: readonly (readonly [string, Partial<Plan>])[] = [
    ['the values', { values: { a: 2, b: { c: 2, d: 3 } } }],
    ['the order of a list', { values: { a: [1, 2] } }],
    ['the chart', { chart: { kind: 'path', path: 'chart', treeId: 't2' } }],
    ['the kind of chart', { chart: { kind: 'built-in' } }],
    ["the chart's version", { chart: { kind: 'oci', url: 'oci://r/c', version: '1.0.0' } }],
    ['a values file', { valuesFiles: [{ path: 'v.yaml', blobId: 'b' }] }],
    ["a route's service", { routes: [{ ...route, service: 'api' }] }],
    ["a route's port", { routes: [{ ...route, port: 81 }] }],
    ['one more route', { routes: [route, { ...route, name: 'api' }] }],
    ['the branch', { about: { ...base.about, branch: 'other' } }],
  ];
  for (const [what, changes] of different) {
    it(`changes with ${what}`, () => assert.notEqual(planDigest({ ...base, ...changes }, digests), same));
  }

  it('changes with the digest of an image', () => {
    assert.notEqual(planDigest(base, new Map([['web', `sha256:${'2'.repeat(64)}`]])), same);
  });

  it('changes with each push for a chart that asks for the revision', () => {
    const [first, second] = ['a', 'b'].map((sha) => planDigest({ ...base, values: { sha } }, digests));
    assert.notEqual(first, second);
  });
});
