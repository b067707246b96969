import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { approvalCommandOf } from '../../src/domain/approval-command.ts';
import { codeBlock, codeSpan, escapeHtml, escapeMarkdown, plainLine } from '../../src/domain/escape.ts';
import { exposedPort } from '../../src/domain/exposed-port.ts';
import { parseImageReference } from '../../src/domain/image-reference.ts';
import { namespaceName } from '../../src/domain/names.ts';

/** Everything that reads text of strangers, whatever that is. */
const readers: Readonly<Record<string, (text: string) => unknown>> = {
  plainLine,
  escapeHtml,
  escapeMarkdown,
  codeSpan,
  codeBlock: (text) => codeBlock(text.split('\n')),
  approvalCommandOf,
  parseImageReference,
  namespaceName: (text) => namespaceName('berth', { repositoryId: 1, number: 1 }, text),
  'exposedPort of instructions': (text) => exposedPort(`FROM a\n${text}`, undefined, {}),
  'exposedPort of ENV': (text) => exposedPort(`FROM a\nENV ${text}\nEXPOSE $a`, undefined, {}),
  'exposedPort of EXPOSE': (text) => exposedPort(`FROM a\nEXPOSE ${text}`, undefined, {}),
  'exposedPort of FROM': (text) => exposedPort(`FROM ${text}`, undefined, {}),
  'exposedPort of RUN': (text) => exposedPort(`FROM a\nRUN ${text}`, undefined, {}),
};

// Found by looking at what the patterns repeat.
const pieces = [
  'a',
  'a ',
  'a=',
  'A="',
  "A='",
  '${a:-',
  '$',
  '<<',
  '<<"a',
  '--a ',
  '-',
  '.',
  '`',
  '``` ',
  '*_',
  '\\',
  '@a',
  '#1',
  '[x](',
  '<',
  '&',
  ' ',
  '\n',
  '\t\n',
  '\r\n',
  '\u001B',
  '\u001B[',
  '\u001B[1;',
  '\u001B]',
  '\u0000',
  '\u202E',
  '\u{1F600}',
  'a/b',
  'a:',
  '_a',
  '__',
  'GH-',
  'www.',
  '://',
  '\\\n',
  'FROM 0\n',
  'ENV a=1\n',
  'ARG a\n',
  'EXPOSE 1\n',
  '# escape=`\n',
  '/preview ',
  '/preview approve ',
  '> ',
  '0123456789abcdef',
];

describe('E6 whatever strangers write is read in a time that grows with its length only', () => {
  for (const [name, read] of Object.entries(readers)) {
    it(name, () => {
      for (const piece of pieces) {
        const cpuMsOf = (length: number): number => {
          const text = piece.repeat(length / piece.length);
          const before = process.cpuUsage();
          read(text);
          return process.cpuUsage(before).user / 1_000;
        };
        // At this length what is quadratic takes seconds; its growth is only looked at when it takes longer than it should.
        const largeMs = cpuMsOf(256 * 1024);
        if (largeMs < 250) continue;
        const smallMs = Math.max(10, cpuMsOf(32 * 1024));
        assert.ok(largeMs < 32 * smallMs, `${JSON.stringify(piece)}: ${smallMs} ms, then ${largeMs} ms`);
      }
    });
  }

  it('a Dockerfile of many stages, each with the variables of the one before', () => {
    const variables = Array.from({ length: 900 }, (_, index) => `ENV v${index}=1\n`).join('');
    const stages = Array.from({ length: 20_000 }, (_, index) => `FROM ${index}\n`).join('');
    assert.equal(exposedPort(`FROM a\n${variables}${stages}EXPOSE 80\n`, undefined, {}), undefined);
  });
});
