import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Trust } from '../../../src/domain/preview.ts';
import { defaultKubernetesOptions } from '../../../src/adapters/kubernetes/options.ts';
import { forbiddenPaths, podSecurityLabels, policyObjects } from '../../../src/adapters/kubernetes/policy-objects.ts';

const options = { ...defaultKubernetesOptions, instance: 'mine' };
const { network } = options;

function spec(kind: string, given = options, trust: Trust = 'trusted'): Record<string, unknown> {
  const found = policyObjects('pr-1', given, trust).find(({ body }) => body.kind === kind);
  return found?.body['spec'] as Record<string, unknown>;
}

const namespaceNamed = (name: string) => ({
  namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': name } },
});
const samePreview = { to: [{ podSelector: {} }] };
const port53 = [
  { protocol: 'UDP', port: 53 },
  { protocol: 'TCP', port: 53 },
  { protocol: 'UDP', port: 5353 },
  { protocol: 'TCP', port: 5353 },
];
const resolvers = { to: [namespaceNamed('kube-system'), { ipBlock: { cidr: '169.254.20.10/32' } }], ports: port53 };

describe('policyObjects', () => {
  it('E11 has the API server enforce restricted pods, by its newest rules', () => {
    const labels = podSecurityLabels(options);
    assert.equal(labels['pod-security.kubernetes.io/enforce'], 'restricted');
    assert.equal(labels['pod-security.kubernetes.io/enforce-version'], 'latest');
  });

  it('E12 allows no load balancers and no node ports, whatever the quota', () => {
    const quota = { pods: '1', 'services.loadbalancers': '5' };
    const given = { ...options, quota: { trusted: quota, untrusted: quota } };
    const hard = { pods: '1', 'services.loadbalancers': '0', 'services.nodeports': '0' };
    for (const trust of ['trusted', 'untrusted'] as const) {
      assert.deepEqual(spec('ResourceQuota', given, trust), { hard });
    }
  });

  it('has a quota for each trust', () => {
    const given = { ...options, quota: { trusted: { pods: '9' }, untrusted: { pods: '3' } } };
    assert.match(JSON.stringify(spec('ResourceQuota', given, 'untrusted')), /"pods":"3"/);
  });

  it('says all that the API server would fill in', () => {
    const containers = { requests: { cpu: '1' }, limits: { cpu: '2' }, max: { cpu: '3', memory: '4Gi' } };
    assert.deepEqual(spec('LimitRange', { ...options, containers }), {
      limits: [
        {
          type: 'Container',
          max: { cpu: '3', memory: '4Gi' },
          default: { cpu: '2', memory: '4Gi' },
          defaultRequest: { cpu: '1', memory: '4Gi' },
        },
      ],
    });
  });

  it('lets nobody in but the same namespace and the gateway', () => {
    const gateway = {
      gatewayNamespaceLabels: { 'kubernetes.io/metadata.name': 'berth' },
      gatewayCidrs: ['10.0.0.1/32'],
    };
    const { ingress, policyTypes } = spec('NetworkPolicy', { ...options, network: { ...network, ...gateway } });
    assert.deepEqual(policyTypes, ['Ingress', 'Egress']);
    assert.deepEqual(ingress, [
      { from: [{ podSelector: {} }, namespaceNamed('berth'), { ipBlock: { cidr: '10.0.0.1/32' } }] },
    ]);
  });

  it('lets untrusted pods out to the resolver and their own namespace, and nowhere else', () => {
    assert.deepEqual(spec('NetworkPolicy', options, 'untrusted')['egress'], [samePreview, resolvers]);
  });

  it('lets trusted pods out to the internet, not to metadata services and private networks', () => {
    const [own, dns, beyond, ...rest] = spec('NetworkPolicy')['egress'] as readonly object[];
    assert.deepEqual([own, dns, rest], [samePreview, resolvers, []]);
    assert.deepEqual(beyond, {
      to: [
        {
          ipBlock: {
            cidr: '0.0.0.0/0',
            except: [
              '10.0.0.0/8',
              '172.16.0.0/12',
              '192.168.0.0/16',
              '100.64.0.0/10',
              '198.18.0.0/15',
              '240.0.0.0/4',
              '169.254.0.0/16',
              '168.63.129.16/32',
              '192.0.0.0/24',
            ],
          },
        },
        { ipBlock: { cidr: '::/0', except: ['fc00::/7', 'fe80::/10', '64:ff9b::/96', '64:ff9b:1::/48', '2002::/16'] } },
      ],
    });
  });

  it('lets pods out to what the operator allows, blocked or not', () => {
    const untrusted = { internet: false, allowedCidrs: ['10.9.8.0/24'] };
    const given = { ...options, network: { ...network, egress: { ...network.egress, untrusted } } };
    const allowed = { to: [{ ipBlock: { cidr: '10.9.8.0/24' } }] };
    assert.deepEqual(spec('NetworkPolicy', given, 'untrusted')['egress'], [samePreview, resolvers, allowed]);
  });

  it('never has a rule without peers, which would allow everybody', () => {
    const closed = { internet: false, allowedCidrs: [] };
    const given = {
      ...options,
      network: {
        ...network,
        resolvers: { namespaces: [], cidrs: [] },
        egress: { trusted: closed, untrusted: closed },
      },
    };
    assert.deepEqual(spec('NetworkPolicy', given)['egress'], [samePreview]);
  });

  it('binds the deployer to its role, and has no account of its name', () => {
    const objects = policyObjects('pr-1', options, 'trusted');
    const accounts = objects.filter(({ body }) => body.kind === 'ServiceAccount').map(({ body }) => body.metadata.name);
    assert.deepEqual(accounts, ['default']);
    assert.deepEqual(forbiddenPaths('pr-1'), ['/api/v1/namespaces/pr-1/serviceaccounts/berth-deployer']);
  });
});
