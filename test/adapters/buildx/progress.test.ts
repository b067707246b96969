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

  const logged = (data: string) => JSON.stringify({ logs: [{ vertex: 'sha256:1', data: base64(data) }] });

  it('E6 is not filled by a line without an end', () => {
    const lines: string[] = [];
    const progress = new Progress((line) => lines.push(line));
    progress.line(JSON.stringify({ vertexes: [{ ...run, started }] }));
    for (let piece = 0; piece < 1_000; piece += 1) progress.line(logged('x'.repeat(30_000)));
    assert.ok(lines.length > 500);
    assert.ok(lines.every((line) => line.length < 4_100));
    assert.ok((progress.vertices[0]?.log.join('').length ?? 0) < 100_000);
  });

  it('E6 passes on a log of any length up to a point, and says so', () => {
    const lines: string[] = [];
    const progress = new Progress((line) => lines.push(line));
    progress.line(JSON.stringify({ vertexes: [{ ...run, started }] }));
    const block = logged(`${'y'.repeat(99)}\n`.repeat(300));
    for (let piece = 0; piece < 1_000; piece += 1) progress.line(block);
    assert.match(lines.at(-1) ?? '', /the rest of the log is left out/i);
    const length = lines.reduce((sum, line) => sum + line.length, 0);
    assert.ok(length > 16_000_000 && length < 17_000_000, String(length));
    assert.equal(progress.vertices[0]?.log.at(-1), 'y'.repeat(99), 'what a failure shows is still the end');
  });

  it('E6 leaves out messages that are cut or have no end, and goes on with the next', () => {
    const lines: string[] = [];
    const progress = new Progress((line) => lines.push(line));
    progress.line('{"vertexes": 1}');
    progress.line('{"vertexes": [{}');
    for (let piece = 0; piece < 9; piece += 1) progress.line('z'.repeat(1024 * 1024));
    progress.line(JSON.stringify({ vertexes: [{ ...run, started }] }));
    assert.deepEqual(lines, ['#1 [2/2] RUN make']);
  });

  it('E6 follows no more steps than anybody has', () => {
    const progress = new Progress(() => undefined);
    const vertexes = Array.from({ length: 10_000 }, (_, index) => ({ digest: `sha256:${index}`, name: 'n', started }));
    progress.line(JSON.stringify({ vertexes }));
    assert.equal(progress.vertices.length, 2_000);
  });

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
});
