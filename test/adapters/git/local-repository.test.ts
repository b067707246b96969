import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { NoRepositoryError, openLocalRepository } from '../../../src/adapters/git/local-repository.ts';
import type { Repository } from '../../../src/domain/preview.ts';
import { git } from './git-remote.ts';

const { signal } = new AbortController();
const anyRepository: Repository = { id: 1, owner: 'acme', name: 'shop', cloneUrl: '' };

describe('openLocalRepository', () => {
  let root: string;
  let directory: string;
  beforeEach(async () => {
    root = await mkdtemp(path.join(tmpdir(), 'local-repository-'));
    directory = path.join(root, 'shop');
    await mkdir(directory);
  });
  afterEach(() => rm(root, { recursive: true, force: true }));

  async function open(at = directory) {
    const temporaryDirectory = await mkdtemp(path.join(root, 'temporary-'));
    const options = { gitPath: 'git', programPath: process.env['PATH'] ?? '', temporaryDirectory };
    return openLocalRepository(at, options, signal);
  }
  async function write(files: Readonly<Record<string, string>>): Promise<void> {
    for (const [name, text] of Object.entries(files)) {
      await mkdir(path.dirname(path.join(directory, name)), { recursive: true });
      await writeFile(path.join(directory, name), text);
    }
  }
  async function commit(): Promise<string> {
    await git(directory, ['add', '--all']);
    const author = ['-c', 'user.name=Ada', '-c', 'user.email=ada@example.com'];
    await git(directory, [...author, 'commit', '--quiet', '--no-gpg-sign', '--message=x']);
    return git(directory, ['rev-parse', 'HEAD']);
  }
  const init = () => git(directory, ['init', '--quiet', '--initial-branch=main']);

  it('tells what is checked out and where it came from', async () => {
    await init();
    await write({ 'a.txt': 'a', 'sub/b.txt': 'b' });
    const revision = await commit();
    await git(directory, ['remote', 'add', 'origin', 'git@github.com:acme/shop.git']);
    await git(directory, ['update-ref', 'refs/remotes/origin/trunk', revision]);
    await git(directory, ['symbolic-ref', 'refs/remotes/origin/HEAD', 'refs/remotes/origin/trunk']);
    await git(directory, ['checkout', '--quiet', '-b', 'feat/login']);
    const repository = await open();
    assert.equal(repository.root, directory);
    assert.equal(repository.folder, '');
    assert.equal(repository.branch, 'feat/login');
    assert.equal(repository.originUrl, 'git@github.com:acme/shop.git');
    assert.equal(repository.originBranch, 'trunk');
    assert.equal(await repository.revisionOf('HEAD', signal), revision);
    assert.equal(await repository.revisionOf('main', signal), revision);
    assert.equal(await repository.revisionOf(revision.slice(0, 8), signal), revision);
    assert.equal(await repository.revisionOf('nothing', signal), undefined);
    assert.equal(await repository.revisionOf('--all', signal), undefined);
  });

  it('takes the work tree as a commit of it would be, whether anything is committed or not', async () => {
    await init();
    await write({ '.gitignore': 'ignored\n', 'a.txt': 'a', ignored: 'x', 'bin/run': '#!/bin/sh\n' });
    await chmod(path.join(directory, 'bin/run'), 0o755);
    await symlink('a.txt', path.join(directory, 'link'));
    await write({ '.git/info/exclude': 'private\n', private: 'x' });
    const repository = await open();
    const before = await repository.workTree('0'.repeat(40), signal);
    assert.equal(before.revision, '0'.repeat(40));
    const found = await before.entries(['a.txt', 'ignored', 'link', 'bin', 'private'], signal);
    assert.deepEqual([...found].map(([name, { type }]) => [name, type]).toSorted(), [
      ['a.txt', 'file'],
      ['bin', 'directory'],
      ['link', 'symlink'],
    ]);
    const revision = await commit();
    const committed = await repository.at(anyRepository, revision, signal);
    assert.ok(await repository.areSame(before, committed, signal));
  });

  it('sees what was changed, added and removed since, and leaves no trace in the repository', async () => {
    await init();
    await write({ 'a.txt': 'a', 'b.txt': 'b' });
    const revision = await commit();
    await write({ 'a.txt': 'changed', 'c.txt': 'c' });
    await rm(path.join(directory, 'b.txt'));
    const traces = async () => [
      await readdir(path.join(directory, '.git'), { recursive: true }),
      await readFile(path.join(directory, '.git/index'), 'base64'),
      (await stat(path.join(directory, '.git/index'))).mtimeMs,
    ];
    const before = await traces();
    const repository = await open();
    const workTree = await repository.workTree(revision, signal);
    assert.equal(await workTree.text('a.txt', 100, signal), 'changed');
    assert.deepEqual([...(await workTree.entries(['a.txt', 'b.txt', 'c.txt'], signal)).keys()], ['a.txt', 'c.txt']);
    const committed = await repository.at(anyRepository, revision, signal);
    assert.equal(await committed.text('a.txt', 100, signal), 'a');
    assert.equal(await repository.areSame(workTree, committed, signal), false);
    assert.deepEqual(await traces(), before);
  });

  it('sees a change of the same length in the second in which git has read the file', async () => {
    await init();
    const file = path.join(directory, 'a.txt');
    const second = async () => Math.floor((await stat(file)).ctimeMs / 1000);
    let read: number;
    do {
      await write({ 'a.txt': 'one' });
      await git(directory, ['add', 'a.txt']);
      read = await second();
      await write({ 'a.txt': 'two' });
    } while ((await second()) !== read);
    // From the next second on, times alone cannot tell.
    await delay((read + 1) * 1000 - Date.now());
    const workTree = await (await open()).workTree('0'.repeat(40), signal);
    assert.equal(await workTree.text('a.txt', 100, signal), 'two');
  });

  it('runs neither filters nor hooks nor monitors that the repository names', async () => {
    await init();
    const witness = path.join(root, 'witness');
    await write({ '.gitattributes': '* filter=evil\n', 'a.txt': 'a' });
    const revision = await commit();
    await git(directory, ['config', 'filter.evil.clean', `touch ${witness}; cat`]);
    await git(directory, ['config', 'filter.evil.smudge', `touch ${witness}; cat`]);
    await git(directory, ['config', 'core.fsmonitor', `touch ${witness}`]);
    await write({ 'a.txt': 'changed' });
    const repository = await open();
    const workTree = await repository.workTree(revision, signal);
    await using folder = await workTree.export('', signal);
    assert.equal(await readFile(path.join(folder.path, 'a.txt'), 'utf8'), 'changed');
    await assert.rejects(stat(witness), { code: 'ENOENT' });
  });

  it('takes a folder of a repository for the root of one of its own', async () => {
    await init();
    await write({ 'a.txt': 'a', 'examples/shop/b.txt': 'b' });
    const revision = await commit();
    const repository = await open(path.join(directory, 'examples/shop'));
    assert.equal(repository.folder, 'examples/shop');
    for (const snapshot of [
      await repository.workTree(revision, signal),
      await repository.at(anyRepository, revision, signal),
    ]) {
      assert.equal(await snapshot.text('b.txt', 100, signal), 'b');
      assert.deepEqual([...(await snapshot.entries(['a.txt', 'b.txt'], signal)).keys()], ['b.txt']);
    }
  });

  it('reads a shallow clone, a linked work tree and a bare repository', async () => {
    await init();
    await write({ 'a.txt': 'old' });
    await commit();
    await write({ 'a.txt': 'new' });
    const revision = await commit();
    const [shallow, linked, bare] = ['shallow', 'linked', 'bare.git'].map((name) => path.join(root, name)) as [
      string,
      string,
      string,
    ];
    await git(root, ['clone', '--quiet', '--depth=1', `file://${directory}`, shallow]);
    await git(directory, ['worktree', 'add', '--quiet', '--detach', linked, 'HEAD~1']);
    await git(root, ['clone', '--quiet', '--bare', directory, bare]);
    for (const [place, text] of [
      [shallow, 'new'],
      [linked, 'old'],
    ] as const) {
      const snapshot = await (await open(place)).workTree(revision, signal);
      assert.equal(await snapshot.text('a.txt', 100, signal), text);
    }
    const repository = await open(bare);
    assert.equal(repository.root, undefined);
    assert.equal(await (await repository.at(anyRepository, revision, signal)).text('a.txt', 100, signal), 'new');
    await assert.rejects(repository.workTree(revision, signal), NoRepositoryError);
  });

  it('says what is wrong with other directories', async () => {
    await assert.rejects(open(), { name: 'NoRepositoryError', message: /is in no git repository: `git init`/ });
    await init();
    await assert.rejects(open(path.join(directory, '.git')), { name: 'NoRepositoryError', message: /git's own/ });
    const sub = path.join(directory, 'sub');
    await mkdir(sub);
    const repository = await open(sub);
    await assert.rejects(repository.workTree('0'.repeat(40), signal), { message: /nothing in the folder sub/ });
  });

  it('says that GitHub knows no repositories with longer ids', async () => {
    await git(directory, ['init', '--quiet', '--object-format=sha256']);
    await assert.rejects(open(), { name: 'NoRepositoryError', message: /GitHub could have: it uses sha256/ });
  });
});
