import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ClusterSurvey } from '../../src/adapters/kubernetes/survey.ts';
import { clusterFindings } from '../../src/doctor/kubernetes.ts';
import { pullFinding } from '../../src/doctor/trial.ts';

const options = {
  deployerRole: 'berth-deployer',
  gatewayNamespace: 'berth',
  resolverNamespaces: ['kube-system'],
  secretsNamespace: undefined,
  roles: ['worker'],
};
const healthy: ClusterSurvey = {
  version: 'v1.35.2',
  missingRights: [],
  neededRights: 38,
  deployerRole: 'as shipped',
  dangerousRights: [],
  gatewayNamespace: 'labelled',
  resolverNamespaces: new Map([['kube-system', 'labelled']]),
};

describe('clusterFindings', () => {
  it('has nothing to say against a healthy cluster but what it cannot see', () => {
    const rest = clusterFindings(healthy, options).filter(({ level }) => level !== 'ok');
    assert.deepEqual(
      rest.map(({ level }) => level),
      ['note'],
    );
  });

  const right = { verb: 'bind', group: 'rbac.authorization.k8s.io', resource: 'clusterroles', name: 'berth-deployer' };
  const log = { verb: 'get', group: '', resource: 'pods/log', name: undefined };
  for (const { name, change, level, seen } of [
    { name: 'one too old', change: { version: 'v1.19.16' }, level: 'problem', seen: /1\.19/ },
    { name: 'an old one', change: { version: 'v1.24.0+k3s1' }, level: 'warning', seen: /not maintained/ },
    {
      name: 'missing rights',
      change: { missingRights: [right, log] },
      level: 'problem',
      seen: /bind clusterroles\.rbac\.authorization\.k8s\.io berth-deployer, get pods\/log/,
    },
    { name: 'no deployer', change: { deployerRole: 'absent' }, level: 'problem', seen: /no ClusterRole/ },
    { name: 'another deployer', change: { deployerRole: 'different' }, level: 'warning', seen: /not the one/ },
    { name: 'no gateway', change: { gatewayNamespace: 'absent' }, level: 'warning', seen: /does not exist/ },
    { name: 'a bare gateway', change: { gatewayNamespace: 'not labelled' }, level: 'warning', seen: /lacks the label/ },
    { name: 'a deployer with too many rights', change: { dangerousRights: [right] }, level: 'problem', seen: /undo/ },
    {
      name: 'resolvers that policies cannot know',
      change: { resolverNamespaces: new Map([['dns', 'not labelled']] as const) },
      level: 'warning',
      seen: /namespace dns lacks the label/,
    },
  ] as const) {
    it(`finds ${name}`, () => {
      const findings = clusterFindings({ ...healthy, ...change }, options);
      const [finding, ...others] = findings.filter((each) => each.level === 'warning' || each.level === 'problem');
      assert.equal(finding?.level, level);
      assert.match(finding?.seen ?? '', seen);
      assert.deepEqual(others, []);
    });
  }
});

describe('pullFinding', () => {
  it('is a problem when a node could not pull, and a warning when there was no node', () => {
    const said = 'no basic auth credentials';
    assert.equal(pullFinding('a/b', { outcome: 'pulled', node: 'n1', durationMs: 900 }).level, 'ok');
    const failed = pullFinding('a/b', { outcome: 'not pulled', node: 'n1', said });
    assert.equal(failed.level, 'problem');
    assert.match(failed.seen, /n1 cannot pull a\/b: no basic auth credentials/);
    assert.equal(pullFinding('a/b', { outcome: 'not scheduled', said: '0/3 nodes' }).level, 'warning');
  });
});
