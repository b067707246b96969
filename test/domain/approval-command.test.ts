import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { approvalCommand, approvalCommandOf } from '../../src/domain/approval-command.ts';

const sha = 'a1b2c3d4e5f60718293a4b5c6d7e8f9001122334';
const command = `/preview approve ${sha}`;

describe('approvalCommandOf', () => {
  it('understands exactly what people are told to write, with blank lines around it', () => {
    const want = { kind: 'approve', revision: sha };
    for (const body of [command, approvalCommand(sha), `\r\n${command}\r\n\n`, `   ${command} `]) {
      assert.deepEqual(approvalCommandOf(body), want);
    }
  });

  const others: { name: string; body: string; why: RegExp }[] = [
    { name: 'a short revision', body: '/preview approve a1b2c3d', why: /all 40 digits/ },
    { name: '39 digits', body: `/preview approve ${sha.slice(1)}`, why: /all 40 digits/ },
    { name: '41 digits', body: `${command}5`, why: /not a revision/ },
    { name: 'a branch', body: '/preview approve main', why: /not a revision/ },
    { name: 'no revision', body: '/preview approve', why: /names no revision/ },
    { name: 'upper-case digits', body: `/preview approve ${sha.toUpperCase()}`, why: /lower case/ },
    { name: 'upper-case words', body: `/Preview APPROVE ${sha}`, why: /lower case/ },
    { name: 'two blanks', body: `/preview  approve ${sha}`, why: /blanks/ },
    { name: 'a line break', body: `/preview approve\n${sha}`, why: /blanks/ },
    { name: 'a no-break space', body: `/preview approve\u00a0${sha}`, why: /blanks/ },
    { name: 'two commands', body: `${command}\n${command}`, why: /more than one/ },
    { name: 'two commands in a line', body: `${command} ${command}`, why: /more than one/ },
    { name: 'another command beside it', body: `/preview off\n${command}`, why: /more than one/ },
    { name: 'text before it', body: `LGTM ${command}`, why: /other text/ },
    { name: 'text after it', body: `${command} please`, why: /other text/ },
    { name: 'text below it', body: `${command}\n\nThanks!`, why: /other text/ },
    { name: 'an HTML comment', body: `<!-- ${command} -->`, why: /quoted or shown as code/ },
    { name: 'a quotation', body: `> ${command}`, why: /quoted or shown as code/ },
    { name: 'a quotation with an answer', body: `> ${command}\n\nNo!`, why: /quoted or shown as code/ },
    { name: 'a code span', body: `\`${command}\``, why: /quoted or shown as code/ },
    { name: 'a code block', body: `\`\`\`\n${command}\n\`\`\``, why: /quoted or shown as code/ },
    { name: 'a code block of tildes', body: `~~~\n${command}\n~~~`, why: /quoted or shown as code/ },
    { name: 'an indented code block', body: `    ${command}`, why: /quoted or shown as code/ },
    { name: 'one indented below a blank line', body: `\n\t${command}`, why: /quoted or shown as code/ },
    { name: 'an unknown word', body: `/preview deploy ${sha}`, why: /no such command/ },
    { name: 'a misspelt word', body: `/preview aprove ${sha}`, why: /no such command/ },
    { name: 'no word', body: '/preview', why: /no such command/ },
    { name: 'a list', body: `- ${command}`, why: /other text/ },
    { name: 'a line in prose', body: `Somebody should write /preview approve ${sha} here.`, why: /other text/ },
    { name: 'look-alike letters', body: `/preview approve ${sha.replace('a', 'а')}`, why: /not a revision/ },
  ];
  for (const { name, body, why } of others) {
    it(`D6 does not take ${name}, and says why`, () => {
      const understood = approvalCommandOf(body);
      assert.equal(understood.kind, 'misunderstood');
      assert.match(understood.kind === 'misunderstood' ? understood.why : '', why);
    });
  }

  for (const body of [
    '',
    'Nice!',
    'The /preview page is broken.',
    'https://shop.test/preview',
    '/previews',
    '/preview/x',
  ]) {
    it(`hears no command in ${JSON.stringify(body)}`, () =>
      assert.deepEqual(approvalCommandOf(body), { kind: 'none' }));
  }

  it('E6 needs no longer than its length for what is made to take long', () => {
    const hostile = [
      `/preview approve ${'a'.repeat(65_000)}`,
      `${' '.repeat(65_000)}x`,
      '/preview '.repeat(7_000),
      '/preview approve '.repeat(3_800),
      '>'.repeat(65_000),
      '\n> /preview'.repeat(5_900),
      `${'\t'.repeat(65_000)}${command}`,
      `/preview${' '.repeat(65_000)}approve`,
    ];
    const startedAt = performance.now();
    for (const body of hostile) assert.notEqual(approvalCommandOf(body).kind, 'approve');
    assert.ok(performance.now() - startedAt < 2_000);
  });
});
