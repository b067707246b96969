import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { promisify } from 'node:util';
import type { WantedToken } from './controls/installations.ts';
import { type Simulator, startSimulator } from './simulator.ts';

const run = promisify(execFile);
const folder = await mkdtemp(join(tmpdir(), 'simulator-clones-'));
after(() => rm(folder, { recursive: true, force: true }));

/** Git with nothing of this machine's configuration, and never a question. */
async function git(...args: readonly string[]): Promise<string> {
  const env = { PATH: process.env['PATH'], HOME: folder, GIT_CONFIG_NOSYSTEM: '1', GIT_TERMINAL_PROMPT: '0' };
  const { stdout } = await run('git', args, { env, timeout: 30_000 });
  return stdout.trim();
}

function authorizedUrl(
  simulator: Simulator,
  name: string,
  wanted: WantedToken = { permissions: { contents: 'read' } },
): string {
  const token = simulator.issueToken(name.split('/')[0] as string, wanted);
  return `${simulator.gitUrl.replace('://', `://x-access-token:${token}@`)}/${name}.git`;
}

describe('git', () => {
  it('clones with a token what the files said', async () => {
    await using simulator = await startSimulator();
    const files = { Dockerfile: 'FROM scratch\n', 'src/deep/a.txt': 'a\n', 'src.txt': 'sorts between\n' };
    const { headSha } = simulator.createRepository({ owner: 'acme', name: 'shop', from: files });
    const clone = join(folder, 'clone');
    await git('clone', '--quiet', authorizedUrl(simulator, 'acme/shop'), clone);
    assert.equal(await git('-C', clone, 'rev-parse', 'HEAD'), headSha);
    assert.equal(await readFile(join(clone, 'src/deep/a.txt'), 'utf8'), 'a\n');
    await git('-C', clone, 'fsck', '--strict');
  });

  it('tells which commits were asked for', async () => {
    await using simulator = await startSimulator();
    const { headSha } = simulator.createRepository({ owner: 'acme', name: 'shop' });
    const { headSha: change } = simulator.openPullRequest({ repo: 'acme/shop', fromFork: 'stranger' });
    const clone = join(folder, 'wanted');
    await git('init', '--quiet', '--bare', clone);
    for (const sha of [headSha, change])
      await git('-C', clone, 'fetch', '--quiet', '--depth=1', authorizedUrl(simulator, 'acme/shop'), sha);
    assert.deepEqual(simulator.fetched, [headSha, change]);
  });

  it('leaves nothing behind of who gives up while the answer is held', async () => {
    await using simulator = await startSimulator();
    simulator.createRepository({ owner: 'acme', name: 'shop', private: false });
    const { promise, resolve } = Promise.withResolvers<void>();
    const fault = simulator.faults.add({ match: { path: /git-upload-pack/ }, until: promise });
    const controller = new AbortController();
    const path = `${simulator.gitUrl}/acme/shop.git/git-upload-pack`;
    const asking = fetch(path, { method: 'POST', body: 'half a question', signal: controller.signal });
    await simulator.until(() => fault.hits > 0, { what: 'the question' });
    controller.abort();
    await assert.rejects(asking);
    // Answered after the end of the first connection was seen.
    await fetch(simulator.htmlUrl);
    resolve();
  });

  it('asks for credentials without a token, and refuses one that ended', async () => {
    await using simulator = await startSimulator();
    simulator.createRepository({ owner: 'acme', name: 'shop' });
    const url = authorizedUrl(simulator, 'acme/shop');
    await assert.rejects(git('ls-remote', `${simulator.gitUrl}/acme/shop.git`), /could not read Username/);
    simulator.setClockOffset(7_200_000);
    await assert.rejects(git('ls-remote', url), /could not read|Authentication failed/);
  });

  it('hides a private repository from a token for another one', async () => {
    await using simulator = await startSimulator();
    simulator.createRepository({ owner: 'acme', name: 'shop' });
    simulator.createRepository({ owner: 'acme', name: 'secrets' });
    const url = authorizedUrl(simulator, 'acme/secrets', { repositories: ['acme/shop'] });
    await assert.rejects(git('ls-remote', url), /not found/);
  });

  it('lets anybody read a public repository', async () => {
    await using simulator = await startSimulator();
    const { headSha } = simulator.createRepository({ owner: 'acme', name: 'open', private: false });
    assert.match(await git('ls-remote', `${simulator.gitUrl}/acme/open.git`, 'HEAD'), new RegExp(headSha));
  });

  it('serves a single commit by its SHA, from a fork and after a force-push too', async () => {
    await using simulator = await startSimulator();
    simulator.createRepository({ owner: 'acme', name: 'shop' });
    const first = simulator.openPullRequest({ repo: 'acme/shop', fromFork: 'stranger' });
    simulator.push('acme/shop', first.number, { 'b.txt': 'b\n' }, { force: true });
    const mirror = join(folder, 'mirror');
    await git('init', '--quiet', '--bare', mirror);
    await git('-C', mirror, 'fetch', '--quiet', '--depth', '1', authorizedUrl(simulator, 'acme/shop'), first.headSha);
    assert.equal(await git('-C', mirror, 'cat-file', '-t', first.headSha), 'commit');
  });

  it('has a ref for the head of every pull request, however its branch is called', async () => {
    await using simulator = await startSimulator();
    simulator.createRepository({ owner: 'acme', name: 'shop' });
    const branch = `--upload-pack=$(id) ${'é'.repeat(100)}🚀`.replace(' ', '_');
    const { headSha } = simulator.openPullRequest({ repo: 'acme/shop', branch });
    const refs = await git('ls-remote', authorizedUrl(simulator, 'acme/shop'));
    assert.ok(refs.includes(`${headSha}\trefs/pull/1/head`));
    assert.ok(refs.includes(`${headSha}\trefs/heads/${branch}`));
  });

  it('follows a renamed repository', async () => {
    await using simulator = await startSimulator();
    const { headSha } = simulator.createRepository({ owner: 'acme', name: 'shop' });
    const url = authorizedUrl(simulator, 'acme/shop');
    simulator.rename('acme/shop', 'store');
    assert.match(await git('ls-remote', url, 'HEAD'), new RegExp(headSha));
  });

  it('does not take pushes', async () => {
    await using simulator = await startSimulator();
    simulator.createRepository({ owner: 'acme', name: 'shop' });
    const url = authorizedUrl(simulator, 'acme/shop', {});
    const clone = join(folder, 'pushing');
    await git('clone', '--quiet', url, clone);
    await assert.rejects(git('-C', clone, 'push', '--quiet', url, 'HEAD:refs/heads/new'), /403/);
  });
});
