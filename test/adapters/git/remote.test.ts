import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { remoteAt } from '../../../src/adapters/git/remote.ts';

describe('remoteAt', () => {
  const fine = ['https://github.com/acme/shop.git', 'https://ghes.example:8443/acme/shop.git'];
  for (const url of fine) it(`accepts ${url}`, () => assert.equal(remoteAt(url, false).url, url));

  const refused = [
    'http://github.com/acme/shop.git',
    'http://127.0.0.1.evil.example/acme/shop.git',
    'http://localhost.evil.example/shop.git',
    'file:///etc',
    'ext::sh -c id',
    'ssh://git@github.com/acme/shop.git',
    'git@github.com:acme/shop.git',
    'https://user:secret@github.com/acme/shop.git',
    '--upload-pack=touch /tmp/x',
    '/srv/git/shop.git',
    '',
  ];
  for (const url of refused) {
    it(`E7 refuses ${JSON.stringify(url)}`, () => assert.throws(() => remoteAt(url, true), /refusing to fetch/));
  }

  it('accepts http to this machine only where that is allowed', () => {
    for (const host of ['127.0.0.1:8080', 'localhost', '[::1]:1']) {
      const url = `http://${host}/shop.git`;
      assert.ok(remoteAt(url, true).url.startsWith('http://'));
      assert.throws(() => remoteAt(url, false), /refusing to fetch/);
    }
  });

  it('binds the token to the repository’s URL', () => {
    assert.deepEqual(remoteAt('https://github.com/acme/shop.git', false).settings('s3cret'), {
      'http.https://github.com/acme/shop.git.extraHeader': `Authorization: Basic ${btoa('x-access-token:s3cret')}`,
    });
  });
});
