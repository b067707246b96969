import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { defaultKubernetesOptions } from '../../../src/adapters/kubernetes/options.ts';
import { podSecurityLabels, policyObjects } from '../../../src/adapters/kubernetes/policy-objects.ts';

const options = { ...defaultKubernetesOptions, instance: 'mine' };

function spec(kind: string, given = options): Record<string, unknown> {
  const found = policyObjects('pr-1', given).find(({ body }) => body.kind === kind);
  return found?.body['spec'] as Record<string, unknown>;
}

describe('policyObjects', () => {
  it('E11 has the API server enforce restricted pods', () => {
    assert.equal(podSecurityLabels(options)['pod-security.kubernetes.io/enforce'], 'restricted');
  });

  it('E12 allows no load balancers and no node ports, whatever the quota', () => {
    const given = { ...options, quota: { pods: '1', 'services.loadbalancers': '5' } };
    assert.deepEqual(spec('ResourceQuota', given), {
      hard: { pods: '1', 'services.loadbalancers': '0', 'services.nodeports': '0' },
    });
  });

  it('lets nobody in but the same namespace and the gateway', () => {
    const network = {
      ...options.network,
      gatewayNamespaceLabels: { 'kubernetes.io/metadata.name': 'berth' },
      gatewayCidrs: ['10.0.0.1/32'],
    };
    const { ingress, policyTypes } = spec('NetworkPolicy', { ...options, network });
    assert.deepEqual(policyTypes, ['Ingress', 'Egress']);
    assert.deepEqual(ingress, [
      {
        from: [
          { podSelector: {} },
          { namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'berth' } } },
          { ipBlock: { cidr: '10.0.0.1/32' } },
        ],
      },
    ]);
  });

  it('lets nothing out to metadata services and private networks', () => {
    const egress = JSON.stringify(spec('NetworkPolicy')['egress']);
    for (const cidr of ['169.254.0.0/16', '10.0.0.0/8', '192.168.0.0/16', 'fc00::/7']) assert(egress.includes(cidr));
  });

  it('E10 gives the deployer no right to undo any of it', async () => {
    const file = new URL('../../../charts/berth/files/deployer-role.yaml', import.meta.url);
    const { rules } = parse(await readFile(file, 'utf8')) as {
      rules: readonly { apiGroups: readonly string[]; resources: readonly string[]; verbs: readonly string[] }[];
    };
    const resources = rules.flatMap((rule) => rule.resources);
    for (const denied of [
      '*',
      'networkpolicies',
      'resourcequotas',
      'limitranges',
      'serviceaccounts/token',
      'pods/exec',
      'roles',
      'rolebindings',
      'namespaces',
    ]) {
      assert(!resources.includes(denied), denied);
    }
    const verbs = new Set(rules.flatMap((rule) => rule.verbs));
    for (const denied of ['*', 'impersonate', 'bind', 'escalate']) assert(!verbs.has(denied), denied);
  });
});
