import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { FencedError } from '../../src/domain/errors.ts';
import type { Phase, Status } from '../../src/domain/status.ts';
import type { Store } from '../../src/ports.ts';
import { type Reporter, reporterFor } from '../../src/reconcile/reporter.ts';
import { createRedaction } from '../../src/redaction.ts';
import { statusOf } from '../domain/status-sample.ts';
import { fakeClock } from '../fakes/clock.ts';
import { type FakeForge, fakeForge } from '../fakes/forge.ts';
import { fakeStore } from '../fakes/store.ts';
import { closedGate, type Gate } from './gate.ts';

const { signal } = new AbortController();
const secret = 'c0ffee17d2be5584aa01bb6e91c2d3e4';

describe('reporterFor', () => {
  let forge: FakeForge;
  let gate: Gate;
  let written: string[];
  let mayWrite: () => Promise<void>;
  let reporter: Reporter;
  let store: Store;
  let status: (phase: Phase, change?: Partial<Status>) => Status;

  beforeEach(() => {
    forge = fakeForge();
    store = fakeStore(fakeClock());
    gate = closedGate();
    written = [];
    mayWrite = () => Promise.resolve();
    const { key } = forge.people.openPullRequest(forge.people.addRepository('acme', 'shop').id);
    status = (phase, change = {}) => statusOf({ key, phase, message: `It is ${phase}.`, ...change });
    const slow: FakeForge = {
      ...forge,
      async writeComment(...comment) {
        await gate.pass(comment[3]);
        written.push(comment[1]);
        return forge.writeComment(...comment);
      },
    };
    reporter = reporterFor(
      { forge: slow, store, redaction: createRedaction({ credentials: [secret] }) },
      { name: 'pr-1', mayWrite: () => mayWrite(), reclaimed: () => undefined },
      signal,
    );
  });

  it('E4 saves, comments and deploys nothing that holds a credential', async () => {
    const log = ['first', secret.slice(0, 15), secret.slice(15), 'last'];
    const places = [{ path: secret, line: 1, column: 1, message: btoa(`user:${secret}`) }];
    const diagnosis = { reason: 'BuildFailed' as const, message: `curl ?token=${secret}`, log, places };
    const failed = status('Failed', { diagnosis, revision: 'a'.repeat(40), message: secret });
    gate.open();
    reporter.report(failed);
    await reporter.flush();
    const saved = await store.status('pr-1');
    assert.deepEqual(saved?.diagnosis?.log, ['first', '[redacted]', '[redacted]', 'last']);
    const told = JSON.stringify([saved, written, forge.writes]);
    assert.doesNotMatch(told, /c0ffee1|91c2d3e4|YzBmZmVl/);
    assert.match(written.join(), /\[redacted\\\]/);
  });

  it('writes only the newest of what came while the forge took its time, and the last for sure', async () => {
    reporter.report(status('Building'));
    await setImmediate();
    reporter.report(status('Deploying'));
    reporter.report(status('Failed'));
    reporter.report(status('Ready'));
    gate.open();
    await reporter.flush();
    assert.deepEqual(
      written.map((text) => /Building|Deploying|Failed|Running|Open/.exec(text)?.[0]),
      ['Building', 'Open'],
    );
  });

  it('has nothing to flush before the first report, and writes what comes after a flush', async () => {
    gate.open();
    await reporter.flush();
    reporter.report(status('Building'));
    await reporter.flush();
    reporter.report(status('Ready'));
    await reporter.flush();
    assert.equal(written.length, 2);
  });

  it('forgets a failure that a later report has made up for', async () => {
    gate.open();
    forge.fail(new Error('502'));
    reporter.report(status('Building'));
    await assert.rejects(reporter.flush(), /502/);
    forge.fail();
    reporter.report(status('Ready'));
    await reporter.flush();
  });

  it('F2 writes nothing once another worker has taken over', async () => {
    reporter.report(status('Building'));
    await setImmediate();
    mayWrite = () => Promise.reject(new FencedError('taken over'));
    reporter.report(status('Ready'));
    gate.open();
    await assert.rejects(reporter.flush(), FencedError);
    assert.equal(written.length, 1);
  });

  it('F2 fails when another worker has taken over while it was writing', async () => {
    reporter.report(status('Failed'));
    await setImmediate();
    mayWrite = () => Promise.reject(new FencedError('taken over'));
    gate.open();
    await assert.rejects(reporter.flush(), FencedError);
  });

  const rows: { phase: Phase; want: string | undefined }[] = [
    { phase: 'Building', want: 'in_progress' },
    { phase: 'Deploying', want: 'in_progress' },
    { phase: 'Ready', want: 'success' },
    { phase: 'Failed', want: 'failure' },
    { phase: 'Held', want: undefined },
    { phase: 'Removing', want: undefined },
  ];
  for (const { phase, want } of rows) {
    it(`${phase} makes ${want === undefined ? 'no deployment' : `the deployment ${want}`}`, async () => {
      gate.open();
      const { key } = status(phase);
      reporter.report(status(phase));
      await reporter.flush();
      assert.equal(forge.deployments(key).at(-1)?.state, want);
    });
  }

  it('Removed makes every deployment inactive and no comment where there is none', async () => {
    gate.open();
    const { key } = status('Ready');
    reporter.report(status('Ready'));
    await reporter.flush();
    forge.people.deleteComment(key);
    reporter.report(status('Removed', { revision: undefined }));
    await reporter.flush();
    assert.equal(forge.deployments(key).at(-1)?.state, 'inactive');
    assert.equal(forge.comment(key), undefined);
  });
});
