import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { hostLabel, namespaceName, parseHostLabel, slugOf } from '../../src/domain/names.ts';

const dnsLabel = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

const hostile = [
  '',
  '-',
  '--',
  '...',
  '_',
  '.github',
  'shop',
  'Shop',
  'my--shop',
  '-shop-',
  '--upload-pack=touch /tmp/x',
  '$(id)',
  '`id`',
  '; rm -rf /',
  '../../etc/passwd',
  'a\nb',
  'a\0b',
  'a\r\nHost: evil.example',
  '🚀🚀🚀',
  'naïve-café',
  'İstanbul',
  'ﬀ',
  'ＡＢＣ',
  'аррӏе',
  'xn--80ak6aa92e',
  'a'.repeat(255),
  '-'.repeat(255),
  'é'.repeat(255),
  `${'a'.repeat(17)}-b`,
  `${'a'.repeat(18)}-b`,
  '\u202egnp.exe',
  'constructor',
  '__proto__',
];

/** A small generator with a seed, so that a failure can be repeated. */
function randomTexts(seed: number, count: number): readonly string[] {
  let state = seed;
  const next = (below: number) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  const alphabet = [...Array.from('abcXYZ019-_./ $`\'"\n\t@:!{}\\'), '🦊', 'é', 'ß', '\u0000', '\u200d'];
  return Array.from({ length: count }, () =>
    Array.from({ length: next(64) }, () => alphabet[next(alphabet.length)]).join(''),
  );
}

const texts = [...hostile, ...randomTexts(2_026, 2_000)];
const numbers = [1, 9, 42, 2_147_483_647, 999_999_999_999_999];

describe('namespaceName', () => {
  it('E1 makes a bounded DNS label of whatever a repository is called', () => {
    for (const name of texts) {
      for (const number of numbers) {
        const namespace = namespaceName('berth', { repositoryId: 7, number }, name);
        assert.match(namespace, dnsLabel, JSON.stringify({ name, number }));
        assert.ok(namespace.length <= 41, namespace);
        assert.ok(!namespace.includes('--'), namespace);
        assert.ok(namespace.startsWith(`pr-${number}-`), namespace);
      }
    }
  });

  it('E2 keeps repositories apart whose names collide after shortening', () => {
    const names = new Set<string>();
    const repositories = 2_000;
    for (let repositoryId = 1; repositoryId <= repositories; repositoryId += 1) {
      names.add(
        namespaceName('berth', { repositoryId, number: 42 }, `${'same-beginning-of-'.repeat(3)}${repositoryId}`),
      );
    }
    assert.equal(names.size, repositories);
  });

  it('E2 keeps pull requests of one repository apart', () => {
    const names = new Set<string>();
    for (let number = 1; number <= 5_000; number += 1)
      names.add(namespaceName('berth', { repositoryId: 1, number }, 'shop'));
    assert.equal(names.size, 5_000);
  });

  it('is the same whenever it is asked', () => {
    const key = { repositoryId: 1, number: 42 };
    assert.equal(namespaceName('berth', key, 'shop'), namespaceName('berth', key, 'shop'));
    assert.match(namespaceName('berth', key, 'shop'), /^pr-42-shop-[0-9a-z]{6}$/);
    assert.notEqual(namespaceName('staging', key, 'shop'), namespaceName('berth', key, 'shop'));
  });
});

describe('hostLabel', () => {
  const routes = ['a', '0', 'web', 'a-b', '9-9', 'a'.repeat(20), 'pr-1'];

  it('fits into a DNS label and can be taken apart again', () => {
    for (const name of hostile) {
      for (const number of numbers) {
        const namespace = namespaceName('berth', { repositoryId: 123_456_789, number }, name);
        for (const route of routes) {
          const label = hostLabel(namespace, route, false);
          assert.match(label, dnsLabel);
          assert.deepEqual(parseHostLabel(label), { namespace, route });
        }
        assert.deepEqual(parseHostLabel(hostLabel(namespace, 'web', true)), { namespace, route: undefined });
      }
    }
  });

  it('E2 never gives two routes, of whatever previews, the same host', () => {
    const labels = new Map<string, string>();
    for (const repositoryId of [1, 2]) {
      for (const number of [1, 11, 111]) {
        const namespace = namespaceName('berth', { repositoryId, number }, 'shop');
        for (const [index, route] of routes.entries()) {
          const label = hostLabel(namespace, route, index === 0);
          assert.equal(labels.get(label), undefined);
          labels.set(label, `${namespace}/${route}`);
        }
      }
    }
  });
});

describe('slugOf', () => {
  it('E1 keeps only lower-case letters, digits and single dashes inside', () => {
    for (const text of texts) {
      for (const maxLength of [1, 18, 40]) {
        const slug = slugOf(text, maxLength);
        assert.match(slug, /^([a-z0-9]+(-[a-z0-9]+)*)?$/, JSON.stringify(text));
        assert.ok(slug.length <= maxLength);
      }
    }
  });

  for (const [text, want] of [
    ['feat/Login page', 'feat-login-page'],
    ['--upload-pack=x', 'upload-pack-x'],
    ['🚀', ''],
    ['abc-def', 'abc-def'],
  ] as const) {
    it(`${text} → ${want || 'nothing'}`, () => assert.equal(slugOf(text, 40), want));
  }
});
