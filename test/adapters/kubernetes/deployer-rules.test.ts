import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { shippedDeployerRoles } from '../../../src/adapters/kubernetes/deployer.ts';
import { dangerousRights, includesRules, type RoleRule } from '../../../src/adapters/kubernetes/deployer-rules.ts';
import { rightText } from '../../../src/adapters/kubernetes/rights.ts';

const { base, role } = await shippedDeployerRoles();
const shipped = base.rules ?? [];

describe("the deployer's role", () => {
  it('E10 gives charts no right to undo what confines them', () => {
    assert.deepEqual(dangerousRights(shipped), []);
  });

  it('names every right, and has none of its own beside those that the cluster fills in', () => {
    for (const { apiGroups, resources, verbs } of shipped) {
      assert(![...(apiGroups ?? []), ...(resources ?? []), ...verbs].some((text) => text.includes('*')));
    }
    assert.equal(role.rules, undefined);
  });
});

describe('dangerousRights', () => {
  const rows: readonly { readonly rule: RoleRule; readonly want: string }[] = [
    {
      rule: { apiGroups: ['networking.k8s.io'], resources: ['networkpolicies'], verbs: ['patch'] },
      want: 'patch networkpolicies.networking.k8s.io',
    },
    { rule: { apiGroups: [''], resources: ['*'], verbs: ['create'] }, want: 'create resourcequotas' },
    {
      rule: { apiGroups: ['*'], resources: ['*'], verbs: ['*'] },
      want: 'escalate clusterroles.rbac.authorization.k8s.io',
    },
    { rule: { apiGroups: [''], resources: ['pods/exec'], verbs: ['create'] }, want: 'create pods/exec' },
    { rule: { apiGroups: [''], resources: ['*/token'], verbs: ['create'] }, want: 'create serviceaccounts/token' },
    {
      rule: { apiGroups: [''], resources: ['limitranges'], resourceNames: ['berth'], verbs: ['delete'] },
      want: 'delete limitranges',
    },
  ];
  for (const { rule, want } of rows) {
    it(`finds ${want}`, () =>
      assert(
        dangerousRights([...shipped, rule])
          .map(rightText)
          .includes(want),
      ));
  }

  it('does not mind custom resources', () => {
    const rule = { apiGroups: ['postgresql.cnpg.io'], resources: ['*'], verbs: ['*'] };
    assert.deepEqual(dangerousRights([...shipped, rule]), []);
  });
});

describe('includesRules', () => {
  it('compares what rules allow, however they are written', () => {
    const one = { apiGroups: ['apps'], resources: ['deployments', 'statefulsets'], verbs: ['get', 'list'] };
    const split = ['get', 'list'].map((verb) => ({ ...one, verbs: [verb] }));
    assert(includesRules(split, [one]));
    assert(!includesRules(split.slice(1), [one]));
  });
});
