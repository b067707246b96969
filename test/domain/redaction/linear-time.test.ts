import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import { Needles } from '../../../src/domain/redaction/needles.ts';
import { createRedaction } from '../../../src/redaction.ts';

const secret = 'c0ffee17d2be5584aa01bb6e91c2d3e4f5a6b7c8d9e0f1a2b3c4d5e6f7081920';

/** Beginnings of everything that is looked for, over and over, none of which comes to its end. */
const adversarial: Readonly<Record<string, string>> = {
  'beginnings of tokens': 'ghp_',
  'beginnings of longer tokens': 'glpat-xoxb-ghs_.',
  'web tokens without an end': 'eyJhbGciOi',
  'web tokens with dots': 'eyJhbGciOiJ.',
  'private keys without an end': '-----BEGIN RSA PRIVATE KEY-----',
  'private keys without an end, with a body': '-----BEGIN PRIVATE KEY-----MIIEabcd\n',
  'user infos': 'a://b:',
  'user infos with a long password': '://a:bbbbbbbbbbbbbbbb',
  headers: 'authorization: ',
  'more headers': 'authorization:bearer ',
  parameters: '?token=&token=',
  'names of secrets': 'aws_secret_access_key=',
  escapes: '%41%5C%26',
  'escapes of escapes': '\\\\\\u005cu005c',
  'ends of HTML escapes that are missing': '&#x00',
  'base64 that is text at every offset': 'QUFBQUFB',
  'base64 of base64': Buffer.from(Buffer.from('abcdefghi').toString('base64')).toString('base64'),
  'the beginning of what is held': secret.slice(0, 31),
  'what is held': secret,
  'what is held, between lines': `${secret.slice(0, 9)}\n`,
  'line ends': '\n',
  blanks: '        ',
  'prefixes of lines': '#1 0.1 \n',
  colours: '\u001B[',
  'backslashes at line ends': '\\\n',
};

describe('redaction takes time in proportion to the text', () => {
  const { text } = createRedaction({ credentials: [secret] });
  const cpuMsOf = (given: string): number => {
    const before = process.cpuUsage();
    text(given);
    return process.cpuUsage(before).user / 1_000;
  };
  for (const [name, piece] of Object.entries(adversarial)) {
    it(name, () => {
      const size = 128 * 1024;
      const make = (length: number) => piece.repeat(Math.ceil(length / piece.length));
      cpuMsOf(make(size));
      // Quadratic work would take 64 times as long; a busy machine and its collector of garbage get the benefit of the doubt.
      const [small, large] = [Math.max(10, cpuMsOf(make(size))), cpuMsOf(make(8 * size))];
      assert.ok(large < 32 * small, `${Math.round(small)} ms, and ${Math.round(large)} ms for eight times as much`);
    });
  }

  it('compares no more characters than a few for each of the text, however many needles begin alike', () => {
    const needles = new Needles();
    for (let index = 0; index < 5_000; index += 1) {
      needles.add(`ghs_common beginning ${createHash('sha256').update(String(index)).digest('base64').slice(0, 11)}`);
    }
    const given = 'ghs_common beginning '.repeat(10_000);
    needles.find(given, () => undefined);
    assert.ok(needles.comparisons < 4 * given.length, `${needles.comparisons} for ${given.length}`);
  });

  it('finds what is across the border of two blocks, and at the end of tens of megabytes', () => {
    const line = '#12 0.345 added 1187 packages, and audited 1188 packages in 32s\n';
    for (const before of [128 * 1024 - 20, 128 * 1024, 128 * 1024 + 20]) {
      const given = line.repeat(5_000).slice(0, before);
      assert.equal(text(`${given} ${secret} end`), `${given} [redacted] end`);
    }
    const given = line.repeat(Math.ceil((20 * 1024 * 1024) / line.length));
    assert.ok(text(`${given}${secret}`).endsWith('\n[redacted]'));
  });
});
