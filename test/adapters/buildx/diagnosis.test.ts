import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { judge, timedOut } from '../../../src/adapters/buildx/diagnosis.ts';
import { clipped, type Vertex } from '../../../src/adapters/buildx/progress.ts';

const exit = (code: number) => `process "/bin/sh -c make" did not complete successfully: exit code: ${code}`;
const rule = '-'.repeat(20);
const at = (line: number) => [`Dockerfile:${line}`, rule, `   ${line} | >>> RUN make`, rule];
const failing = (name: string, error: string, log: readonly string[] = []): Vertex => ({
  name,
  state: 'failed',
  error,
  log,
});
const get = 'Get "https://example.com/x"';
const solve = (error: string) => `ERROR: failed to solve: ${error}`;

interface Row {
  readonly name: string;
  readonly vertices?: readonly Vertex[];
  readonly text: readonly string[];
  readonly target?: string;
  /** What follows "Building the image `web` failed in `Dockerfile`", `undefined` for an outage. */
  readonly want: string | undefined;
}

// Texts as buildx 0.13 and BuildKit 0.13 have printed them.
const rows: readonly Row[] = [
  {
    name: 'a command that exits with an error',
    vertices: [failing('[base 2/3] RUN make', exit(2), ['oops'])],
    text: [...at(7), solve(exit(2))],
    want: ' line 7: `RUN make` exited with 2',
  },
  {
    name: 'a command that was killed',
    vertices: [failing('[2/3] RUN make', exit(137))],
    text: [...at(7), solve(exit(137))],
    want: ' line 7: `RUN make` was killed, most likely for using too much memory (exit code 137)',
  },
  {
    name: 'the step that failed first, not those that were cancelled for it',
    vertices: [
      failing('[a 2/2] RUN sleep', `${exit(137)}: context canceled: context canceled`),
      failing('[b 2/2] RUN `make`', exit(1)),
    ],
    text: [...at(4), solve(exit(1))],
    want: " line 4: `RUN 'make'` exited with 1",
  },
  {
    name: 'a user that does not exist',
    vertices: [
      failing('[2/2] RUN x', 'process "x" did not complete successfully: unable to find user bob: no matching entries'),
    ],
    text: [...at(3), solve('process "x" did not complete successfully: unable to find user bob: no matching entries')],
    want: ' line 3: `RUN x`: unable to find user bob: no matching entries',
  },
  {
    name: 'a file that an earlier stage does not have, without the builder’s own paths',
    vertices: [
      failing(
        '[stage-1 2/2] COPY --from=a /x /y',
        'lstat /var/lib/docker/tmp/buildkit-mount12/x: no such file or directory',
      ),
    ],
    text: [...at(3), solve('lstat /var/lib/docker/tmp/buildkit-mount12/x: no such file or directory')],
    want: ' line 3: `COPY --from=a /x /y`: lstat /x: no such file or directory',
  },
  {
    name: 'a download that is not there, which BuildKit gives no line for',
    vertices: [failing('[2/2] ADD https://example.com/x /y', 'invalid response status 404')],
    text: [solve('failed to load cache key: invalid response status 404')],
    want: ': `ADD https://example.com/x /y`: invalid response status 404',
  },
  ...[
    ['a download that is not allowed', 'invalid response status 403', true],
    ['a download from a server that is overloaded', 'invalid response status 503', false],
    ['a download that there were too many of', 'invalid response status 429', false],
    [
      'a download from a server that is not there',
      `${get}: dial tcp 192.0.2.1:443: connect: connection refused`,
      false,
    ],
    ['a download that breaks off', `${get}: EOF`, false],
    ['a download from a name that does not exist', `${get}: dial tcp: lookup x on 192.0.2.53:53: no such host`, true],
    ['a download that cannot be trusted', `${get}: tls: failed to verify certificate: x509: unknown authority`, true],
  ].map(([name, error, isFault]) => ({
    name: String(name),
    vertices: [failing('[2/2] ADD https://example.com/x /y', String(error))],
    text: [solve(`failed to load cache key: ${String(error)}`)],
    want: isFault === true ? `: \`ADD https://example.com/x /y\`: ${String(error).replaceAll('`', "'")}` : undefined,
  })),
  {
    name: 'a daemon that has no room left',
    vertices: [failing('[2/2] COPY . .', 'failed to copy files: copy file range failed: no space left on device')],
    text: [...at(2), solve('failed to copy files: copy file range failed: no space left on device')],
    want: undefined,
  },
  {
    name: 'a command that was ended with its daemon',
    vertices: [failing('[2/2] RUN make', `${exit(137)}: context canceled: context canceled`)],
    text: [...at(2), solve(`${exit(137)}: context canceled: context canceled`)],
    want: undefined,
  },
  {
    name: 'a command that talks of outages',
    vertices: [failing('[2/2] RUN echo "context canceled"', exit(1))],
    text: [...at(2), solve(exit(1))],
    want: ' line 2: `RUN echo "context canceled"` exited with 1',
  },
  {
    name: 'a circle of stages, with all places',
    text: [...at(4), ...at(2), solve('circular dependency detected on stage: a')],
    want: ' line 4: circular dependency detected on stage: a',
  },
  {
    name: 'an unknown stage',
    text: [solve('target stage "Prod" could not be found')],
    target: 'Prod',
    want: ': it has no stage `Prod`',
  },
  {
    name: 'a known stage in another case and no other fact',
    text: [solve('no active session')],
    target: 'BASE',
    want: undefined,
  },
  {
    name: 'an image for another platform',
    vertices: [failing('[internal] load metadata for acme/base:1', 'no match for platform in manifest: not found')],
    text: [...at(1), solve('acme/base:1: no match for platform in manifest: not found')],
    want: ' line 1: the image `acme/base:1` is not made for this platform',
  },
  {
    name: 'a .dockerignore that cannot be read',
    vertices: [failing('[internal] load build context', 'invalid excludepatterns: [[]: syntax error in pattern')],
    text: [solve('invalid excludepatterns: [[]: syntax error in pattern')],
    want: ': its `.dockerignore` has a pattern that cannot be read',
  },
  {
    name: 'a registry that does not take the image',
    vertices: [failing('exporting to image', 'failed to push x: connection refused')],
    text: [solve('failed to push x: connection refused')],
    want: undefined,
  },
  {
    name: 'a base image that cannot be transferred',
    vertices: [failing('[base 1/2] FROM acme/base:1@sha256:0', 'failed to copy: unexpected EOF')],
    text: [...at(1), solve('failed to copy: unexpected EOF')],
    want: undefined,
  },
  {
    name: 'a daemon that went away',
    vertices: [{ name: '[2/2] RUN make', state: 'running', error: '', log: [] }],
    text: ['ERROR: failed to receive status: rpc error: code = Unavailable desc = error reading from server: EOF'],
    want: undefined,
  },
];

describe('judge', () => {
  for (const { name, vertices = [], text, target, want } of rows) {
    it(name, () => {
      const dockerfile = { path: 'Dockerfile', text: 'FROM scratch AS base\n' };
      const verdict = judge({ image: 'web', dockerfile, target, vertices, text });
      const message = verdict.kind === 'fault' ? verdict.diagnosis.message : undefined;
      assert.equal(
        message,
        want === undefined ? undefined : `Building the image \`web\` failed in \`Dockerfile\`${want}`,
      );
      if (verdict.kind === 'outage') assert.ok(verdict.message.length > 0);
    });
  }

  it('asks about an image that could not be read', () => {
    const error = 'acme/base:1: failed to do request: dial tcp: i/o timeout';
    const verdict = judge({
      image: 'web',
      dockerfile: { path: 'Dockerfile', text: 'FROM acme/base:1' },
      target: undefined,
      vertices: [failing('[internal] load metadata for docker.io/acme/base:1', error)],
      text: [...at(1), solve(error)],
    });
    assert.equal(verdict.kind, 'image');
    assert.equal(verdict.kind === 'image' && verdict.ref, 'docker.io/acme/base:1');
  });
});

describe('judge, of a layer that BuildKit has lost', () => {
  const lost = 'failed to stat active key during commit: snapshot 8sq does not exist: not found';
  for (const { name, vertices, text, want } of [
    {
      name: 'finds it at the end of the build',
      vertices: [failing('exporting to image', `failed to commit tdm to 8sq during finalize: ${lost}`)],
      text: [solve(`failed to commit tdm to 8sq during finalize: ${lost}`)],
      want: 'lost layer',
    },
    {
      name: 'finds it in a step, which is not the author’s fault',
      vertices: [failing('[2/2] RUN make', `failed to mount 8sq: snapshot 8sq does not exist: not found`)],
      text: [...at(2), solve('failed to mount 8sq: snapshot 8sq does not exist: not found')],
      want: 'lost layer',
    },
    {
      name: 'finds it without a step',
      vertices: [],
      text: [solve(lost)],
      want: 'lost layer',
    },
    {
      name: 'is not deceived by a command that talks of it',
      vertices: [
        failing('[2/2] RUN echo', `process "/bin/sh -c echo '${lost}'" did not complete successfully: exit code: 1`),
      ],
      text: [...at(2), solve(`process "/bin/sh -c echo '${lost}'" did not complete successfully: exit code: 1`)],
      want: 'fault',
    },
  ]) {
    it(name, () => {
      const dockerfile = { path: 'Dockerfile', text: 'FROM scratch AS base\n' };
      assert.equal(judge({ image: 'web', dockerfile, target: undefined, vertices, text }).kind, want);
    });
  }
});

describe('judge, of errors without end', () => {
  const dockerfile = { path: 'Dockerfile', text: 'FROM scratch\n' };
  for (const [what, text] of Object.entries({
    'a name': 'a'.repeat(300_000),
    spaces: ' '.repeat(300_000),
    'requests that failed': 'Get "": '.repeat(40_000),
    'paths of mounts': '/buildkit-mount'.repeat(20_000),
    'places in files': ':1'.repeat(150_000),
    instructions: '[a '.repeat(100_000),
  })) {
    it(`E6 is quick with ${what}`, () => {
      const error = `failed to calculate checksum of ref x::y: "/${text}": not found`;
      const name = clipped(`[2/2] ADD https://example.com/${text} /y`);
      const startedAt = performance.now();
      const verdict = judge({
        image: 'web',
        dockerfile,
        target: undefined,
        vertices: [failing(name, clipped(error))],
        text: [text, ...at(2), solve(error)],
      });
      assert.ok(performance.now() - startedAt < 1_000, `${performance.now() - startedAt} ms`);
      assert.ok(JSON.stringify(verdict).length < 20_000);
    });
  }
});

describe('timedOut', () => {
  it('names the step that was running, with what it said last', () => {
    const vertices: readonly Vertex[] = [
      { name: '[1/2] RUN a', state: 'done', error: '', log: [] },
      { name: '[2/2] RUN b', state: 'running', error: '', log: ['waiting'] },
      { name: '[internal] x', state: 'running', error: '', log: [] },
    ];
    assert.deepEqual(timedOut('web', 1_800_000, vertices), {
      reason: 'BuildTimedOut',
      message: 'Building the image `web` took longer than 30 minutes, during `RUN b`',
      log: ['waiting'],
    });
    assert.equal(timedOut('web', 60_000, []).message, 'Building the image `web` took longer than 1 minute');
  });
});
