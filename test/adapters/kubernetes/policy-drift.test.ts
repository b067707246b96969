import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { KubernetesObject } from '../../../src/adapters/kubernetes/objects.ts';
import { defaultKubernetesOptions } from '../../../src/adapters/kubernetes/options.ts';
import { isAsWanted } from '../../../src/adapters/kubernetes/policy-drift.ts';
import { policyObjects } from '../../../src/adapters/kubernetes/policy-objects.ts';

const objects = policyObjects('pr-1', defaultKubernetesOptions, 'trusted');

function wantedOf(kind: string) {
  const found = objects.find(({ body }) => body.kind === kind);
  assert(found);
  return found.body;
}

/** The object as the API server gives it back, changed by `edit`. */
function actualOf(kind: string, edit: (fields: Record<string, unknown>) => void = () => undefined): KubernetesObject {
  const { metadata, ...fields } = structuredClone(wantedOf(kind));
  const copy: Record<string, unknown> = fields;
  edit(copy);
  const added = { uid: 'u', resourceVersion: '7', creationTimestamp: '2026-01-01T00:00:00Z' };
  return { ...copy, metadata: { ...metadata, ...added, annotations: { some: 'body' } } };
}

const specOf = (fields: Record<string, unknown>) => fields['spec'] as Record<string, unknown>;
const hardOf = (fields: Record<string, unknown>) => specOf(fields)['hard'] as Record<string, unknown>;

describe('isAsWanted', () => {
  for (const { body } of objects) {
    it(`knows its own ${body.kind}, whatever else its metadata says`, () => {
      assert(isAsWanted(body, actualOf(body.kind)));
    });
    it(`misses a ${body.kind} that is not there`, () => assert(!isAsWanted(body, undefined)));
  }

  it('does not mind how the API server writes an amount', () => {
    const actual = actualOf('ResourceQuota', (fields) => {
      hardOf(fields)['requests.cpu'] = '4000m';
    });
    assert(isAsWanted(wantedOf('ResourceQuota'), actual));
  });

  it('does not mind what others report in a status', () => {
    const actual = actualOf('ResourceQuota', (fields) => {
      fields['status'] = { used: { pods: '3' } };
    });
    assert(isAsWanted(wantedOf('ResourceQuota'), actual));
  });

  const changes: readonly {
    readonly what: string;
    readonly kind: string;
    edit(fields: Record<string, unknown>): void;
  }[] = [
    {
      what: 'a raised quota',
      kind: 'ResourceQuota',
      edit: (fields) => {
        hardOf(fields)['pods'] = '21';
      },
    },
    {
      what: 'a quota that lacks a limit',
      kind: 'ResourceQuota',
      edit: (fields) => {
        delete hardOf(fields)['services.nodeports'];
      },
    },
    {
      what: 'a quota that counts nothing that matters',
      kind: 'ResourceQuota',
      edit: (fields) => {
        specOf(fields)['scopes'] = ['Terminating'];
      },
    },
    {
      what: 'a way in',
      kind: 'NetworkPolicy',
      edit: (fields) => {
        specOf(fields)['ingress'] = [{}];
      },
    },
    {
      what: 'a policy for other pods',
      kind: 'NetworkPolicy',
      edit: (fields) => {
        specOf(fields)['podSelector'] = { matchLabels: { app: 'none' } };
      },
    },
    {
      what: 'a way out',
      kind: 'NetworkPolicy',
      edit: (fields) => {
        (specOf(fields)['egress'] as unknown[]).push({});
      },
    },
    {
      what: 'no limits at all',
      kind: 'LimitRange',
      edit: (fields) => {
        specOf(fields)['limits'] = [];
      },
    },
    {
      what: 'a token',
      kind: 'ServiceAccount',
      edit: (fields) => {
        delete fields['automountServiceAccountToken'];
      },
    },
    {
      what: 'another role',
      kind: 'RoleBinding',
      edit: (fields) => {
        fields['roleRef'] = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'admin' };
      },
    },
    {
      what: 'somebody else with the role',
      kind: 'RoleBinding',
      edit: (fields) => {
        (fields['subjects'] as unknown[]).push({ kind: 'ServiceAccount', name: 'default', namespace: 'pr-1' });
      },
    },
  ];
  for (const { what, kind, edit } of changes) {
    it(`E10 notices ${what}`, () => assert(!isAsWanted(wantedOf(kind), actualOf(kind, edit))));
  }
});
