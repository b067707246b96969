import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { DiagnosedError } from '../../src/domain/errors.ts';
import type { ReleaseState } from '../../src/domain/preview.ts';
import type { Releaser, ReleaseRequest } from '../../src/ports.ts';

/** What a chart does; the subject has one of each. */
export type ChartKind =
  | 'good'
  /** Its templates cannot be rendered. */
  | 'broken'
  /** Has a hook that runs before an upgrade or an installation, and does not end. */
  | 'hanging hook'
  /** Has a hook that fails before an upgrade or an installation. */
  | 'failing hook'
  /** Has a hook that runs before the removal, and does not end. */
  | 'hanging delete hook';

export interface ReleaserSubject extends AsyncDisposable {
  readonly releaser: Releaser;
  readonly namespace: string;
  request(kind: ChartKind): Promise<ReleaseRequest>;
  /** As the cluster tells it. */
  state(): Promise<ReleaseState['state']>;
  /** Resolves when the release is in this state. */
  reaches(state: ReleaseState['state']): Promise<void>;
  /** Leaves the release as a Helm does that is killed in the middle. */
  kill(during: 'install' | 'upgrade' | 'rollback'): Promise<void>;
}

async function reasonOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    if (error instanceof DiagnosedError) return error.diagnosis.reason;
    throw error;
  }
  throw new assert.AssertionError({ message: 'it did not fail' });
}

export function describeReleaserContract(name: string, makeSubject: () => Promise<ReleaserSubject>): void {
  describe(`Releaser: ${name}`, { timeout: 300_000 }, () => {
    const { signal } = new AbortController();
    let subject: ReleaserSubject;
    beforeEach(async () => {
      subject = await makeSubject();
    });
    afterEach(() => subject[Symbol.asyncDispose]());

    const upgrade = async (kind: ChartKind) => subject.releaser.upgrade(await subject.request(kind), signal);

    it('installs, then upgrades', async () => {
      assert.deepEqual(await upgrade('good'), { version: 1, hasDeleteHooks: false });
      assert.deepEqual(await upgrade('good'), { version: 2, hasDeleteHooks: false });
      assert.equal(await subject.state(), 'deployed');
    });

    it('says that a chart has delete hooks', async () => {
      assert.equal((await upgrade('hanging delete hook')).hasDeleteHooks, true);
    });

    it('leaves nothing of a chart that cannot be rendered', async () => {
      assert.equal(await reasonOf(upgrade('broken')), 'ChartInvalid');
      assert.equal(await subject.state(), 'absent');
    });

    it('keeps the last good release when an upgrade fails, and upgrades again afterwards', async () => {
      await upgrade('good');
      assert.equal(await reasonOf(upgrade('broken')), 'ChartInvalid');
      assert.equal(await subject.state(), 'deployed');
      assert.equal(await reasonOf(upgrade('failing hook')), 'HookFailed');
      await upgrade('good');
      assert.equal(await subject.state(), 'deployed');
    });

    it('G7 says that a hook failed', async () => {
      assert.equal(await reasonOf(upgrade('failing hook')), 'HookFailed');
      assert.equal(await subject.state(), 'interrupted');
    });

    it('F7 ends Helm when it is aborted, and the next upgrade works', async () => {
      await upgrade('good');
      const newer = new Error('newer revision');
      const abort = new AbortController();
      const upgrading = subject.releaser.upgrade(await subject.request('hanging hook'), abort.signal);
      upgrading.catch(() => undefined);
      await subject.reaches('pending');
      abort.abort(newer);
      await assert.rejects(upgrading, newer);
      assert.equal(await subject.state(), 'interrupted');
      await upgrade('good');
      assert.equal(await subject.state(), 'deployed');
    });

    it('does not start when it is aborted already', async () => {
      const reason = new Error('closed');
      await assert.rejects(subject.releaser.upgrade(await subject.request('good'), AbortSignal.abort(reason)), reason);
      assert.equal(await subject.state(), 'absent');
    });

    for (const during of ['install', 'upgrade', 'rollback'] as const) {
      it(`G1 recovers a release that was killed during its ${during}`, async () => {
        await subject.kill(during);
        assert.equal(await subject.state(), 'pending');
        await assert.rejects(upgrade('good'), (error) => !(error instanceof DiagnosedError));
        await subject.releaser.unlock(subject.namespace, signal);
        assert.notEqual(await subject.state(), 'pending');
        await upgrade('good');
        assert.equal(await subject.state(), 'deployed');
        // Unlocking what is not locked changes nothing.
        await subject.releaser.unlock(subject.namespace, signal);
        assert.equal(await subject.state(), 'deployed');
      });
    }

    it('unlocks and uninstalls where there is no release', async () => {
      await subject.releaser.unlock(subject.namespace, signal);
      await subject.releaser.uninstall(subject.namespace, 10_000, signal);
      assert.equal(await subject.state(), 'absent');
    });

    it('uninstalls', async () => {
      await upgrade('good');
      await subject.releaser.uninstall(subject.namespace, 10_000, signal);
      assert.equal(await subject.state(), 'absent');
    });

    it('G10 comes back from an uninstall hook that hangs', async () => {
      await upgrade('hanging delete hook');
      await subject.releaser.uninstall(subject.namespace, 2_000, signal);
    });
  });
}
