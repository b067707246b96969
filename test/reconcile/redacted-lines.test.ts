import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DiagnosedError } from '../../src/domain/errors.ts';
import type { Builder, BuildRequest, ReleaseRequest } from '../../src/ports.ts';
import { RedactedLines } from '../../src/reconcile/redacted-lines.ts';
import { redactedBuilder, redactedReleaser } from '../../src/reconcile/redacted-ports.ts';
import { createRedaction } from '../../src/redaction.ts';
import { fakeBuilder } from '../fakes/builder.ts';
import { fakeCluster } from '../fakes/cluster.ts';
import { fakeReleaser } from '../fakes/releaser.ts';

const secret = 'c0ffee17d2be5584aa01bb6e91c2d3e4f5a6b7c8d9e0f1a2b3c4d5e6f7081920';
const redaction = createRedaction({ credentials: [secret] });
const pieces: readonly string[] = secret.match(/.{1,7}/g) ?? [];

describe('E4 the log of a build is redacted while it is written', () => {
  // Wherever the credential falls between two passes.
  for (const before of [0, 80, 92, 95, 99, 100, 195, 1_000]) {
    it(`a credential that begins after ${before} lines`, () => {
      const shown: string[] = [];
      const lines = new RedactedLines(redaction, (line) => shown.push(line));
      const given = [
        ...Array.from({ length: before }, (_, index) => `#1 line ${index}`),
        ...pieces.flatMap((piece) => [`#1 ${piece}`, '#2 something else']),
        ...Array.from({ length: 300 }, (_, index) => `#1 then ${index}`),
      ];
      for (const line of given) lines.push(line);
      lines.end();
      const want = given.map((line) => (pieces.includes(line.slice(3)) ? '#1 [redacted]' : line));
      assert.deepEqual(shown, want);
    });
  }

  it('passes lines on before the end, and keeps no more than a few', () => {
    let shown = 0;
    const lines = new RedactedLines(redaction, () => (shown += 1));
    for (let index = 0; index < 10_000; index += 1) lines.push(`#1 line number ${index} of many`);
    assert.ok(shown > 9_000);
    lines.end();
    assert.equal(shown, 10_000);
  });
});

it('E4 the last lines of a failed step hold no rest of a credential that began before them', async () => {
  const failing: Builder = {
    ...fakeBuilder(),
    build(_, onLog) {
      for (const piece of pieces) onLog(`#5 ${piece}`);
      onLog('#5 the end');
      const message = `RUN curl -u me:${secret} failed`;
      return Promise.reject(
        new DiagnosedError({ reason: 'BuildFailed', message, log: [...pieces.slice(-2), 'the end'] }),
      );
    },
  };
  const shown: string[] = [];
  const build = redactedBuilder(failing, redaction).build(
    {} as BuildRequest,
    (line) => shown.push(line),
    new AbortController().signal,
  );
  await assert.rejects(build, (error) => {
    assert.ok(error instanceof DiagnosedError);
    assert.equal(error.message, 'RUN curl -u me:[redacted] failed');
    assert.deepEqual(error.diagnosis.log, ['[redacted]', '[redacted]', 'the end']);
    return true;
  });
  assert.deepEqual(shown, [...pieces.map(() => '#5 [redacted]'), '#5 the end']);
});

it('E4 handlers and Helm fail without the credentials that were in their words', async () => {
  class OutageError extends Error {
    readonly retryAt = 7;
  }
  const outage = new OutageError(`asking https://user:${secret}@host/: no answer`);
  const releaser = redactedReleaser(
    { ...fakeReleaser(fakeCluster().world), upgrade: () => Promise.reject(outage) },
    redaction,
  );
  const expected = (error: unknown) => {
    assert.ok(error instanceof OutageError && error.retryAt === 7);
    assert.equal(error.message, 'asking https://[redacted]@host/: no answer');
    return true;
  };
  await assert.rejects(releaser.upgrade({} as ReleaseRequest, new AbortController().signal), expected);
});
