import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { nextStep } from '../../src/domain/next-step.ts';
import { planDigest } from '../../src/domain/plan.ts';
import type { Desired, Diagnosis, Observed, Step } from '../../src/domain/preview.ts';
import { revision, samplePlan } from './plan-sample.ts';

const plan = samplePlan();
const ref = plan.images[0]?.ref ?? '';
const digest = `sha256:${'1'.repeat(64)}`;
const wanted = planDigest(plan, new Map([['web', digest]]));
const diagnosis: Diagnosis = { reason: 'BuildFailed', message: 'It does not build.' };

const present: Desired = { state: 'present', revision, trust: 'trusted', plan };
const closed: Desired = { state: 'absent', why: 'closed' };
const held: Desired = { state: 'held', why: 'approval needed', revision };

const active = { state: 'active', name: 'pr-1', uid: 'u', prepared: true, revision: undefined } as const;
const nothing: Observed = {
  namespace: { state: 'absent' },
  images: new Map(),
  builds: [],
  release: { state: 'absent' },
  workloads: { state: 'none' },
};
const built: Observed = { ...nothing, namespace: active, images: new Map([['web', { state: 'built', digest }]]) };
const deployed: Observed = {
  ...built,
  release: { state: 'deployed', planDigest: wanted },
  workloads: { state: 'ready' },
};
const served: Observed = { ...deployed, namespace: { ...active, revision } };

const rows: { name: string; desired: Desired; observed: Observed; want: Step }[] = [
  {
    name: 'starts the builds first: they take longest and need no namespace',
    desired: present,
    observed: nothing,
    want: { do: 'start builds', images: ['web'] },
  },
  {
    name: 'makes the namespace while the images are built',
    desired: present,
    observed: { ...nothing, images: new Map([['web', { state: 'building' }]]), builds: [ref] },
    want: { do: 'create namespace' },
  },
  {
    name: 'repairs a namespace that is not prepared, before anything else is in it',
    desired: present,
    observed: { ...served, namespace: { ...active, prepared: false } },
    want: { do: 'create namespace' },
  },
  {
    name: 'starts the builds of images that are not there',
    desired: present,
    observed: { ...nothing, namespace: active },
    want: { do: 'start builds', images: ['web'] },
  },
  {
    name: 'waits for a build',
    desired: present,
    observed: { ...built, images: new Map([['web', { state: 'building' }]]), builds: [ref] },
    want: { do: 'wait', for: 'builds' },
  },
  {
    name: 'stalls with the diagnosis of a failed build',
    desired: present,
    observed: { ...built, images: new Map([['web', { state: 'failed', diagnosis }]]) },
    want: { do: 'stall', diagnosis },
  },
  {
    name: 'waits for an image that is built elsewhere',
    desired: { ...present, plan: samplePlan({ images: [{ kind: 'external', name: 'web', ref: 'ghcr.test/a:1' }] }) },
    observed: { ...nothing, namespace: active, images: new Map([['web', { state: 'absent' }]]) },
    want: { do: 'wait', for: 'images' },
  },
  {
    name: 'installs the chart when every image is there',
    desired: present,
    observed: built,
    want: { do: 'upgrade release', planDigest: wanted },
  },
  {
    name: 'upgrades a release that was made from another plan',
    desired: present,
    observed: { ...served, release: { state: 'deployed', planDigest: 'other' } },
    want: { do: 'upgrade release', planDigest: wanted },
  },
  {
    name: 'G2 upgrades a release that somebody else changed',
    desired: present,
    observed: { ...served, release: { state: 'deployed', planDigest: undefined } },
    want: { do: 'upgrade release', planDigest: wanted },
  },
  {
    name: 'G1 unlocks a release that a killed Helm left pending',
    desired: present,
    observed: { ...served, release: { state: 'pending' } },
    want: { do: 'unlock release' },
  },
  {
    name: 'tries an interrupted release again',
    desired: present,
    observed: { ...built, release: { state: 'interrupted' } },
    want: { do: 'upgrade release', planDigest: wanted },
  },
  {
    name: 'does not repeat a release that failed with this very plan',
    desired: present,
    observed: { ...built, release: { state: 'failed', planDigest: wanted, diagnosis } },
    want: { do: 'stall', diagnosis },
  },
  {
    name: 'waits for pods',
    desired: present,
    observed: { ...deployed, workloads: { state: 'progressing', message: '0 of 1 pods are ready' } },
    want: { do: 'wait', for: 'workloads' },
  },
  {
    name: 'stalls when pods are certain to fail',
    desired: present,
    observed: { ...deployed, workloads: { state: 'failing', diagnosis } },
    want: { do: 'stall', diagnosis },
  },
  {
    name: 'records the revision once it is ready',
    desired: present,
    observed: deployed,
    want: { do: 'record revision' },
  },
  { name: 'has nothing to do for what is served', desired: present, observed: served, want: { do: 'nothing' } },
  {
    name: 'cancels builds of an older revision first',
    desired: present,
    observed: { ...nothing, builds: ['registry.test/acme/shop/web:c-0'] },
    want: { do: 'cancel builds', keep: [ref] },
  },
  {
    name: 'B6 cancels every build of a closed pull request',
    desired: closed,
    observed: { ...nothing, namespace: active, builds: [ref] },
    want: { do: 'cancel builds', keep: [] },
  },
  {
    name: 'removes the namespace of a closed one',
    desired: closed,
    observed: served,
    want: { do: 'delete namespace' },
  },
  {
    name: 'waits for a namespace that is going',
    desired: closed,
    observed: { ...nothing, namespace: { state: 'terminating', name: 'pr-1', uid: 'u', heldBy: undefined } },
    want: { do: 'wait', for: 'namespace' },
  },
  {
    name: 'B1 has nothing to do for a closed one that has nothing',
    desired: closed,
    observed: nothing,
    want: { do: 'nothing' },
  },
  {
    name: 'G3 waits for the old namespace of a reopened one',
    desired: present,
    observed: { ...nothing, namespace: { state: 'terminating', name: 'pr-1', uid: 'u', heldBy: undefined } },
    want: { do: 'wait', for: 'namespace' },
  },
  {
    name: 'G5 never removes a namespace that is not ours',
    desired: closed,
    observed: { ...nothing, namespace: { state: 'foreign', name: 'pr-1' } },
    want: { do: 'nothing' },
  },
  {
    name: 'D1 does nothing for a fork that is not approved',
    desired: held,
    observed: nothing,
    want: { do: 'nothing' },
  },
  { name: 'keeps what runs while held', desired: held, observed: served, want: { do: 'nothing' } },
  {
    name: 'keeps it confined while held',
    desired: held,
    observed: { ...served, namespace: { ...active, revision, prepared: false } },
    want: { do: 'create namespace' },
  },
  {
    name: 'keeps it confined when the manifest is broken',
    desired: { state: 'invalid', revision, diagnosis },
    observed: { ...served, namespace: { ...active, revision, prepared: false } },
    want: { do: 'create namespace' },
  },
  {
    name: 'keeps what runs when the manifest is broken',
    desired: { state: 'invalid', revision, diagnosis },
    observed: served,
    want: { do: 'stall', diagnosis },
  },
];

describe('nextStep', () => {
  for (const { name, desired, observed, want } of rows) {
    it(name, () => assert.deepEqual(nextStep(desired, observed), want));
  }

  it('G5 stalls when a foreign namespace has the name', () => {
    const step = nextStep(present, { ...nothing, namespace: { state: 'foreign', name: 'pr-1' } });
    assert.equal(step.do === 'stall' && step.diagnosis.reason, 'NamespaceTaken');
  });
});
