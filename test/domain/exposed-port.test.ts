import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { exposedPort } from '../../src/domain/exposed-port.ts';

describe('exposedPort', () => {
  const rows: readonly {
    readonly name: string;
    readonly text: string;
    readonly target?: string;
    readonly args?: Readonly<Record<string, string>>;
    readonly want: number | undefined;
  }[] = [
    { name: 'a number', text: 'FROM a\nEXPOSE 3000', want: 3000 },
    { name: 'none', text: 'FROM a\nRUN echo EXPOSE 3000', want: undefined },
    { name: 'an empty file', text: '', want: undefined },
    { name: 'with a protocol, lower case, CRLF', text: 'from a\r\nexpose 3000/TCP\r\n', want: 3000 },
    { name: 'the first TCP port', text: 'FROM a\nEXPOSE 53/udp 8000-8010 9000', want: 8000 },
    { name: 'the last instruction', text: 'FROM a\nEXPOSE 1\nEXPOSE 2', want: 2 },
    { name: 'UDP only', text: 'FROM a\nEXPOSE 53/udp', want: undefined },
    { name: 'out of range', text: 'FROM a\nEXPOSE 0 70000', want: undefined },
    { name: 'a comment', text: 'FROM a\n# EXPOSE 1\n', want: undefined },
    { name: 'continued lines', text: 'FROM a\nEXPOSE \\\n  # why\n  3000', want: 3000 },
    { name: 'another escape character', text: '# escape=`\nFROM a\nEXPOSE `\n 3000', want: 3000 },
    { name: 'a line of a here-document', text: 'FROM a\nEXPOSE 1\nRUN <<EOF\nEXPOSE 2\nEOF', want: 1 },
    { name: 'an argument', text: 'FROM a\nARG PORT=3000\nEXPOSE $PORT', want: 3000 },
    {
      name: 'an argument that is given',
      text: 'FROM a\nARG PORT=3000\nEXPOSE $PORT',
      args: { PORT: '4000' },
      want: 4000,
    },
    { name: 'an argument from before the first stage', text: 'ARG P=1\nFROM a\nARG P\nEXPOSE ${P}', want: 1 },
    { name: 'an environment variable', text: 'FROM a\nENV A=x PORT="3000"\nEXPOSE ${PORT}/tcp', want: 3000 },
    { name: 'the old form of ENV', text: 'FROM a\nENV PORT 3000\nEXPOSE $PORT', want: 3000 },
    { name: 'a default', text: 'FROM a\nEXPOSE ${PORT:-3000}', want: 3000 },
    { name: 'a variable of the base image', text: 'FROM a\nEXPOSE $PORT', want: undefined },
    { name: 'of the last stage', text: 'FROM a AS one\nEXPOSE 1\nFROM b\nCOPY --from=one / /', want: undefined },
    { name: 'of the stage below', text: 'FROM a AS one\nENV P=7\nEXPOSE $P\nFROM --platform=x One\nRUN x', want: 7 },
    { name: 'of the target', text: 'FROM a AS one\nEXPOSE 1\nFROM b AS two\nEXPOSE 2', target: 'ONE', want: 1 },
    { name: 'of a target by number', text: 'FROM a\nEXPOSE 1\nFROM b\nEXPOSE 2', target: '0', want: 1 },
    { name: 'of a target that is not there', text: 'FROM a\nEXPOSE 1', target: 'x', want: undefined },
    { name: 'before any stage', text: 'EXPOSE 1', want: undefined },
  ];
  for (const { name, text, target, args, want } of rows) {
    it(name, () => assert.equal(exposedPort(text, target, args ?? {}), want));
  }
});
