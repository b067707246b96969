import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { codeBlock, codeSpan, escapeHtml, escapeMarkdown, plainLine, shortened } from '../../src/domain/escape.ts';

describe('escapeMarkdown', () => {
  const rows = [
    { name: 'words stay as they are', text: 'Building web, then api', want: 'Building web, then api' },
    { name: 'formatting', text: '**a** _b_ ~c~ `d`', want: '\\*\\*a\\*\\* \\_b\\_ \\~c\\~ \\`d\\`' },
    { name: 'HTML and entities', text: '<b>&amp;', want: '&lt;b&gt;&amp;amp;' },
    { name: 'links and images', text: '![a](b)', want: '!\\[a\\](b)' },
    { name: 'mentions', text: '@acme/admins', want: '@&#8203;acme/admins' },
    { name: 'issues', text: '#12 GH-12', want: '\\#&#8203;12 GH&#8203;-12' },
    { name: 'bare links', text: 'https://a www.b', want: 'https:&#8203;//a www&#8203;.b' },
    { name: 'lists', text: '- a', want: '\\- a' },
    { name: 'numbered lists', text: '12. a 3.5', want: '12\\. a 3.5' },
    { name: 'a sentence', text: 'It ends (soon): at 3.5 - or later!', want: 'It ends (soon): at 3.5 - or later!' },
    { name: 'tables and lines', text: 'a|b\n# c', want: 'a\\|b \\# c' },
  ];
  for (const { name, text, want } of rows) it(name, () => assert.equal(escapeMarkdown(text), want));
});

describe('plainLine', () => {
  const rows = [
    { name: 'colours', text: '\u001B[1;31mred\u001B[0m', want: 'red' },
    { name: 'terminal links', text: '\u001B]8;;https://a\u0007b\u001B]8;;\u0007', want: 'b' },
    { name: 'an unfinished sequence', text: 'a\u001B[12', want: 'a12' },
    { name: 'control characters', text: 'a\u0000b\u0008c', want: 'abc' },
    { name: 'direction overrides', text: 'a\u202Eb\u2066c', want: 'abc' },
    { name: 'marks of direction, old and new', text: 'a\u061Cb\u200Ec\u2067d\u206Ae', want: 'abcde' },
    { name: 'what takes no place', text: 'a\u200Bb\u2060c\u00ADd\uFEFFe\u180Ef\u3164g', want: 'abcdefg' },
    { name: 'the invisible alphabet', text: 'a\u{E0041}\u{E007F}b', want: 'ab' },
    { name: 'halves of characters', text: 'a\uD800b', want: 'a\uFFFDb' },
    { name: 'emoji and joined letters stay', text: '👩‍💻 ❤️ می‌خواهم', want: '👩‍💻 ❤️ می‌خواهم' },
    { name: 'line breaks of all kinds', text: 'a\r\nb\u2028c', want: 'a b c' },
  ];
  for (const { name, text, want } of rows) it(name, () => assert.equal(plainLine(text), want));
});

describe('code', () => {
  it('spans outgrow the backticks in them', () => {
    assert.equal(codeSpan('a`b'), '``a`b``');
    assert.equal(codeSpan('`a'), '`` `a ``');
    assert.equal(codeSpan('\u202E'), '` `');
  });

  it('blocks outgrow the fences in them', () => {
    assert.equal(codeBlock(['a', '````']), '`````text\na\n````\n`````');
  });
});

it('escapeHtml is safe in content and quoted attributes', () => {
  assert.equal(escapeHtml(`<a href="x" id='y'>&`), '&lt;a href=&quot;x&quot; id=&#39;y&#39;&gt;&amp;');
});

it('shortened keeps what fits', () => {
  assert.equal(shortened('abcdef', 6), 'abcdef');
  assert.equal(shortened('abcdefg', 6), 'abcde…');
});
