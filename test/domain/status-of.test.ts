import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Desired, Diagnosis, Observed, Step } from '../../src/domain/preview.ts';
import { type Bounded, overdueDiagnosis, type Situation, statusOf } from '../../src/domain/status-of.ts';
import type { Phase } from '../../src/domain/status.ts';
import { revision, samplePlan, samplePullRequest } from './plan-sample.ts';

const plan = samplePlan();
const older = 'c'.repeat(40);
const present: Desired = { state: 'present', revision, trust: 'trusted', plan };
const closed: Desired = { state: 'absent', why: 'closed' };
const diagnosis: Diagnosis = { reason: 'BuildFailed', message: 'It does not build.' };

const active = { state: 'active', name: 'pr-1', uid: 'u', prepared: true, revision: undefined } as const;
const terminating = { state: 'terminating', name: 'pr-1', uid: 'u', heldBy: undefined } as const;
const nothing: Observed = {
  namespace: { state: 'absent' },
  images: new Map(),
  builds: [],
  release: { state: 'absent' },
  workloads: { state: 'none' },
};

function situation(change: Partial<Situation>): Situation {
  const pullRequest = samplePullRequest();
  const step: Step = { do: 'nothing' };
  return { key: pullRequest.key, pullRequest, desired: present, observed: nothing, step, ...change };
}

describe('statusOf', () => {
  const rows: { name: string; change: Partial<Situation>; phase: Phase; message: RegExp }[] = [
    {
      name: 'builds while the namespace is made',
      change: { step: { do: 'create namespace' } },
      phase: 'Building',
      message: /^Building the image web\.$/,
    },
    {
      name: 'names every image that is built',
      change: {
        step: { do: 'wait', for: 'builds' },
        desired: { ...present, plan: samplePlan({ images: [...plan.images, ...plan.images] }) },
      },
      phase: 'Building',
      message: /^Building the images web, web\.$/,
    },
    {
      name: 'says what keeps an image from being built, and that it is tried again',
      change: {
        step: { do: 'wait', for: 'builds' },
        observed: { ...nothing, images: new Map([['web', { state: 'building', trouble: 'the builder is away.' }]]) },
      },
      phase: 'Building',
      message: /^The image web could not be built yet: the builder is away\. Berth will try again\.$/,
    },
    {
      name: 'says nothing of images when there are none to build',
      change: { step: { do: 'create namespace' }, desired: { ...present, plan: samplePlan({ images: [] }) } },
      phase: 'Deploying',
      message: /chart is being installed/,
    },
    {
      name: 'waits for an image of others',
      change: { step: { do: 'wait', for: 'images' } },
      phase: 'Building',
      message: /built elsewhere/,
    },
    {
      name: 'waits for the namespace before it',
      change: { step: { do: 'wait', for: 'namespace' }, observed: { ...nothing, namespace: terminating } },
      phase: 'Building',
      message: /previous namespace/,
    },
    { name: 'is unlocked', change: { step: { do: 'unlock release' } }, phase: 'Deploying', message: /chart/ },
    {
      name: 'is deployed',
      change: { step: { do: 'upgrade release', planDigest: 'd' } },
      phase: 'Deploying',
      message: /chart/,
    },
    {
      name: 'waits for pods',
      change: { step: { do: 'wait', for: 'workloads' } },
      phase: 'Deploying',
      message: /pods/,
    },
    {
      name: 'is about to be recorded as ready',
      change: { step: { do: 'record revision' } },
      phase: 'Ready',
      message: /ready/,
    },
    { name: 'is ready', change: {}, phase: 'Ready', message: /ready/ },
    {
      name: 'stalls',
      change: { step: { do: 'stall', diagnosis } },
      phase: 'Failed',
      message: /^It does not build\.$/,
    },
    {
      name: 'cannot be planned',
      change: { desired: { state: 'invalid', revision, diagnosis }, step: { do: 'cancel builds', keep: [] } },
      phase: 'Failed',
      message: /^It does not build\.$/,
    },
    {
      name: 'is held',
      change: { desired: { state: 'held', why: 'approval needed', revision } },
      phase: 'Held',
      message: /comes from a fork: nothing of it is fetched/,
    },
    {
      name: 'is about to be removed',
      change: { desired: closed, step: { do: 'delete namespace' }, observed: { ...nothing, namespace: active } },
      phase: 'Removing',
      message: /being removed/,
    },
    {
      name: 'is being removed',
      change: {
        desired: closed,
        step: { do: 'wait', for: 'namespace' },
        observed: { ...nothing, namespace: terminating },
      },
      phase: 'Removing',
      message: /being removed/,
    },
    { name: 'is removed', change: { desired: closed }, phase: 'Removed', message: /closed/ },
    {
      name: 'is removed when its name belongs to others',
      change: { desired: closed, observed: { ...nothing, namespace: { state: 'foreign', name: 'pr-1' } } },
      phase: 'Removed',
      message: /closed/,
    },
    {
      name: 'is switched off',
      change: { desired: { state: 'absent', why: 'switched off' } },
      phase: 'Removed',
      message: /preview:off/,
    },
    {
      name: 'is not asked for',
      change: { desired: { state: 'absent', why: 'not requested' } },
      phase: 'Removed',
      message: /manifest asks for no preview/,
    },
    {
      name: 'is given up, whatever it waits for',
      change: { step: { do: 'wait', for: 'workloads' }, overdue: { reason: 'NotReadyInTime', message: 'Too late.' } },
      phase: 'Failed',
      message: /^Too late\.$/,
    },
  ];
  for (const { name, change, phase, message } of rows) {
    it(`is ${phase} when a preview ${name}`, () => {
      const status = statusOf(situation(change));
      assert.equal(status.phase, phase);
      assert.match(status.message, message);
      assert.equal(status.diagnosis !== undefined, phase === 'Failed');
    });
  }

  it('tells what is served meanwhile', () => {
    const observed: Observed = { ...nothing, namespace: { ...active, revision: older } };
    assert.equal(statusOf(situation({ observed, step: { do: 'stall', diagnosis } })).serving, older);
    assert.equal(statusOf(situation({ observed, step: { do: 'record revision' } })).serving, revision);
    assert.equal(statusOf(situation({ observed: { ...nothing, namespace: terminating } })).serving, undefined);
  });

  it('tells the URLs of the plan, main one first, and where its images stand', () => {
    const step: Step = { do: 'start builds', images: ['web'] };
    const status = statusOf(situation({ step }));
    assert.deepEqual(status.urls, [{ name: 'web', url: 'http://pr-1-shop-abc.test' }]);
    assert.deepEqual(status.images, [{ name: 'web', state: 'waiting' }]);
    const images: Observed['images'] = new Map([['web', { state: 'failed', diagnosis }]]);
    const failed = statusOf(situation({ step: { do: 'stall', diagnosis }, observed: { ...nothing, images } }));
    assert.deepEqual(failed.images, [{ name: 'web', state: 'failed' }]);
  });

  it('has no revision and no URL when there should be no preview', () => {
    const { revision: about, urls, images } = statusOf(situation({ desired: closed }));
    assert.deepEqual({ about, urls, images }, { about: undefined, urls: [], images: [] });
  });

  it('knows a pull request that is out of reach by its key alone', () => {
    const status = statusOf(situation({ pullRequest: undefined, desired: closed }));
    assert.deepEqual(status.key, { repositoryId: 7, number: 1 });
    assert.deepEqual(status.pullRequest, { url: '', title: '', repository: '' });
  });
});

describe('overdueDiagnosis', () => {
  const rows: { name: string; what: Bounded; observed?: Partial<Observed>; want: Diagnosis }[] = [
    {
      name: 'pods, with what they wait for',
      what: 'workloads',
      observed: { workloads: { state: 'progressing', message: 'The pod web-1 is being scheduled.' } },
      want: {
        reason: 'NotReadyInTime',
        message: 'The preview did not become ready within 10 minutes: the pod web-1 is being scheduled.',
      },
    },
    {
      name: 'a namespace, with what holds it',
      what: 'namespace',
      observed: { namespace: { ...terminating, heldBy: 'Finalizer example.test/wait is still there.' } },
      want: {
        reason: 'NamespaceStuck',
        message: 'The namespace cannot be removed: finalizer example.test/wait is still there.',
      },
    },
    {
      name: 'a namespace that nothing is known to hold',
      what: 'namespace',
      observed: { namespace: terminating },
      want: { reason: 'NamespaceStuck', message: 'The namespace is still being removed after 10 minutes.' },
    },
    {
      name: 'an image of others',
      what: 'images',
      want: { reason: 'ImageMissing', message: 'An image that is built elsewhere did not appear within 10 minutes.' },
    },
  ];
  for (const { name, what, observed, want } of rows) {
    it(`explains the waiting for ${name}`, () =>
      assert.deepEqual(overdueDiagnosis(what, { ...nothing, ...observed }, '10 minutes'), want));
  }
});
