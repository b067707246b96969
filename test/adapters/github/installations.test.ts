import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { always, opened, openPullRequest, retryAt, signal, texts } from './opened.ts';

describe('an installation on an account that is not served', () => {
  it('reaches nothing, whatever is asked for', async () => {
    await using subject = await opened();
    const { github, key, id } = subject;
    const otherId = github.simulator.createRepository({ owner: 'Other', name: 'api' }).id;
    const otherKey = openPullRequest(github, otherId);
    const forge = github.forge({ accounts: ['other'] });
    // Asked one by one before there is any list, and after it.
    assert.equal(await forge.pullRequest(key, signal), undefined);
    assert.deepEqual(
      (await forge.repositories(signal)).map((repository) => repository.id),
      [otherId],
    );
    assert.equal(await forge.pullRequest(key, signal), undefined);
    await forge.writeComment(key, 'text', always, signal);
    assert.equal(await forge.retireDeployments(key, signal), 0);
    assert.deepEqual(await forge.commandComments(key, signal), []);
    await assert.rejects(forge.cloneToken(id, signal), /not within reach/);
    assert.deepEqual(texts(github, key), []);
    assert.equal((await forge.pullRequest(otherKey, signal))?.state, 'open');
  });

  it('is not waited for when it is suspended', async () => {
    await using subject = await opened();
    const { github, key } = subject;
    github.simulator.suspendInstallation('acme');
    assert.equal(await github.forge({ accounts: ['other'] }).pullRequest(key, signal), undefined);
  });

  it('has no tokens made for it', async () => {
    await using subject = await opened();
    const { github, key } = subject;
    await github.forge({ accounts: ['other'] }).pullRequest(key, signal);
    assert.ok(!github.requests().includes('POST apps/create-installation-access-token'));
  });
});

describe('an installation', () => {
  it('B10 that is suspended postpones, also after a restart, and is back when it is not', async () => {
    await using subject = await opened();
    const { github, key } = subject;
    const before = github.forge();
    await before.pullRequest(key, signal);
    github.simulator.suspendInstallation('acme');
    for (const forge of [before, github.forge()]) {
      assert.deepEqual(await forge.repositories(signal), []);
      const at = await retryAt(forge.pullRequest(key, signal));
      assert.ok(Math.abs(at - Date.now() - 15 * 60_000) < 5_000, String(at));
      await assert.rejects(forge.pullRequest(key, signal), /on acme is suspended/);
    }
    github.simulator.unsuspendInstallation('acme');
    assert.equal((await before.pullRequest(key, signal))?.state, 'open');
  });

  it('B10 that is suspended between two requests postpones', async () => {
    await using subject = await opened();
    const { github, key } = subject;
    const forge = github.forge();
    await forge.writeComment(key, 'one', always, signal);
    github.simulator.suspendInstallation('acme');
    await retryAt(forge.writeComment(key, 'two', always, signal));
    await retryAt(forge.retireDeployments(key, signal));
    github.simulator.unsuspendInstallation('acme');
    await forge.writeComment(key, 'two', always, signal);
    assert.deepEqual(texts(github, key), ['two']);
  });

  it('B10 that is suspended does not hide that another was uninstalled', async () => {
    await using subject = await opened();
    const { github, key } = subject;
    const otherKey = openPullRequest(github, github.simulator.createRepository({ owner: 'other', name: 'api' }).id);
    const forges = [github.forge(), github.forge()];
    await forges[0]?.pullRequest(otherKey, signal);
    github.simulator.suspendInstallation('acme');
    github.simulator.uninstall('other');
    for (const forge of forges) {
      assert.equal(await forge.pullRequest(otherKey, signal), undefined);
      await retryAt(forge.pullRequest(key, signal));
    }
  });

  it('B10 that is suspended and then uninstalled reaches nothing', async () => {
    await using subject = await opened();
    const { github, key } = subject;
    const forge = github.forge();
    github.simulator.suspendInstallation('acme');
    await retryAt(forge.pullRequest(key, signal));
    github.simulator.uninstall('acme');
    assert.equal(await forge.pullRequest(key, signal), undefined);
  });

  for (const status of [404, 403, 500]) {
    it(`B10 whose tokens are answered by ${status} makes no pull request disappear`, async () => {
      await using subject = await opened();
      const { github, key } = subject;
      const fault = github.simulator.faults.add({
        match: { path: 'apps/create-installation-access-token' },
        status,
        body: { message: 'No' },
      });
      const forge = github.forge();
      await assert.rejects(forge.pullRequest(key, signal));
      fault.remove();
      assert.equal((await forge.pullRequest(key, signal))?.state, 'open');
    });
  }

  it('B9 of another account is followed when the repository is transferred', async () => {
    await using subject = await opened();
    const { github, id, key } = subject;
    const forge = github.forge();
    await forge.writeComment(key, 'before', always, signal);
    github.simulator.transfer('acme/shop', 'umbrella');
    assert.deepEqual((await forge.pullRequest(key, signal))?.repository.owner, 'umbrella');
    await forge.writeComment(key, 'after', always, signal);
    assert.deepEqual(texts(github, key), ['after']);
    assert.ok(await forge.cloneToken(id, signal));
  });

  it('B9 of another account, renamed as well: the first request there may be a write', async () => {
    await using subject = await opened();
    const { github, id, key } = subject;
    const forge = github.forge();
    await forge.writeComment(key, 'before', always, signal);
    github.simulator.transfer('acme/shop', 'umbrella');
    github.simulator.rename(id, 'store');
    await forge.writeComment(key, 'after', always, signal);
    assert.deepEqual(texts(github, key), ['after']);
    const [listed] = await forge.repositories(signal);
    assert.deepEqual([listed?.id, listed?.owner, listed?.name], [id, 'umbrella', 'store']);
  });

  it('B9 that a repository has left is a place where nothing is reached', async () => {
    await using subject = await opened();
    const { github, key } = subject;
    const forge = github.forge();
    await forge.pullRequest(key, signal);
    github.simulator.transfer('acme/shop', 'stranger', { installed: false });
    assert.equal(await forge.pullRequest(key, signal), undefined);
  });
});
