/** What every `Forge` does. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { RetryLaterError } from '../../src/domain/errors.ts';
import type { PreviewKey } from '../../src/domain/preview.ts';
import type { DeploymentReport, Forge } from '../../src/ports.ts';
import { describeForgeTrustContract, type TrustStage } from './forge-trust.contract.ts';

/** What people do on the forge, and what they see there. */
interface ForgeStage extends TrustStage {
  rename(repositoryId: number, name: string): void;
  removeApp(owner: string): void;
  openPullRequest(
    repositoryId: number,
    options?: { readonly title?: string; readonly labels?: readonly string[]; readonly files?: readonly string[] },
  ): PreviewKey;
  close(key: PreviewKey): void;
  /** Closed eight days ago, and not changed since. */
  closeLongAgo(key: PreviewKey): void;
  suspend(owner: string): void;
  unsuspend(owner: string): void;
  /** An event whose webhook does not arrive. */
  loseDelivery(): Promise<void>;
  /** How many webhooks have arrived that were lost before. */
  arrivedLate(): Promise<number>;
  deleteComment(key: PreviewKey): void;
  /** Texts of the comments by the App, without the hidden first line. */
  comments(key: PreviewKey): readonly string[];
  /** Oldest first, with the newest status of each. */
  deployments(key: PreviewKey): readonly {
    readonly revision: string;
    readonly state: string;
    readonly description: string;
    readonly environmentUrl: string | undefined;
  }[];
}

export interface ForgeSubject extends AsyncDisposable {
  readonly forge: Forge;
  readonly stage: ForgeStage;
}

function reportOf(revision: string, change: Partial<DeploymentReport> = {}): DeploymentReport {
  return { revision, state: 'in_progress', description: 'Building web.', environmentUrl: undefined, ...change };
}

export function describeForgeContract(name: string, makeSubject: () => Promise<ForgeSubject>): void {
  const signal = new AbortController().signal;

  async function opened() {
    const subject = await makeSubject();
    const { id } = subject.stage.addRepository('acme', 'shop');
    const key = subject.stage.openPullRequest(id, {
      title: 'Add a basket',
      labels: ['preview'],
      files: ['web/basket.ts'],
    });
    return { ...subject, id, key, [Symbol.asyncDispose]: () => subject[Symbol.asyncDispose]() };
  }

  async function revisionOf(forge: Forge, key: PreviewKey): Promise<string> {
    return (await forge.pullRequest(key, signal))?.head.revision ?? assert.fail('no pull request');
  }

  describe(`${name}: pull requests`, () => {
    it('are read as they are', async () => {
      await using subject = await opened();
      const { forge, id, key } = subject;
      const pull = await forge.pullRequest(key, signal);
      assert.ok(pull);
      assert.deepEqual(
        {
          key: pull.key,
          state: pull.state,
          title: pull.title,
          draft: pull.draft,
          author: pull.author,
          labels: pull.labels,
        },
        { key, state: 'open', title: 'Add a basket', draft: false, author: 'mona', labels: ['preview'] },
      );
      assert.deepEqual([pull.repository.id, pull.repository.owner, pull.repository.name], [id, 'acme', 'shop']);
      assert.equal(pull.head.repositoryId, id);
      assert.equal(pull.base.branch, 'main');
      assert.match(pull.head.revision, /^[0-9a-f]{40}$/);
      assert.match(pull.url, /\/acme\/shop\/pull\/1$/);
      assert.match(pull.repository.cloneUrl, /\/acme\/shop\.git$/);
    });

    it('are undefined when there is no such thing', async () => {
      await using subject = await opened();
      assert.equal(await subject.forge.pullRequest({ repositoryId: subject.id, number: 99 }, signal), undefined);
      assert.equal(await subject.forge.pullRequest({ repositoryId: 4_711, number: 1 }, signal), undefined);
    });

    it('change with pushes and when they are closed', async () => {
      await using subject = await opened();
      const { forge, stage, key } = subject;
      const before = await revisionOf(forge, key);
      stage.push(key);
      assert.notEqual(await revisionOf(forge, key), before);
      stage.close(key);
      assert.equal((await forge.pullRequest(key, signal))?.state, 'closed');
    });

    it('B9 stay the same after their repository is renamed', async () => {
      await using subject = await opened();
      const { forge, stage, id, key } = subject;
      await forge.pullRequest(key, signal);
      stage.rename(id, 'store');
      const pull = await forge.pullRequest(key, signal);
      assert.deepEqual([pull?.repository.id, pull?.repository.name], [id, 'store']);
      await forge.writeComment(key, 'after the rename', { onlyExisting: false }, signal);
      assert.deepEqual(stage.comments(key), ['after the rename']);
    });

    it('B9 are not mixed up when another repository takes the old name', async () => {
      await using subject = await opened();
      const { forge, stage, id, key } = subject;
      await forge.pullRequest(key, signal);
      stage.rename(id, 'store');
      const other = stage.addRepository('acme', 'shop');
      const otherKey = stage.openPullRequest(other.id);
      await forge.writeComment(key, 'the first', { onlyExisting: false }, signal);
      await forge.writeComment(otherKey, 'the second', { onlyExisting: false }, signal);
      assert.deepEqual([stage.comments(key), stage.comments(otherKey)], [['the first'], ['the second']]);
    });

    it('are listed while they are open', async () => {
      await using subject = await opened();
      const { forge, stage, id, key } = subject;
      const second = stage.openPullRequest(id);
      const [repository] = await forge.repositories(signal);
      assert.ok(repository);
      const numbers = async () =>
        (await forge.openPullRequests(repository, signal)).map((pull) => pull.key.number).sort((a, b) => a - b);
      assert.deepEqual(await numbers(), [key.number, second.number]);
      stage.close(key);
      assert.deepEqual(await numbers(), [second.number]);
    });

    it('are listed for a week after they were closed, the last one first', async () => {
      await using subject = await opened();
      const { forge, stage, id, key } = subject;
      const [second, third] = [stage.openPullRequest(id), stage.openPullRequest(id)];
      stage.openPullRequest(id);
      const [repository] = await forge.repositories(signal);
      assert.ok(repository);
      assert.deepEqual(await forge.recentlyClosed(repository, signal), []);
      stage.closeLongAgo(third);
      stage.close(second);
      stage.close(key);
      const closed = await forge.recentlyClosed(repository, signal);
      assert.deepEqual(closed.map((pull) => pull.key.number).sort(), [key.number, second.number]);
      assert.deepEqual(
        closed.map(({ state }) => state),
        ['closed', 'closed'],
      );
    });

    it('are all listed when there are many', async () => {
      await using subject = await opened();
      const { forge, stage, id } = subject;
      for (let count = 0; count < 104; count += 1) stage.openPullRequest(id);
      const [repository] = await forge.repositories(signal);
      assert.ok(repository);
      const listed = await forge.openPullRequests(repository, signal);
      assert.equal(new Set(listed.map((pull) => pull.key.number)).size, 105);
    });

    it('say which files they change', async () => {
      await using subject = await opened();
      assert.deepEqual(await subject.forge.changedFiles(subject.key, signal), ['web/basket.ts']);
    });
  });

  describe(`${name}: repositories`, () => {
    it('are those that the app is installed on', async () => {
      await using subject = await opened();
      const { forge, stage } = subject;
      stage.addRepository('other', 'api');
      const names = async () => (await forge.repositories(signal)).map(({ owner, name }) => `${owner}/${name}`).sort();
      assert.deepEqual(await names(), ['acme/shop', 'other/api']);
      stage.removeApp('acme');
      assert.deepEqual(await names(), ['other/api']);
    });

    it('B10 out of reach: their pull requests are too, nothing is written, and others go on', async () => {
      await using subject = await opened();
      const { forge, stage, key } = subject;
      const otherKey = stage.openPullRequest(stage.addRepository('other', 'api').id);
      await forge.pullRequest(key, signal);
      stage.removeApp('acme');
      assert.equal(await forge.pullRequest(key, signal), undefined);
      await forge.writeComment(key, 'unheard', { onlyExisting: false }, signal);
      await forge.retireDeployments(key, signal);
      await assert.rejects(forge.cloneToken(subject.id, signal));
      await forge.writeComment(otherKey, 'heard', { onlyExisting: false }, signal);
      assert.deepEqual(stage.comments(otherKey), ['heard']);
    });

    it('B10 suspended: asked for later, since nothing says that they are gone; others go on', async () => {
      await using subject = await opened();
      const { forge, stage, key } = subject;
      const otherKey = stage.openPullRequest(stage.addRepository('other', 'api').id);
      await forge.writeComment(key, 'before', { onlyExisting: false }, signal);
      await forge.writeDeployment(key, reportOf(await revisionOf(forge, key), { state: 'success' }), signal);
      stage.suspend('acme');
      const isLater = (error: unknown) => {
        assert.ok(error instanceof RetryLaterError, String(error));
        assert.match(error.message, /acme.*suspended/);
        const waitMs = error.retryAt - Date.now();
        assert.ok(waitMs > 10 * 60_000 && waitMs < 20 * 60_000, String(waitMs));
        return true;
      };
      await assert.rejects(forge.pullRequest(key, signal), isLater);
      await assert.rejects(forge.writeComment(key, 'meanwhile', { onlyExisting: false }, signal), isLater);
      await assert.rejects(forge.retireDeployments(key, signal), isLater);
      await assert.rejects(forge.cloneToken(subject.id, signal), isLater);
      assert.deepEqual(
        (await forge.repositories(signal)).map(({ owner }) => owner),
        ['other'],
      );
      assert.equal((await forge.pullRequest(otherKey, signal))?.state, 'open');
      stage.unsuspend('acme');
      assert.equal((await forge.pullRequest(key, signal))?.state, 'open');
      await forge.writeComment(key, 'after', { onlyExisting: false }, signal);
      assert.deepEqual(stage.comments(key), ['after']);
      assert.deepEqual(
        stage.deployments(key).map(({ state }) => state),
        ['success'],
      );
    });

    it('give a token to clone with', async () => {
      await using subject = await opened();
      assert.ok((await subject.forge.cloneToken(subject.id, signal)).length > 10);
    });
  });

  describe(`${name}: the comment`, () => {
    it('is one, edited in place, and written only when its text differs', async () => {
      await using subject = await opened();
      const { forge, stage, key } = subject;
      for (const body of ['building', 'building', 'ready', 'ready'])
        await forge.writeComment(key, body, { onlyExisting: false }, signal);
      assert.deepEqual(stage.comments(key), ['ready']);
      assert.equal(stage.writes, 2);
    });

    it('is not created when only an existing one is to be changed', async () => {
      await using subject = await opened();
      const { forge, stage, key } = subject;
      await forge.writeComment(key, 'removed', { onlyExisting: true }, signal);
      assert.deepEqual(stage.comments(key), []);
      await forge.writeComment(key, 'building', { onlyExisting: false }, signal);
      await forge.writeComment(key, 'removed', { onlyExisting: true }, signal);
      assert.deepEqual(stage.comments(key), ['removed']);
    });

    it('C7 comes back once when a person has deleted it', async () => {
      await using subject = await opened();
      const { forge, stage, key } = subject;
      await forge.writeComment(key, 'building', { onlyExisting: false }, signal);
      stage.deleteComment(key);
      await forge.writeComment(key, 'ready', { onlyExisting: false }, signal);
      await forge.writeComment(key, 'ready', { onlyExisting: false }, signal);
      assert.deepEqual(stage.comments(key), ['ready']);
    });

    it('C7 comes back though its text has not changed', async () => {
      await using subject = await opened();
      const { forge, stage, key } = subject;
      await forge.writeComment(key, 'ready', { onlyExisting: false }, signal);
      stage.deleteComment(key);
      await forge.writeComment(key, 'ready', { onlyExisting: false }, signal);
      await forge.writeComment(key, 'ready', { onlyExisting: false }, signal);
      assert.deepEqual(stage.comments(key), ['ready']);
    });

    it('does not come back when only an existing one is to be changed', async () => {
      await using subject = await opened();
      const { forge, stage, key } = subject;
      await forge.writeComment(key, 'building', { onlyExisting: false }, signal);
      stage.deleteComment(key);
      await forge.writeComment(key, 'removed', { onlyExisting: true }, signal);
      assert.deepEqual(stage.comments(key), []);
    });
  });

  describe(`${name}: deployments`, () => {
    const url = 'https://pr-1-shop.preview.test';

    it('are one for each revision, with statuses written only when they differ', async () => {
      await using subject = await opened();
      const { forge, stage, key } = subject;
      const revision = await revisionOf(forge, key);
      for (const state of ['in_progress', 'in_progress', 'success', 'success'] as const) {
        await forge.writeDeployment(key, reportOf(revision, { state, environmentUrl: url }), signal);
      }
      assert.deepEqual(stage.deployments(key), [
        { revision, state: 'success', description: 'Building web.', environmentUrl: url },
      ]);
      assert.equal(stage.writes, 3);
    });

    it('of other revisions are inactive', async () => {
      await using subject = await opened();
      const { forge, stage, key } = subject;
      const first = await revisionOf(forge, key);
      await forge.writeDeployment(key, reportOf(first, { state: 'success' }), signal);
      stage.push(key);
      const second = await revisionOf(forge, key);
      await forge.writeDeployment(key, reportOf(second), signal);
      const states = () => stage.deployments(key).map(({ revision, state }) => [revision, state]);
      assert.deepEqual(states(), [
        [first, 'inactive'],
        [second, 'in_progress'],
      ]);
      // B11: force-pushed back.
      await forge.writeDeployment(key, reportOf(first, { state: 'success' }), signal);
      assert.deepEqual(states(), [
        [first, 'success'],
        [second, 'inactive'],
      ]);
    });

    it('of other pull requests are left alone', async () => {
      await using subject = await opened();
      const { forge, stage, id, key } = subject;
      const otherKey = stage.openPullRequest(id);
      await forge.writeDeployment(otherKey, reportOf(await revisionOf(forge, otherKey), { state: 'success' }), signal);
      await forge.writeDeployment(key, reportOf(await revisionOf(forge, key), { state: 'success' }), signal);
      await forge.retireDeployments(key, signal);
      assert.deepEqual(
        stage.deployments(otherKey).map(({ state }) => state),
        ['success'],
      );
      assert.deepEqual(
        stage.deployments(key).map(({ state }) => state),
        ['inactive'],
      );
    });

    it('are retired once, and active again when the preview is back', async () => {
      await using subject = await opened();
      const { forge, stage, key } = subject;
      const revision = await revisionOf(forge, key);
      await forge.writeDeployment(key, reportOf(revision), signal);
      assert.equal(await forge.retireDeployments(key, signal), 1);
      const { writes } = stage;
      assert.equal(await forge.retireDeployments(key, signal), 0);
      assert.equal(stage.writes, writes);
      await forge.writeDeployment(key, reportOf(revision), signal);
      assert.deepEqual(
        stage.deployments(key).map(({ state }) => state),
        ['in_progress'],
      );
    });
  });

  describe(`${name}: what was missed`, () => {
    it('deployments tell which pull requests they are about, each once', async () => {
      await using subject = await opened();
      const { forge, stage, id, key } = subject;
      const second = stage.openPullRequest(id);
      stage.openPullRequest(id);
      const [repository] = await forge.repositories(signal);
      assert.ok(repository);
      assert.deepEqual(await forge.deployedPullRequests(repository, signal), []);
      await forge.writeDeployment(key, reportOf(await revisionOf(forge, key)), signal);
      stage.push(key);
      await forge.writeDeployment(key, reportOf(await revisionOf(forge, key)), signal);
      await forge.writeDeployment(second, reportOf(await revisionOf(forge, second)), signal);
      await forge.retireDeployments(second, signal);
      const deployed = await forge.deployedPullRequests(repository, signal);
      assert.deepEqual(
        deployed.toSorted((a, b) => a.number - b.number),
        [key, second],
      );
    });

    it('B5 webhooks that did not arrive are sent again, once', async () => {
      await using subject = await opened();
      const { forge, stage } = subject;
      await stage.loseDelivery();
      await stage.loseDelivery();
      const { redelivered, seenUntil } = await forge.redeliver(0, signal);
      assert.equal(redelivered, 2);
      assert.equal(await stage.arrivedLate(), 2);
      assert.ok(seenUntil > 0 && seenUntil <= Date.now());
      assert.equal((await forge.redeliver(seenUntil, signal)).redelivered, 0);
      assert.equal(await stage.arrivedLate(), 2);
    });

    it('webhooks of before are left alone', async () => {
      await using subject = await opened();
      const { forge, stage } = subject;
      await stage.loseDelivery();
      const since = Date.now() + 60_000;
      assert.deepEqual(await forge.redeliver(since, signal), { redelivered: 0, seenUntil: since });
    });
  });

  describe(`${name}: aborted calls`, () => {
    it('reject with the reason', async () => {
      await using subject = await opened();
      const { forge, id, key } = subject;
      const reason = new Error('superseded');
      const aborted = AbortSignal.abort(reason);
      const isReason = (error: unknown) => error === reason;
      await assert.rejects(forge.pullRequest(key, aborted), isReason);
      await assert.rejects(forge.repositories(aborted), isReason);
      await assert.rejects(forge.cloneToken(id, aborted), isReason);
      await assert.rejects(forge.writeComment(key, 'x', { onlyExisting: false }, aborted), isReason);
      await assert.rejects(forge.retireDeployments(key, aborted), isReason);
      await assert.rejects(forge.redeliver(0, aborted), isReason);
      const [repository] = await forge.repositories(signal);
      assert.ok(repository);
      await assert.rejects(forge.recentlyClosed(repository, aborted), isReason);
      await assert.rejects(forge.deployedPullRequests(repository, aborted), isReason);
    });
  });

  describeForgeTrustContract(name, makeSubject);
}
