import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { heldBy, livingNamespace, namespaceState } from '../../../src/adapters/kubernetes/namespace-state.ts';
import type { Condition, KubernetesObject, Namespace } from '../../../src/adapters/kubernetes/objects.ts';
import { ownLabels } from '../../../src/adapters/kubernetes/ownership.ts';
import {
  imagesOf,
  recordAnnotations,
  recordedRelease,
  routesOf,
} from '../../../src/adapters/kubernetes/release-record.ts';
import { releaseState } from '../../../src/adapters/kubernetes/release-state.ts';
import type { ReleaseState } from '../../../src/domain/preview.ts';
import { at, epoch } from './workload-objects.ts';

const diagnosis = { reason: 'ChartInvalid', message: 'bad' } as const;

function secret(version: number, status: string): KubernetesObject {
  return {
    metadata: {
      name: `sh.helm.release.v1.preview.v${version}`,
      uid: String(version),
      resourceVersion: '1',
      creationTimestamp: at(0),
      labels: { owner: 'helm', name: 'preview', version: String(version), status },
    },
  };
}

describe('releaseState', () => {
  const shared = { planDigest: 'plan', revision: 'r' };
  const deployed = (version: number, objects: string[] = []) =>
    ({ ...shared, version, outcome: 'deployed', objects }) as const;
  const failed = (version: number) => ({ ...shared, version, outcome: 'failed', diagnosis }) as const;
  const rows: readonly {
    name: string;
    secrets: readonly KubernetesObject[];
    record: Parameters<typeof releaseState>[1];
    objects?: readonly string[];
    want: ReleaseState;
  }[] = [
    {
      name: 'G2 deployed, and something else is there too',
      secrets: [secret(1, 'deployed')],
      record: deployed(1, ['services/web']),
      objects: ['services/web', 'services/other'],
      want: { state: 'deployed', planDigest: 'plan' },
    },
    {
      name: 'G2 deployed, and a service is missing',
      secrets: [secret(1, 'deployed')],
      record: deployed(1, ['services/web', 'deployments/web']),
      objects: ['deployments/web'],
      want: { state: 'deployed', planDigest: undefined },
    },
    { name: 'nothing there', secrets: [], record: undefined, want: { state: 'absent' } },
    {
      name: 'deployed and recorded',
      secrets: [secret(9, 'superseded'), secret(10, 'deployed')],
      record: deployed(10),
      want: { state: 'deployed', planDigest: 'plan' },
    },
    {
      name: 'deployed by somebody else since',
      secrets: [secret(10, 'superseded'), secret(11, 'deployed')],
      record: deployed(10),
      want: { state: 'deployed', planDigest: undefined },
    },
    {
      name: 'deployed and not recorded',
      secrets: [secret(1, 'deployed')],
      record: undefined,
      want: { state: 'deployed', planDigest: undefined },
    },
    {
      name: 'failed and recorded',
      secrets: [secret(1, 'deployed'), secret(2, 'failed')],
      record: failed(2),
      want: { state: 'failed', planDigest: 'plan', diagnosis },
    },
    {
      name: 'failed and not recorded',
      secrets: [secret(1, 'deployed'), secret(2, 'failed')],
      record: deployed(1),
      want: { state: 'interrupted' },
    },
    {
      name: 'refused before Helm left anything',
      secrets: [],
      record: failed(0),
      want: { state: 'failed', planDigest: 'plan', diagnosis },
    },
    {
      name: 'refused while an older revision serves',
      secrets: [secret(3, 'deployed')],
      record: failed(3),
      want: { state: 'failed', planDigest: 'plan', diagnosis },
    },
    {
      name: 'uninstalled by somebody else',
      secrets: [],
      record: deployed(3),
      want: { state: 'absent' },
    },
    ...['pending-install', 'pending-upgrade', 'pending-rollback', 'uninstalling'].map((status) => ({
      name: `left ${status}`,
      secrets: [secret(1, 'deployed'), secret(2, status)],
      record: deployed(1),
      want: { state: 'pending' } as const,
    })),
  ];
  for (const { name, secrets, record, objects = [], want } of rows) {
    it(`is ${want.state} when ${name}`, () => {
      assert.deepEqual(releaseState(secrets, record, objects), want);
    });
  }
});

describe('recordAnnotations', () => {
  it('can be read back', () => {
    const routes = [{ name: 'web', service: 'web', port: 80, host: 'h', url: 'u' }];
    const images = [`sha256:${'a'.repeat(64)}`];
    const outcome = { state: 'deployed', routes, hasDeleteHooks: false, images } as const;
    const annotations = recordAnnotations({ version: 2, planDigest: 'p', revision: 'r', outcome }, 0, ['services/web']);
    assert.deepEqual(recordedRelease(annotations), {
      version: 2,
      planDigest: 'p',
      revision: 'r',
      outcome: 'deployed',
      objects: ['services/web'],
    });
    assert.deepEqual(routesOf(annotations), routes);
    assert.deepEqual(imagesOf(annotations), images);
  });

  it('stays small whatever the log', () => {
    const log = Array.from({ length: 100 }, () => 'x'.repeat(10_000));
    const outcome = { state: 'failed', diagnosis: { ...diagnosis, log } } as const;
    const annotations = recordAnnotations({ version: 2, planDigest: 'p', revision: 'r', outcome }, 0);
    assert(JSON.stringify(annotations).length < 64 * 1024);
  });

  it('takes annotations that somebody broke for none', () => {
    for (const text of ['', '{', 'null', '{"version":"x"}']) {
      assert.equal(recordedRelease({ 'berth.dev/release': text }), undefined);
      assert.deepEqual(routesOf({ 'berth.dev/routes': text }), []);
      assert.deepEqual(imagesOf({ 'berth.dev/images': text }), []);
    }
  });
});

describe('namespaceState', () => {
  const key = { repositoryId: 1, number: 2 };
  function namespace(uid: string, labels: Record<string, string>, deletedAt?: number): Namespace {
    return {
      metadata: {
        name: 'pr-2',
        uid,
        resourceVersion: '1',
        creationTimestamp: at(0),
        labels,
        ...(deletedAt === undefined ? {} : { deletionTimestamp: at(deletedAt) }),
      },
    };
  }
  const own = ownLabels('mine', key);

  it("G5 takes another instance's namespace for a foreign one", () => {
    const other = namespace('1', ownLabels('theirs', key));
    assert.deepEqual(namespaceState(key, 'mine', undefined, other, false, epoch), { state: 'foreign', name: 'pr-2' });
  });

  it('G3 prefers the living one of two', () => {
    assert.equal(livingNamespace([namespace('1', own, 0), namespace('2', own)])?.metadata.uid, '2');
  });

  const conditions = (...given: readonly [string, string][]): readonly Condition[] =>
    given.map(([type, message]) => ({ type, status: 'True', message }));
  const remaining = [
    'NamespaceContentRemaining',
    'Some resources are remaining: pods. has 2 resource instances',
  ] as const;
  const rows: readonly { name: string; seconds: number; conditions: readonly Condition[]; want: string | undefined }[] =
    [
      { name: 'nothing is said', seconds: 300, conditions: [], want: undefined },
      {
        name: 'a finalizer has only just begun to hold it',
        seconds: 5,
        conditions: conditions([
          'NamespaceFinalizersRemaining',
          'Some content in the namespace has finalizers remaining: a.io/b in 1 resource instances',
        ]),
        want: undefined,
      },
      {
        name: 'a finalizer holds it',
        seconds: 11,
        conditions: conditions(
          [
            'NamespaceFinalizersRemaining',
            'Some content in the namespace has finalizers remaining: a.io/b in 1 resource instances, c.io/d in 2 resource instances',
          ],
          [
            'NamespaceContentRemaining',
            'Some resources are remaining: widgets.a.io has 1 resource instances, configmaps. has 2 resource instances',
          ],
        ),
        want: 'finalizer `a.io/b`, `c.io/d` (1 widgets.a.io, 2 configmaps)',
      },
      { name: 'pods are ending', seconds: 30, conditions: conditions([...remaining]), want: undefined },
      { name: 'pods do not end', seconds: 90, conditions: conditions([...remaining]), want: '2 pods' },
      {
        name: 'an API is broken',
        seconds: 20,
        conditions: conditions([
          'NamespaceDeletionDiscoveryFailure',
          'Discovery failed for some groups, 1 failing: metrics.k8s.io/v1beta1: the server is currently unable',
        ]),
        want: 'Discovery failed for some groups, 1 failing: metrics.k8s.io/v1beta1: the server is currently unable',
      },
    ];
  for (const { name, seconds, conditions: given, want } of rows) {
    it(`G4 tells what holds a namespace when ${name}`, () => {
      const held = { ...namespace('1', own, 0), status: { phase: 'Terminating', conditions: given } };
      assert.equal(heldBy(held, epoch + seconds * 1000), want);
    });
  }
});
