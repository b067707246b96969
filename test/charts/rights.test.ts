import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { neededRights, rightText } from '../../src/adapters/kubernetes/rights.ts';
import { chartFolder, type KubernetesObject, render } from './helm.ts';
import { objectOf } from './objects.ts';
import { least } from './option-sets.ts';

const chart = chartFolder('berth');

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
  readonly resourceNames?: readonly string[];
}

const apart = { ...least, together: { enabled: false }, config: { SECRETS_NAMESPACE: 'given' } };

/** Everything that is bound to the account, once, as people write it. */
function rightsOf(objects: readonly KubernetesObject[], account: string): readonly string[] {
  const bindings = objects.filter(
    ({ kind, subjects }) =>
      (kind === 'ClusterRoleBinding' || kind === 'RoleBinding') &&
      (subjects as readonly { readonly name: string }[]).some(({ name }) => name === account),
  );
  const rights = bindings.flatMap(({ roleRef, metadata: { namespace } }) => {
    const { kind, name } = roleRef as { readonly kind: string; readonly name: string };
    const { rules } = objectOf(objects, kind, name) as unknown as { readonly rules: readonly Rule[] };
    return rules.flatMap(({ apiGroups, resources, verbs, resourceNames = [undefined] }) =>
      apiGroups.flatMap((group) =>
        resources.flatMap((resource) =>
          verbs.flatMap((verb) =>
            resourceNames.map((only) =>
              rightText({ verb, group, resource, name: only, ...(namespace === undefined ? {} : { namespace }) }),
            ),
          ),
        ),
      ),
    );
  });
  return [...new Set(rights)].toSorted();
}

function needed(deployerRole: string, roles?: readonly string[]): readonly string[] {
  return neededRights(deployerRole, 'given', roles).map(rightText).toSorted();
}

describe('rights in charts/berth', () => {
  for (const role of ['server', 'worker', 'gateway', 'sweep']) {
    it(`gives the account of the role ${role} what it needs, and nothing else`, async () => {
      const objects = await render(chart, apart);
      assert.deepEqual(rightsOf(objects, `berth-${role}`), needed('berth-deployer', [role]));
    });
  }

  it('gives the one account of all roles what they need together', async () => {
    const objects = await render(chart, { ...apart, together: { enabled: true } });
    assert.deepEqual(rightsOf(objects, 'berth'), needed('berth-deployer'));
  });

  it('confines binding to the deployer role of this release', async () => {
    const objects = await render(chart, apart, { release: 'second' });
    assert.deepEqual(rightsOf(objects, 'second-berth-worker'), needed('second-berth-deployer', ['worker']));
  });

  it('gives nothing in a namespace of Secrets that there is not', async () => {
    const objects = await render(chart, { ...least, together: { enabled: false } });
    assert.deepEqual(
      objects.filter(({ kind }) => kind === 'Role' || kind === 'RoleBinding').map(({ metadata }) => metadata.namespace),
      [],
    );
  });
});
