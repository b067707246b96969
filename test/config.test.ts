import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { ConfigError, parseConfig, variableNames } from '../src/config.ts';

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

  it('A5 refuses an empty or a short webhook secret', () => {
    assert.throws(
      () => parseConfig({ ...minimal, BERTH_GITHUB_WEBHOOK_SECRET: '' }),
      /BERTH_GITHUB_WEBHOOK_SECRET: is not set/,
    );
    assert.throws(() => parseConfig({ ...minimal, BERTH_GITHUB_WEBHOOK_SECRET: 'secret' }), /at least 16 characters/);
  });

  it('ignores the variables of others', () => {
    assert.equal(parseConfig({ ...minimal, HOME: '/', PATH: '/bin' }).INSTANCE, 'berth');
  });
});

describe('docs/configuration.md', () => {
  it('documents every variable, and no other', () => {
    const text = readFileSync(new URL('../docs/configuration.md', import.meta.url), 'utf8');
    const documented = [...text.matchAll(/^\| `BERTH_(\w+)`/gm)].map((match) => match[1]);
    assert.deepEqual(documented.toSorted(), [...variableNames].toSorted());
  });
});
