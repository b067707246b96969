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
  const rulesFor = (registry: string, kind: 'none' | 'token' | 'password') => {
    const { rules } = sourcePolicy({ ownRegistry: registry, registries: ['docker.io'] }, kind) as {
      rules: { action: string; selector: { identifier: string } }[];
    };
    const lines = rules.map(({ action, selector }) => `${action} ${selector.identifier}`);
    const always = ['DENY http://*', 'DENY https://*', 'DENY git://*', 'DENY docker-image://*'];
    assert.deepEqual(lines.slice(0, 5), [...always, 'ALLOW docker-image://docker.io/*']);
    return lines.slice(5);
  };

  it('E13 denies what is ours, with credentials all of the registry, and what nobody has heard of', () => {
    assert.deepEqual(rulesFor('registry.test:5000/previews', 'none'), [
      'ALLOW docker-image://registry.test:5000/*',
      'DENY docker-image://registry.test:5000/previews/*',
    ]);
    for (const kind of ['token', 'password'] as const) {
      assert.deepEqual(rulesFor('registry.test:5000/previews', kind), ['DENY docker-image://registry.test:5000/*']);
    }
    assert.deepEqual(rulesFor('registry.test', 'none'), [
      'ALLOW docker-image://registry.test/*',
      'DENY docker-image://registry.test/*',
    ]);
  });
});
