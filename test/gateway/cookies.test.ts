import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { array, assert as holds, constantFrom, property } from 'fast-check';
import { ownCookie, privateCookies } from '../../src/gateway/cookies.ts';

const none = privateCookies([]);

describe('ownCookie', () => {
  const rows = [
    ['a=1', 'a=1'],
    ['a=1; Path=/; HttpOnly; Secure; SameSite=Lax', 'a=1; Path=/; HttpOnly; Secure; SameSite=Lax'],
    ['a=1; Domain=preview.test; Path=/', 'a=1; Path=/'],
    ['a=1;domain=.preview.test', 'a=1'],
    ['a=1; DOMAIN=PREVIEW.TEST.', 'a=1'],
    ['a=1; Domain="preview.test"', 'a=1'],
    ['a=1; "Domain"=preview.test', 'a=1'],
    ['a=1;  \t Domain \t = preview.test', 'a=1'],
    ['a=1; Domain', 'a=1'],
    ['a=1; Domain=; Domain=preview.test; domain=test', 'a=1'],
    ['a=1; Path=/; Domain=pr-1.preview.test; Path=/x; dOmAiN=preview.test', 'a=1; Path=/; Path=/x'],
    ['a="x; Domain=preview.test"', 'a="x'],
    ['a=1; Domain=xn--bcher-kva.test', 'a=1'],
    ['a=1; Domain=b\u00fccher.test', 'a=1'],
    ['a=1; \u00a0Domain\u00a0=preview.test', 'a=1'],
    ['a=1; Do-main=preview.test', 'a=1'],
    ['; Domain=preview.test', ''],
    ['Domain=preview.test', 'Domain=preview.test'],
    ['a=1; Path=/Domain=x', 'a=1; Path=/Domain=x'],
    ['a=1; Max-Age=1, b=2; Domain=preview.test', 'a=1; Max-Age=1, b=2'],
    ['a=1\u0000; Domain=preview.test', undefined],
    ['a=1\r; Domain=preview.test', undefined],
    ['a=1; Do\u0001main=preview.test', undefined],
  ] as const;
  for (const [given, want] of rows) {
    it(JSON.stringify(given), () => assert.equal(ownCookie(given, none), want));
  }

  it('leaves no attribute that any browser takes for Domain, whatever is written', () => {
    const piece = constantFrom(
      'a',
      '=',
      ';',
      ' ',
      '\t',
      '"',
      ',',
      'Domain',
      'dOMAIN',
      '.',
      'preview.test',
      '\u00a0',
      'Path=/',
    );
    holds(
      property(array(piece, { maxLength: 30 }), (pieces) => {
        const kept = ownCookie(pieces.join(''), none) ?? '';
        // RFC 6265bis, section 5.6: cut at semicolons, cut at the first equals sign, trim.
        const attributes = kept.split(';').slice(1);
        const names = attributes.map((attribute) => (attribute.split('=')[0] ?? '').trim().toLowerCase());
        assert.ok(!names.includes('domain'), kept);
        assert.equal(ownCookie(kept, none), kept);
      }),
    );
  });
});

describe('privateCookies', () => {
  const cookies = privateCookies(['_sso*', 'session']);

  it("keeps the operator's cookies, and those that Berth may need, from previews", () => {
    assert.equal(
      cookies.without('_sso_0=x; a=1; SESSION=2; __Host-session=3; __Secure-_sso=4; berth-login=5; session2=6; b'),
      'a=1; session2=6; b',
    );
    assert.equal(cookies.without('session=1'), '');
    assert.equal(cookies.without(' ; ;a=1'), 'a=1');
    assert.equal(cookies.without('a=1, session=2'), '');
  });

  it('lets no preview set them', () => {
    for (const name of ['_sso', 'Session', '__Host-session', 'berth-x', ' session '])
      assert.equal(ownCookie(`${name}=1; Path=/`, cookies), undefined, name);
  });
});
