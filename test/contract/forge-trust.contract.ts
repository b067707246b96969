/** What every `Forge` tells about whom to trust. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { PreviewKey, Repository } from '../../src/domain/preview.ts';
import type { Approval, Forge } from '../../src/ports.ts';

/** What people may, say and push. */
export interface TrustStage {
  addRepository(owner: string, name: string): Pick<Repository, 'id'>;
  openPullRequest(repositoryId: number): PreviewKey;
  push(key: PreviewKey): void;
  setRole(repositoryId: number, login: string, role: 'admin' | 'maintain' | 'write' | 'triage' | 'read'): void;
  /** GitHub does not tell any more what anybody may. */
  failRights(): void;
  /** Makes the branch, or moves its tip, which is returned. */
  pushBranch(repositoryId: number, branch: string): string;
  deleteBranch(repositoryId: number, branch: string): void;
  /** @returns what `editComment` knows it by. */
  comment(key: PreviewKey, author: string, body: string): string | number;
  /** Some seconds later. */
  editComment(key: PreviewKey, comment: string | number, body: string): void;
  readonly writes: number;
}

export interface TrustSubject extends AsyncDisposable {
  readonly forge: Forge;
  readonly stage: TrustStage;
}

export function describeForgeTrustContract(name: string, makeSubject: () => Promise<TrustSubject>): void {
  const signal = new AbortController().signal;

  async function opened() {
    const subject = await makeSubject();
    const { id } = subject.stage.addRepository('acme', 'shop');
    const key = subject.stage.openPullRequest(id);
    return { ...subject, id, key, [Symbol.asyncDispose]: () => subject[Symbol.asyncDispose]() };
  }

  async function headOf(forge: Forge, key: PreviewKey): Promise<string> {
    return (await forge.pullRequest(key, signal))?.head.revision ?? assert.fail('no pull request');
  }

  async function bodies(forge: Forge, key: PreviewKey): Promise<readonly string[]> {
    return (await forge.commandComments(key, signal)).map(({ body }) => body);
  }

  function given(revision: string, by = 'mona', comment = 1): Approval {
    return { revision, by, url: `https://github.test/acme/shop/pull/1#issuecomment-${comment}` };
  }

  describe(`${name}: rights`, () => {
    for (const [role, want] of [
      ['admin', true],
      ['maintain', true],
      ['write', true],
      ['triage', false],
      ['read', false],
    ] as const) {
      it(`${role}: ${want ? 'may' : 'may not'} write`, async () => {
        await using subject = await opened();
        subject.stage.setRole(subject.id, 'robin', role);
        assert.equal(await subject.forge.mayWrite(subject.id, 'robin', signal), want);
      });
    }

    it('are none of somebody whom nobody knows, and of names that are no logins', async () => {
      await using subject = await opened();
      subject.stage.setRole(subject.id, 'robin', 'admin');
      for (const login of ['nobody-at-all', '', '.', '..', 'robin/../robin', 'robin?', 'robin#', '%72obin', 'ro bin'])
        assert.equal(await subject.forge.mayWrite(subject.id, login, signal), false, login);
    });

    it('D7 are asked for every time', async () => {
      await using subject = await opened();
      const { forge, stage, id } = subject;
      stage.setRole(id, 'robin', 'write');
      assert.equal(await forge.mayWrite(id, 'robin', signal), true);
      stage.setRole(id, 'robin', 'read');
      assert.equal(await forge.mayWrite(id, 'robin', signal), false);
    });

    it('D2 are not guessed when the forge does not tell', async () => {
      await using subject = await opened();
      const { forge, stage, id } = subject;
      stage.setRole(id, 'robin', 'admin');
      assert.equal(await forge.mayWrite(id, 'robin', signal), true);
      stage.failRights();
      await assert.rejects(forge.mayWrite(id, 'robin', signal));
      await assert.rejects(forge.mayWrite(4_711, 'robin', signal));
    });
  });

  describe(`${name}: branches`, () => {
    it('are where they are', async () => {
      await using subject = await opened();
      const { forge, stage, id } = subject;
      const [repository] = await forge.repositories(signal);
      assert.ok(repository);
      assert.match((await forge.branchRevision(repository, 'main', signal)) ?? '', /^[0-9a-f]{40}$/);
      const first = stage.pushBranch(id, 'release');
      assert.equal(await forge.branchRevision(repository, 'release', signal), first);
      const second = stage.pushBranch(id, 'release');
      assert.equal(await forge.branchRevision(repository, 'release', signal), second);
      stage.deleteBranch(id, 'release');
      assert.equal(await forge.branchRevision(repository, 'release', signal), undefined);
    });

    it('E1 may have any name', async () => {
      await using subject = await opened();
      const { forge, stage, id } = subject;
      const [repository] = await forge.repositories(signal);
      assert.ok(repository);
      for (const branch of [
        'feature/a/b',
        '100%',
        '%2e%2e',
        'a#b',
        'ünï-🚢',
        'a&b=c',
        '$(id)',
        '--upload-pack=x',
        "it's",
      ]) {
        const tip = stage.pushBranch(id, branch);
        assert.equal(await forge.branchRevision(repository, branch, signal), tip, branch);
      }
      for (const branch of ['feature/a', 'feature', '', '..', '../heads/main', 'main?x', 'main/'])
        assert.equal(await forge.branchRevision(repository, branch, signal), undefined, branch);
    });
  });

  describe(`${name}: approvals`, () => {
    it('are remembered for exactly one revision of one pull request', async () => {
      await using subject = await opened();
      const { forge, stage, id, key } = subject;
      const otherKey = stage.openPullRequest(id);
      const revision = await headOf(forge, key);
      assert.equal(await forge.approval(key, revision, signal), undefined);
      await forge.recordApproval(key, given(revision), signal);
      assert.deepEqual(await forge.approval(key, revision, signal), given(revision));
      assert.equal(await forge.approval(otherKey, revision, signal), undefined);
      stage.push(key);
      assert.equal(await forge.approval(key, await headOf(forge, key), signal), undefined);
      assert.deepEqual(await forge.approval(key, revision, signal), given(revision));
    });

    it('are written once, and again when somebody else gives them', async () => {
      await using subject = await opened();
      const { forge, stage, key } = subject;
      const revision = await headOf(forge, key);
      await forge.recordApproval(key, given(revision), signal);
      await forge.recordApproval(key, given(revision), signal);
      assert.equal(stage.writes, 1);
      await forge.recordApproval(key, given(revision, 'robin', 2), signal);
      assert.deepEqual(await forge.approval(key, revision, signal), given(revision, 'robin', 2));
      assert.equal(stage.writes, 2);
    });

    it('are none for a revision that nobody knows', async () => {
      await using subject = await opened();
      assert.equal(await subject.forge.approval(subject.key, '0'.repeat(40), signal), undefined);
    });
  });

  describe(`${name}: commands`, () => {
    it('are the comments that mention us, oldest first, with their authors', async () => {
      await using subject = await opened();
      const { forge, stage, key } = subject;
      assert.deepEqual(await forge.commandComments(key, signal), []);
      stage.comment(key, 'robin', '/preview approve 0123456');
      stage.comment(key, 'mona', 'Looks good.');
      stage.comment(key, 'mona', 'Is `/Preview` not enough?');
      const comments = await forge.commandComments(key, signal);
      assert.deepEqual(
        comments.map(({ author, body, isEdited }) => ({ author, body, isEdited })),
        [
          { author: 'robin', body: '/preview approve 0123456', isEdited: false },
          { author: 'mona', body: 'Is `/Preview` not enough?', isEdited: false },
        ],
      );
      const [first, second] = comments.map(({ url }) => url);
      assert.match(first ?? '', /\/acme\/shop\/pull\/1#issuecomment-\d+$/);
      assert.notEqual(first, second);
    });

    it('D6 say that they were edited', async () => {
      await using subject = await opened();
      const { forge, stage, key } = subject;
      const comment = stage.comment(key, 'robin', 'Looks good.');
      stage.comment(key, 'robin', '/preview approve');
      assert.deepEqual(await bodies(forge, key), ['/preview approve']);
      stage.editComment(key, comment, '/preview approve 0123456');
      const edited = (await forge.commandComments(key, signal)).map(({ body, isEdited }) => [body, isEdited]);
      assert.deepEqual(edited, [
        ['/preview approve 0123456', true],
        ['/preview approve', false],
      ]);
    });

    it('are none of our own', async () => {
      await using subject = await opened();
      const { forge, key } = subject;
      await forge.writeComment(key, 'Write `/preview approve`.', { onlyExisting: false }, signal);
      assert.deepEqual(await forge.commandComments(key, signal), []);
    });

    it('are found among the newest 300 comments, however many there are', async () => {
      await using subject = await opened();
      const { forge, stage, key } = subject;
      const say = (count: number, body: string) => {
        for (let number = 0; number < count; number += 1) stage.comment(key, 'stranger', body);
      };
      stage.comment(key, 'robin', '/preview first');
      say(99, 'noise');
      assert.deepEqual(await bodies(forge, key), ['/preview first']);
      // The page before has not changed by it.
      stage.comment(key, 'robin', '/preview second');
      assert.deepEqual(await bodies(forge, key), ['/preview first', '/preview second']);
      say(198, 'noise');
      stage.comment(key, 'robin', '/preview third');
      assert.deepEqual(await bodies(forge, key), ['/preview first', '/preview second', '/preview third']);
      stage.comment(key, 'robin', '/preview fourth');
      assert.deepEqual(await bodies(forge, key), ['/preview second', '/preview third', '/preview fourth']);
      say(299, '/preview');
      assert.deepEqual(await bodies(forge, key), ['/preview fourth', ...Array<string>(299).fill('/preview')]);
    });
  });

  describe(`${name}: aborted questions of trust`, () => {
    it('reject with the reason', async () => {
      await using subject = await opened();
      const { forge, id, key } = subject;
      const reason = new Error('superseded');
      const aborted = AbortSignal.abort(reason);
      const isReason = (error: unknown) => error === reason;
      const revision = await headOf(forge, key);
      const [repository] = await forge.repositories(signal);
      assert.ok(repository);
      await assert.rejects(forge.branchRevision(repository, 'main', aborted), isReason);
      await assert.rejects(forge.mayWrite(id, 'robin', aborted), isReason);
      await assert.rejects(forge.approval(key, revision, aborted), isReason);
      await assert.rejects(forge.recordApproval(key, given(revision), aborted), isReason);
      await assert.rejects(forge.commandComments(key, aborted), isReason);
    });
  });
}
