import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { buildArguments, secretEnvironment } from '../../../src/adapters/buildx/command.ts';
import { sourcePolicy } from '../../../src/adapters/buildx/confinement.ts';
import type { Trust } from '../../../src/domain/preview.ts';

const request = (trust: Trust) => ({
  ref: 'registry.test/acme/shop/web:c-1',
  contextPath: '/context',
  dockerfilePath: '/context/Dockerfile',
  target: undefined,
  args: {},
  labels: {},
  secrets: new Map([['npm', 'hunter2']]),
  trust,
});

function words(trust: Trust): readonly string[] {
  return buildArguments({
    request: request(trust),
    endpoint: { kind: 'buildkit', url: 'tcp://builder:1234', tls: undefined },
    metadataPath: '/run/metadata.json',
    registryCache: true,
    withoutCache: false,
    push: true,
    insecure: false,
    pushWithDocker: false,
  });
}

describe('buildArguments', () => {
  it('gives a trusted build its secrets by name, never by value, and the cache in the registry', () => {
    const text = words('trusted').join(' ');
    assert.match(text, /--secret=id=npm,env=BERTH_BUILD_SECRET_0 /);
    assert.match(text, /--cache-from=\S+ --cache-to=/);
    assert.ok(!text.includes('hunter2'));
    assert.deepEqual(secretEnvironment(request('trusted')), { BERTH_BUILD_SECRET_0: 'hunter2' });
  });

  it('E13 gives a stranger’s build neither, nor any right', () => {
    const text = words('untrusted').join(' ');
    assert.doesNotMatch(text, /--secret|--cache|--allow|--ssh|--build-context/);
    assert.deepEqual(secretEnvironment(request('untrusted')), {});
  });
});

describe('sourcePolicy', () => {
  const denied = (registry: string, kind: 'none' | 'token' | 'password') => {
    const { rules } = sourcePolicy(registry, { kind }) as { rules: { selector: { identifier: string } }[] };
    const identifiers = rules.map(({ selector }) => selector.identifier);
    assert.deepEqual(identifiers.slice(0, 3), ['http://*', 'https://*', 'git://*']);
    return identifiers.slice(3);
  };

  it('E13 denies what is ours, and with a password all of the registry', () => {
    assert.deepEqual(denied('registry.test:5000/previews', 'token'), [
      'docker-image://registry.test:5000/previews/*',
      '^docker-image://(?i:registry\\.test\\:5000)/previews/',
    ]);
    assert.deepEqual(denied('registry.test:5000/previews', 'password'), [
      'docker-image://registry.test:5000/*',
      '^docker-image://(?i:registry\\.test\\:5000)/',
    ]);
    assert.deepEqual(denied('registry.test', 'none'), [
      'docker-image://registry.test/*',
      '^docker-image://(?i:registry\\.test)/',
    ]);
  });
});
