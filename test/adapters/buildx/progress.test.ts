import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Progress } from '../../../src/adapters/buildx/progress.ts';

function follow(output: string): { readonly progress: Progress; readonly lines: readonly string[] } {
  const lines: string[] = [];
  const progress = new Progress((line) => lines.push(line));
  for (const line of output.split('\n')) progress.line(line);
  return { progress, lines };
}

const base64 = (text: string) => Buffer.from(text).toString('base64');
const started = '2026-01-01T00:00:00.000000000Z';
const completed = '2026-01-01T00:00:01.500000000Z';
const run = { digest: 'sha256:1', name: '[2/2] RUN make' };

const messages = [
  { vertexes: [run] },
  { vertexes: [{ ...run, started }] },
  { logs: [{ vertex: 'sha256:1', stream: 1, data: base64('one\ntw') }] },
  { statuses: [{ id: 'x', vertex: 'sha256:1', current: 0 }] },
  { logs: [{ vertex: 'sha256:1', stream: 1, data: base64('o\r\nthree') }] },
];

describe('Progress', () => {
  for (const [name, indent] of [
    ['one message a line', 0],
    ['indented messages', 2],
  ] as const) {
    it(`reads ${name}`, () => {
      const all = [...messages, { vertexes: [{ ...run, started, completed }] }];
      const { progress, lines } = follow(all.map((message) => JSON.stringify(message, null, indent)).join('\n'));
      assert.deepEqual(lines, ['#1 [2/2] RUN make', '#1 one', '#1 two', '#1 three', '#1 DONE 1.5s']);
      assert.equal(progress.vertices[0]?.state, 'done');
    });
  }

  it('keeps the text at the end, and the last lines of a step that failed', () => {
    const log = { logs: [{ vertex: 'sha256:1', data: base64(`${'x\n'.repeat(50)}last`) }] };
    const failed = { vertexes: [{ ...run, started, completed, error: 'exit code: 1' }] };
    const text =
      'Dockerfile:2\n--------------------\n   1 |     {\n--------------------\nERROR: failed to solve: exit code: 1';
    const { progress } = follow(
      `${[...messages, failed, log].map((message) => JSON.stringify(message)).join('\n')}\n${text}`,
    );
    progress.end();
    const [vertex] = progress.vertices;
    assert.deepEqual([vertex?.state, vertex?.error], ['failed', 'exit code: 1']);
    assert.equal(vertex?.log.length, 20);
    assert.equal(vertex?.log.at(-1), 'last');
    assert.deepEqual(progress.text, text.split('\n'));
  });

  it('tells cached steps, and those that BuildKit reports as done before they ran', () => {
    const all = [
      { vertexes: [{ digest: 'a', name: '[1/2] COPY x y', started, completed, cached: true }] },
      { vertexes: [{ digest: 'b', name: '[internal] load', started, completed }] },
      { vertexes: [{ digest: 'b', name: '[internal] load', started }] },
      { vertexes: [{ digest: 'b', name: '[internal] load', started, completed }] },
    ];
    const { lines } = follow(all.map((message) => JSON.stringify(message)).join('\n'));
    assert.deepEqual(lines, ['#1 [1/2] COPY x y', '#1 CACHED', '#2 [internal] load', '#2 DONE 1.5s']);
  });

  it('refuses what is not BuildKit’s', () => {
    assert.throws(() => follow('{"vertexes": 1}'));
  });
});
