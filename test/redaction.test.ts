import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import { createRedaction } from '../src/redaction.ts';

const secret = 'c0ffee17d2be5584aa01bb6e91c2d3e4f5a6b7c8d9e0f1a2b3c4d5e6f7081920';
const password = 'p@ss/w"ord&x%41ü<9';

/** Six characters in a row of it say too much. */
function assertHidden(text: string, credential: string, shown: string): void {
  for (let at = 0; at + 6 <= credential.length; at += 1) {
    assert.ok(!text.includes(credential.slice(at, at + 6)), `${shown} became ${text}`);
  }
}

const base64 = (text: string) => Buffer.from(text).toString('base64');
const hex = (text: string) => Buffer.from(text).toString('hex');
const everyByte = (text: string) => [...Buffer.from(text)].map((byte) => `%${byte.toString(16)}`).join('');
const asHtml = (text: string) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;').replaceAll("'", '&#x27;');
const wrapped = (text: string, width: number) => text.replace(new RegExp(`.{${width}}`, 'g'), '$&\n');

describe('E4 what is held is left out', () => {
  for (const [name, credential] of Object.entries({ secret, password, token: 'Zx9!kLm2' })) {
    const { text } = createRedaction({ credentials: [credential] });
    const forms: Readonly<Record<string, string>> = {
      'as it is': credential,
      'in a URL': encodeURIComponent(credential),
      'in a URL, lower case': encodeURIComponent(credential).replace(/%../g, (code) => code.toLowerCase()),
      'every byte of it in a URL': everyByte(credential),
      'in JSON': JSON.stringify(credential),
      'in JSON in JSON': JSON.stringify(JSON.stringify(credential)),
      'in HTML': asHtml(credential),
      'in hexadecimal digits': hex(credential),
      'in upper-case hexadecimal digits': hex(credential).toUpperCase(),
      'as bytes of a string': [...Buffer.from(credential)].map((byte) => `\\x${byte.toString(16)}`).join(''),
    };
    for (const [form, shown] of Object.entries(forms)) {
      it(`${name}, ${form}`, () => {
        const redacted = text(`before ${shown} after`);
        assert.match(redacted, /^before .*\[redacted\].* after$/s);
        for (const each of [credential, shown.replaceAll('"', '')]) assertHidden(redacted, each, shown);
      });
    }

    it(`${name}, with a user in a URL`, () => {
      assert.equal(text(`from https://user:${encodeURIComponent(credential)}@host/`), 'from https://[redacted]@host/');
    });

    it(`${name}, in base64 at each of its three offsets, in both alphabets, wrapped or not`, () => {
      for (const before of ['', 'u', 'us', 'user:', 'x-access-token:']) {
        for (const after of ['', '!', '!!', '\n']) {
          const encoded = base64(`${before}${credential}${after}`);
          // The characters that depend on nothing but the credential.
          const from = Math.ceil((Buffer.byteLength(before) * 8) / 6);
          const core = encoded.slice(from, Math.floor((Buffer.byteLength(before + credential) * 8) / 6));
          for (const alphabet of [encoded, encoded.replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '')]) {
            const shown = alphabet === encoded ? core : core.replaceAll('+', '-').replaceAll('/', '_');
            assertHidden(text(`(${alphabet})`), shown, alphabet);
            const lines = text(`a line\n${wrapped(alphabet, 11)}\n(end)`).split('\n');
            assertHidden(lines.join(''), shown, alphabet);
            assert.equal(lines[0], 'a line');
            assert.equal(lines.at(-1), '(end)');
          }
        }
      }
    });

    it(`${name}, in base64 of base64`, () => {
      const inner = base64(`user:${credential}`);
      const outer = base64(`{"auths":{"registry":{"auth":"${inner}"}}}`);
      const decoded = Buffer.from(text(outer).split('[redacted]')[0] ?? '', 'base64').toString();
      assert.match(text(outer), /\[redacted\]/);
      assert.ok(!decoded.includes(inner.slice(8)), decoded);
    });

    it(`${name}, split over lines of any width`, () => {
      for (let width = 1; width <= credential.length; width += 1) {
        const lines = text(`a line\n${wrapped(credential, width)}\n(end)`).split('\n');
        assertHidden(lines.join(''), credential, `width ${width}`);
        assert.equal(lines[0], 'a line');
        assert.equal(lines.at(-1), '(end)');
      }
    });
  }

  it('across lines that BuildKit and clocks have put something before, those of each step together', () => {
    const { lines } = createRedaction({ credentials: [secret] });
    const given = [
      '#12 [2/3] RUN make',
      `#12 0.345 ${secret.slice(0, 20)}`,
      `#13 0.346 npm notice`,
      `#12 0.347 ${secret.slice(20, 40)}`,
      `#12 2026-01-02T03:04:05.678Z ${secret.slice(40)} done`,
    ];
    assert.deepEqual(lines(given), [
      '#12 [2/3] RUN make',
      '#12 0.345 [redacted]',
      '#13 0.346 npm notice',
      '#12 0.347 [redacted]',
      '#12 2026-01-02T03:04:05.678Z [redacted] done',
    ]);
  });

  it('with terminal colours and invisible characters in it', () => {
    const { text } = createRedaction({ credentials: [secret] });
    const coloured = `${secret.slice(0, 30)}\u001B[31m\u200B${secret.slice(30)}`;
    assert.equal(text(`a ${coloured} b`), 'a [redacted] b');
  });

  it('a part of it that is long enough to be of use', () => {
    const { text } = createRedaction({ credentials: [secret] });
    assert.equal(text(`(${secret.slice(0, 32)})`), '([redacted])');
  });

  it('each line of a private key, and not what all keys have', () => {
    const key = `-----BEGIN RSA PRIVATE KEY-----\n${wrapped(randomBytes(300).toString('base64'), 64)}\n-----END RSA PRIVATE KEY-----\n`;
    const { text } = createRedaction({ credentials: [key] });
    const [, line = ''] = key.split('\n');
    assert.equal(text(`one line: ${line}.`), 'one line: [redacted].');
    assert.equal(text('-----BEGIN CERTIFICATE-----'), '-----BEGIN CERTIFICATE-----');
    const inBase64 = text(base64(key));
    assert.ok(inBase64.length < key.length / 4, inBase64);
  });

  it('the password of a URL, the values of a document, and of a file of settings', () => {
    const { text } = createRedaction({
      credentials: [
        'redis://user:s3cr%3Dtpass@redis:6379/0',
        JSON.stringify({ type: 'account', nested: [{ key: 'deep-value-17' }] }),
        'NAME=x\nAPI_KEY="abc123xyz789"\n',
      ],
    });
    assert.equal(
      text('s3cr=tpass s3cr%3Dtpass deep-value-17 abc123xyz789'),
      '[redacted] [redacted] [redacted] [redacted]',
    );
  });
});

describe('hold', () => {
  it('refuses what would hit everything', () => {
    const { hold, text } = createRedaction();
    const refused = [
      '',
      'short',
      '1234567',
      'aaaaaaaa',
      '12121212',
      'postgres',
      'Production',
      '127.0.0.1',
      '10.0.12.7:6379',
    ];
    for (const each of refused) {
      hold(each);
      assert.equal(text(`before ${each} after`), `before ${each} after`);
    }
  });

  it('forgets the oldest beyond its bound, never what is in the configuration, and what was held again last of all', () => {
    const tokens = Array.from({ length: 4 }, () => randomBytes(12).toString('hex'));
    const [first = '', second = '', third = '', fourth = ''] = tokens;
    const { hold, text } = createRedaction({ credentials: [secret], keep: 2 });
    for (const each of [first, second, first, third]) hold(each);
    assert.equal(text(`${first} ${second} ${third}`), `[redacted] ${second} [redacted]`);
    hold(fourth);
    assert.equal(text(`${first} ${third} ${fourth} ${secret}`), `${first} [redacted] [redacted] [redacted]`);
  });

  it('changes nothing the second time', () => {
    const { hold, text } = createRedaction({ keep: 1 });
    for (let again = 0; again < 3; again += 1) hold(secret);
    assert.equal(text(secret), '[redacted]');
    hold(password);
    assert.equal(text(secret), secret);
  });
});
