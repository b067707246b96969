import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { ConfigError, parseConfig, variableNames } from '../src/config.ts';
import { namespaceOptions } from '../src/namespace-options.ts';

const minimal = {
  BERTH_GITHUB_APP_ID: '12',
  BERTH_GITHUB_PRIVATE_KEY: '-----BEGIN RSA PRIVATE KEY-----',
  BERTH_GITHUB_WEBHOOK_SECRET: 'a-secret-of-some-length',
  BERTH_REDIS_URL: 'redis://127.0.0.1:6379',
  BERTH_REGISTRY: 'localhost:5000/previews',
  BERTH_PREVIEW_DOMAIN: 'previews.localhost',
  BERTH_KUBECONFIG: '/etc/berth/kubeconfig',
};

describe('parseConfig', () => {
  it('needs six variables, one more outside of a pod, and has a default for every other', () => {
    const config = parseConfig(minimal);
    assert.deepEqual(config.ROLES, ['server', 'worker', 'gateway', 'sweep']);
    assert.deepEqual(config.LISTEN, { host: '0.0.0.0', port: 8080 });
    assert.equal(config.READY_TIMEOUT, 600_000);
    assert.ok(Object.isFrozen(config));
  });

  const withoutApp = {
    ...minimal,
    BERTH_GITHUB_APP_ID: '',
    BERTH_GITHUB_PRIVATE_KEY: '',
    BERTH_GITHUB_WEBHOOK_SECRET: '',
  };
  const needs = [
    { roles: 'gateway', missing: [] },
    { roles: 'worker,gateway', missing: ['GITHUB_APP_ID', 'GITHUB_PRIVATE_KEY'] },
    { roles: 'sweep', missing: ['GITHUB_APP_ID', 'GITHUB_PRIVATE_KEY'] },
    { roles: 'server', missing: ['GITHUB_APP_ID', 'GITHUB_PRIVATE_KEY', 'GITHUB_WEBHOOK_SECRET'] },
  ];
  for (const { roles, missing } of needs) {
    it(`asks the roles ${roles} for no credential that they do not use`, () => {
      const problemsOf = (env: Readonly<Record<string, string>>): readonly string[] => {
        try {
          return parseConfig(env) && [];
        } catch (error) {
          return (error as ConfigError).problems;
        }
      };
      const expected = missing.map((name) => `BERTH_${name}: is not set`);
      assert.deepEqual(problemsOf({ ...withoutApp, BERTH_ROLES: roles }), expected);
      assert.deepEqual(problemsOf({ ...minimal, BERTH_ROLES: roles }), []);
    });
  }

  it('lists every bad variable at once', () => {
    const env = {
      ...minimal,
      BERTH_REGISTRY: '',
      BERTH_READY_TIMEOUT: 'soon',
      BERTH_ROLES: 'server,cook',
      BERTH_HELLO: '1',
    };
    assert.throws(
      () => parseConfig(env),
      (error: unknown) => {
        assert.ok(error instanceof ConfigError);
        for (const name of [
          'BERTH_REGISTRY: is not set',
          'BERTH_READY_TIMEOUT: "soon"',
          'BERTH_ROLES:',
          'BERTH_HELLO: there is no such',
        ]) {
          assert.ok(error.message.includes(name), `${name} in ${error.message}`);
        }
        return true;
      },
    );
  });

  it('takes amounts and ranges as Kubernetes does, and keeps the defaults of what is not named', () => {
    const config = parseConfig({
      ...minimal,
      BERTH_QUOTA_UNTRUSTED: 'pods=5, limits.cpu=500m',
      BERTH_CONTAINER_MAX: 'memory=2Gi',
      BERTH_RESOLVERS: 'dns,10.96.0.10/32',
      BERTH_EGRESS_BLOCKED: '203.0.113.0/24,2001:db8::/32',
    });
    assert.deepEqual(config.QUOTA_UNTRUSTED, { pods: '5', 'limits.cpu': '500m' });
    assert.deepEqual(config.CONTAINER_MAX, { cpu: '4', memory: '2Gi', 'ephemeral-storage': '16Gi' });
    assert.deepEqual([config.EGRESS, config.EGRESS_UNTRUSTED], ['internet', 'none']);
    const { quota, network } = namespaceOptions(config);
    assert.equal(quota.trusted['pods'], '20');
    assert.equal(quota.untrusted['pods'], '5');
    assert.deepEqual(network.resolvers, { namespaces: ['dns'], cidrs: ['10.96.0.10/32'] });
    for (const cidr of ['203.0.113.0/24', '169.254.0.0/16']) assert(network.blockedCidrs.includes(cidr), cidr);
    assert.deepEqual(network.egress.untrusted, { internet: false, allowedCidrs: [] });
  });

  const wrong = [
    ['QUOTA_PODS', 'many'],
    ['QUOTA', 'pods'],
    ['QUOTA_UNTRUSTED', 'pods=lots'],
    ['CONTAINER_LIMITS', 'memory=9Gi'],
    ['CONTAINER_REQUESTS', 'cpu=3'],
    ['EGRESS', 'all'],
    ['EGRESS_BLOCKED', '0.0.0.0/0'],
    ['EGRESS_ALLOWED', 'example.com'],
    ['RESOLVERS', 'Kube_System'],
    ['GATEWAY_CIDRS', '10.0.0.1'],
  ] as const;
  for (const [name, value] of wrong) {
    it(`refuses BERTH_${name}=${value}, and says which variable it is`, () => {
      assert.throws(() => parseConfig({ ...minimal, [`BERTH_${name}`]: value }), new RegExp(`BERTH_${name}: `));
    });
  }

  it('A5 refuses an empty or a short webhook secret', () => {
    assert.throws(
      () => parseConfig({ ...minimal, BERTH_GITHUB_WEBHOOK_SECRET: '' }),
      /BERTH_GITHUB_WEBHOOK_SECRET: is not set/,
    );
    assert.throws(() => parseConfig({ ...minimal, BERTH_GITHUB_WEBHOOK_SECRET: 'secret' }), /at least 16 characters/);
  });

  it('reads whose word is taken, and what one address may ask', () => {
    const config = parseConfig({
      ...minimal,
      BERTH_TRUSTED_PROXIES: '10.0.0.0/8, fd00::1',
      BERTH_GATEWAY_REQUEST_LIMIT: '0',
      BERTH_PRIVATE_COOKIES: '_sso*,session',
    });
    assert.deepEqual(['10.1.2.3', 'fd00::1', 'fd00::2', '192.0.2.1'].map(config.TRUSTED_PROXIES), [
      true,
      true,
      false,
      false,
    ]);
    assert.equal(config.GATEWAY_REQUEST_LIMIT, 0);
    assert.deepEqual(config.PRIVATE_COOKIES, ['_sso*', 'session']);
    assert.equal(parseConfig(minimal).TRUSTED_PROXIES('127.0.0.1'), false);
    assert.throws(
      () => parseConfig({ ...minimal, BERTH_TRUSTED_PROXIES: '10.0.0.0/8,balancer', BERTH_GATEWAY_PAGE_LIMIT: '-1' }),
      /BERTH_TRUSTED_PROXIES: "balancer" is not an address[\s\S]*BERTH_GATEWAY_PAGE_LIMIT|BERTH_GATEWAY_PAGE_LIMIT[\s\S]*BERTH_TRUSTED_PROXIES: "balancer"/,
    );
  });

  it('ignores the variables of others', () => {
    assert.equal(parseConfig({ ...minimal, HOME: '/', PATH: '/bin' }).INSTANCE, 'berth');
  });
});

describe('docs/configuration.md', () => {
  const text = readFileSync(new URL('../docs/configuration.md', import.meta.url), 'utf8');

  it('documents every variable, and no other', () => {
    const documented = [...text.matchAll(/^\| `BERTH_(\w+)`/gm)].map((match) => match[1]);
    assert.deepEqual(documented.toSorted(), [...variableNames].toSorted());
  });

  const rows = [...text.matchAll(/^\| `BERTH_(\w+)` \|([^|]*)\|[^|]*\|$/gm)].map((match) => ({
    name: match[1] ?? '',
    said: (match[2] ?? '').trim(),
  }));
  const defaults: Readonly<Record<string, unknown>> = { ...parseConfig(minimal) };

  it('says what most variables are when they are not set', () => assert.ok(rows.length > 60, String(rows.length)));

  for (const { name, said } of rows) {
    if (`BERTH_${name}` in minimal) continue;
    const written = [...said.matchAll(/`([^`]+)`/g)].map((match) => match[1]).join(',');
    it(`says truly that ${name} is ${said || 'nothing'} by default`, () => {
      if (written !== '') {
        const config: Readonly<Record<string, unknown>> = {
          ...parseConfig({ ...minimal, [`BERTH_${name}`]: written }),
        };
        assert.deepEqual(config[name], defaults[name]);
      } else if (said === '') assert.ok(isNothing(defaults[name]), String(defaults[name]));
      // In words, which nobody can compare.
      else assert.ok(['PLATFORM', 'REDIS_CA'].includes(name));
    });
  }
});

/** Left out, a list without anything in it, or nobody. */
function isNothing(value: unknown): boolean {
  if (value === undefined) return true;
  if (typeof value === 'function') return value('10.0.0.1') === false;
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}
