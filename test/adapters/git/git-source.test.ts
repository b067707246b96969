import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readdir, readFile, readlink, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { type GitSource, type GitSourceOptions, gitSource } from '../../../src/adapters/git/git-source.ts';
import { DiagnosedError, RetryLaterError } from '../../../src/domain/errors.ts';
import type { Repository } from '../../../src/domain/preview.ts';
import type { Snapshot } from '../../../src/ports.ts';
import { type GitRemote, git, startGitRemote } from './git-remote.ts';

const { signal } = new AbortController();

describe('gitSource', () => {
  let remote: GitRemote;
  let directory: string;
  let repository: Repository;
  beforeEach(async () => {
    remote = await startGitRemote();
    directory = await mkdtemp(path.join(tmpdir(), 'git-source-'));
    repository = { id: 7, owner: 'acme', name: 'shop', cloneUrl: remote.cloneUrl };
  });
  afterEach(async () => {
    await remote[Symbol.asyncDispose]();
    await rm(directory, { recursive: true, force: true });
  });

  function source(more: Partial<GitSourceOptions> = {}): GitSource {
    return gitSource({ directory, token: async () => 's3cret', allowHttpLoopback: true, ...more });
  }

  const mirror = () => path.join(directory, 'mirrors', '7.git');

  it('fetches a revision once, also when asked for it many times at once and after a restart', async () => {
    const revision = await remote.commit({ file: '1' });
    const first = source();
    await Promise.all(Array.from({ length: 5 }, () => first.at(repository, revision, signal)));
    await first.at(repository, revision, signal);
    assert.equal(await readable(await source().at(repository, revision, signal)), '1');
    assert.equal(remote.requests.filter((line) => line.startsWith('POST')).length, 1);
  });

  it('fetches without history, and of the next revision only what is new', async () => {
    const files = Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`f${index}`, 'x'.repeat(index)]));
    await remote.commit({ old: 'history' });
    const under = source();
    await under.at(repository, await remote.commit(files), signal);
    const objects = async () => Number(/^count: (\d+)/m.exec(await git(mirror(), ['count-objects', '-v']))?.[1]);
    const before = await objects();
    const revision = await remote.commit({ ...files, file: 'changed' });
    await under.at(repository, revision, signal);
    // A commit, a tree, a blob.
    assert.equal((await objects()) - before, 3);
    assert.equal(await git(mirror(), ['rev-list', '--count', revision]), '1');
  });

  it('fetches different repositories at the same time', async () => {
    const revision = await remote.commit({ file: '1' });
    const both = Promise.withResolvers<void>();
    let waiting = 0;
    remote.onRequest = async ({ method }) => {
      if (method === 'POST' && ++waiting === 2) both.resolve();
      if (method === 'POST') await both.promise;
      return true;
    };
    const under = source();
    await Promise.all([7, 8].map((id) => under.at({ ...repository, id }, revision, signal)));
  });

  it('E1 never hands a branch name to git', async () => {
    const branches = ['--upload-pack=touch pwned', '$(id)', 'ü😀'.repeat(20), `x${'y'.repeat(200)}`];
    const under = source();
    for (const [index, branch] of branches.entries()) {
      // Not every name can be a ref: those that can are real branches of the remote.
      const revision = await remote.commit({ file: String(index) }, /^-|\s|\$/.test(branch) ? 'main' : branch);
      assert.equal(await readable(await under.at(repository, revision, signal)), String(index));
      await assert.rejects(under.at(repository, branch, signal), /not a revision/);
    }
    assert.deepEqual(
      await git(mirror(), ['for-each-ref', '--format=%(refname)']).then((text) => text.match(/[^\n]*heads[^\n]*/g)),
      null,
    );
  });

  it('E7 refuses every protocol but https, for what it is told and for what the repository says', async () => {
    const revision = await remote.commit({
      file: '1',
      '.gitmodules': `[submodule "a"]\n\tpath = a\n\turl = file://${remote.directory}\n[submodule "b"]\n\tpath = b\n\turl = ext::touch ${directory}/pwned\n`,
      a: { submodule: await remote.commit({ file: '0' }) },
      b: { submodule: 'f'.repeat(40) },
    });
    for (const cloneUrl of [`file://${remote.directory}`, remote.directory, `ext::touch ${directory}/pwned`]) {
      await assert.rejects(source().at({ ...repository, cloneUrl }, revision, signal), /refusing to fetch/);
    }
    const loopbackForbidden = source({ allowHttpLoopback: false });
    await assert.rejects(loopbackForbidden.at(repository, revision, signal), /refusing to fetch/);
    assert.deepEqual(remote.requests, []);
    await using folder = await (await source().at(repository, revision, signal)).export('', signal);
    assert.deepEqual(await readdir(path.join(folder.path, 'a')), []);
    assert.deepEqual(await readdir(path.join(folder.path, 'b')), []);
    assert.ok(!(await readdir(directory)).includes('pwned'));
  });

  it('E7 runs no hook and no filter, and changes no byte on behalf of an attribute', async () => {
    const files = {
      'text.txt': 'a\r\nb\n$Id$\n$Format:%H$\n',
      'utf16.txt': { content: Buffer.from([0xff, 0xfe, 0x41, 0x00]) },
      'ignored/file': 'x',
      'pointer.bin': 'version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n',
    };
    const attributes = [
      '* text=auto eol=crlf ident export-subst filter=evil',
      'ignored export-ignore',
      '*.bin filter=lfs diff=lfs merge=lfs -text',
      'utf16.txt working-tree-encoding=UTF-16LE',
    ];
    const revision = await remote.commit({ ...files, '.gitattributes': `${attributes.join('\n')}\n` });
    const under = source();
    const snapshot = await under.at(repository, revision, signal);
    const hook = path.join(mirror(), 'hooks', 'reference-transaction');
    await writeFile(
      path.join(mirror(), 'config'),
      '[filter "evil"]\n\tsmudge = touch pwned; cat\n\trequired = true\n',
      { flag: 'a' },
    );
    await mkdir(path.dirname(hook));
    await writeFile(hook, `#!/bin/sh\ntouch ${directory}/pwned\n`);
    await chmod(hook, 0o755);
    await using folder = await snapshot.export('', signal);
    for (const [file, content] of Object.entries(files)) {
      const want = typeof content === 'string' ? Buffer.from(content) : content.content;
      assert.deepEqual(await readFile(path.join(folder.path, file)), want, file);
    }
    await under.at(repository, await remote.commit({ file: '2' }), signal);
    assert.ok(!(await readdir(directory)).includes('pwned'));
    assert.ok(!(await readdir(folder.path)).includes('pwned'));
  });

  it('keeps the token out of arguments, and sends it to this remote alone', async () => {
    const spy = path.join(directory, 'git-spy');
    const log = path.join(directory, 'arguments');
    await writeFile(spy, `#!/bin/sh\nprintf '%s\\n' "$@" >> ${log}\nexec git "$@"\n`);
    await chmod(spy, 0o755);
    const seen: (string | undefined)[] = [];
    remote.onRequest = ({ headers }, response) => {
      seen.push(headers.authorization);
      if (headers.authorization) return true;
      response.writeHead(401, { 'www-authenticate': 'Basic realm="git"' }).end();
      return false;
    };
    const revision = await remote.commit({ file: '1' });
    assert.equal(await readable(await source({ gitPath: spy }).at(repository, revision, signal)), '1');
    assert.deepEqual(new Set(seen), new Set([`Basic ${btoa('x-access-token:s3cret')}`]));
    assert.ok(!/s3cret|eC1hY2/.test(await readFile(log, 'utf8')));
    assert.ok(!/s3cret|eC1hY2/.test(await readFile(path.join(mirror(), 'config'), 'utf8')));
  });

  it('follows no redirect', async () => {
    const revision = await remote.commit({ file: '1' });
    const elsewhere = await startGitRemote();
    try {
      remote.onRequest = ({ url }, response) => {
        response.writeHead(302, { location: `${new URL(elsewhere.cloneUrl).origin}${url}` }).end();
        return false;
      };
      await assert.rejects(source().at(repository, revision, signal), /fetching .* of acme\/shop/);
      assert.deepEqual(elsewhere.requests, []);
    } finally {
      await elsewhere[Symbol.asyncDispose]();
    }
  });

  it('hands on what the giver of tokens throws', async () => {
    const revision = await remote.commit({ file: '1' });
    const later = new RetryLaterError('limit', 1);
    await assert.rejects(source({ token: () => Promise.reject(later) }).at(repository, revision, signal), later);
  });

  it('works again after the remote was down, had no such revision, or wanted another token', async () => {
    const revision = await remote.commit({ file: '1' });
    const under = source();
    await assert.rejects(under.at(repository, 'f'.repeat(40), signal), /fetching f{40} of acme\/shop: .*not our ref/);
    for (const status of [401, 404, 500]) {
      remote.onRequest = (_, response) => {
        response.writeHead(status).end();
        return false;
      };
      await assert.rejects(under.at(repository, revision, signal), /fetching/);
    }
    const down = { ...repository, cloneUrl: 'http://127.0.0.1:1/shop.git' };
    await assert.rejects(under.at(down, revision, signal), /fetching/);
    remote.onRequest = () => true;
    assert.equal(await readable(await under.at(repository, revision, signal)), '1');
  });

  it('works again after it was stopped in the middle of a fetch, and lets the next in line go on', async () => {
    const revision = await remote.commit({ file: '1' });
    const abort = new AbortController();
    remote.onRequest = async ({ method }) => {
      if (method === 'POST') abort.abort(new Error('superseded'));
      return method !== 'POST';
    };
    const under = source();
    const stopped = under.at(repository, revision, abort.signal);
    await assert.rejects(stopped, { message: 'superseded' });
    remote.onRequest = () => true;
    assert.equal(await readable(await under.at(repository, revision, signal)), '1');
  });

  it('does not keep anybody waiting in line who does not want to any more', async () => {
    const revision = await remote.commit({ file: '1' });
    const release = Promise.withResolvers<void>();
    const held = Promise.withResolvers<void>();
    remote.onRequest = async () => {
      held.resolve();
      await release.promise;
      return true;
    };
    const under = source();
    const first = under.at(repository, revision, signal);
    await held.promise;
    const abort = new AbortController();
    const second = under.at(repository, revision, abort.signal);
    abort.abort(new Error('closed'));
    await assert.rejects(second, { message: 'closed' });
    release.resolve();
    assert.equal(await readable(await first), '1');
  });

  it('is not stopped by what a killed git has left behind', async () => {
    await source().at(repository, await remote.commit({ file: '1' }), signal);
    const revision = await remote.commit({ file: '2' });
    const leftovers = [
      'shallow.lock',
      'packed-refs.lock',
      `refs/berth/${revision}.lock`,
      'objects/pack/tmp_pack_x',
      'gc.pid',
    ];
    for (const file of leftovers) await writeFile(path.join(mirror(), file), '');
    assert.equal(await readable(await source().at(repository, revision, signal)), '2');
    const left = await readdir(mirror(), { recursive: true });
    assert.deepEqual(
      left.filter((file) => /lock$|tmp_/.test(file)),
      [],
    );
  });

  it('makes a damaged mirror anew', async () => {
    const under = source();
    const revision = await remote.commit({ file: '1', other: 'x' });
    const snapshot = await under.at(repository, revision, signal);
    for (const folder of await readdir(path.join(mirror(), 'objects'))) {
      if (folder.length === 2) await rm(path.join(mirror(), 'objects', folder), { recursive: true });
    }
    await assert.rejects(snapshot.text('file', 100, signal));
    assert.equal(await readable(await under.at(repository, revision, signal)), '1');
  });

  it('keeps the revisions that were asked for last, and fetches dropped ones again', async () => {
    const under = source({ keepRevisions: 3 });
    const revisions: string[] = [];
    for (let index = 0; index < 6; index += 1) {
      const revision = await remote.commit({ file: String(index), [`only-${index}`]: String(index) });
      revisions.push(revision);
      await under.at(repository, revision, signal);
      // The first one stays in use all the time.
      await under.at(repository, revisions[0] ?? '', signal);
    }
    const refs = (await git(mirror(), ['for-each-ref', '--format=%(refname:lstrip=2)'])).split('\n');
    assert.deepEqual(new Set(refs), new Set([revisions[0], revisions[4], revisions[5]]));
    for (const [index, revision] of revisions.entries()) {
      assert.equal(await readable(await under.at(repository, revision, signal)), String(index));
    }
  });

  it('E5 refuses a tree that unfolds to more files or bytes than allowed, before writing any', async () => {
    let tree = await git(remote.directory, ['mktree'], Buffer.from(`100644 blob ${await blob('x')}\tfile\n`));
    for (let depth = 0; depth < 12; depth += 1) {
      const lines = Array.from({ length: 10 }, (_, index) => `040000 tree ${tree}\td${index}\n`);
      tree = await git(remote.directory, ['mktree'], Buffer.from(lines.join('')));
    }
    const bomb = await git(remote.directory, [
      '-c',
      'user.name=a',
      '-c',
      'user.email=a@b',
      'commit-tree',
      '-m',
      'x',
      tree,
    ]);
    await git(remote.directory, ['update-ref', 'refs/heads/bomb', bomb]);
    const snapshot = await source({ maxFiles: 10_000 }).at(repository, bomb, signal);
    await assert.rejects(snapshot.export('', signal), (error) => {
      assert.ok(error instanceof DiagnosedError);
      assert.match(error.message, /the repository has more than 10000 files and folders/);
      return true;
    });
    const large = await source({ maxBytes: 10 }).at(repository, await remote.commit({ file: 'x'.repeat(11) }), signal);
    await assert.rejects(large.export('', signal), /the repository is larger than 10 bytes/);
    assert.deepEqual(await readdir(path.join(directory, 'exports')).catch(() => []), []);
  });

  it('refuses a file that is too large, and paths that no file system takes, with their names', async () => {
    const under = source({ maxFileBytes: 10 });
    const large = await under.at(repository, await remote.commit({ 'a/b': 'x'.repeat(11) }), signal);
    await assert.rejects(large.export('a', signal), /`a\/b` is larger than 10 bytes/);
    const name = await under.at(repository, await remote.commit({ [`a/${'ü'.repeat(128)}`]: 'x' }), signal);
    await assert.rejects(name.export('', signal), /`a\/ü+` has a path that is too long/);
    const deep = await under.at(repository, await remote.commit({ [`${'a/'.repeat(600)}b`]: 'x' }), signal);
    await assert.rejects(deep.export('', signal), /`(a\/)+a…` has a path that is too long/);
    // It can still be read where it is not too deep.
    assert.equal((await deep.entries(['a/a'], signal)).get('a/a')?.type, 'directory');
  });

  it('exports names that differ in case only, and such with control characters, quotes and dashes', async () => {
    const files = {
      'a/README': '1',
      'a/readme': '2',
      'a/x\ny': '3',
      'a/--upload-pack=$(id)': '4',
      'a/:(glob)*': '5',
      'a/"a\tb" c': '6',
    };
    const snapshot = await source().at(repository, await remote.commit(files), signal);
    await using folder = await snapshot.export('a', signal);
    assert.deepEqual(
      (await readdir(folder.path)).toSorted(),
      Object.keys(files)
        .map((name) => name.slice(2))
        .toSorted(),
    );
    for (const [name, content] of Object.entries(files)) assert.equal(await snapshot.text(name, 10, signal), content);
  });

  it('stops a fetch that is too large, says so, and leaves nothing of it', async () => {
    const noise = Array.from({ length: 200 }, (_, index) => [`f${index}`, randomBytes(3_000).toString('hex')]);
    const revision = await remote.commit(Object.fromEntries(noise));
    const fetched = source({ maxFetchBytes: 100 * 1024 }).at(repository, revision, signal);
    await assert.rejects(fetched, (error) => {
      assert.ok(error instanceof DiagnosedError, String(error));
      assert.match(error.message, /the revision is larger than 102400 bytes, packed/);
      return true;
    });
    assert.deepEqual(await readdir(path.join(mirror(), 'objects', 'pack')), []);
    assert.equal((await source().at(repository, revision, signal)).revision, revision);
  });

  it('E5 refuses names that git would not write', async () => {
    const inner = await git(remote.directory, ['mktree'], Buffer.from(`100644 blob ${await blob('x')}\tconfig\n`));
    const tree = await git(remote.directory, ['mktree'], Buffer.from(`040000 tree ${inner}\t.GIT\n`));
    const evil = await git(remote.directory, [
      '-c',
      'user.name=a',
      '-c',
      'user.email=a@b',
      'commit-tree',
      '-m',
      'x',
      tree,
    ]);
    await git(remote.directory, ['update-ref', 'refs/heads/evil', evil]);
    const snapshot = await source().at(repository, evil, signal);
    await assert.rejects(snapshot.export('', signal), /`\.GIT` has a name that git refuses to write/);
  });

  it('brings an export of an earlier revision up to date, whatever its last user did to it', async () => {
    const under = source();
    const first = await remote.commit({
      'web/same': 'x',
      'web/changed': '1',
      'web/gone/file': 'x',
      'web/mode': 'x',
      'web/becomes-folder': { link: 'same' },
      'web/becomes-link/file': 'x',
    });
    const one = await (await under.at(repository, first, signal)).export('web', signal);
    const before = await stat(path.join(one.path, 'same'));
    await writeFile(path.join(one.path, 'changed'), '9');
    await writeFile(path.join(one.path, 'untracked'), 'x');
    await mkdir(path.join(one.path, 'nested', '.git'), { recursive: true });
    await one[Symbol.asyncDispose]();
    const second = await remote.commit({
      'web/same': 'x',
      'web/changed': '2',
      'web/mode': { executable: 'x' },
      'web/becomes-folder/file': 'x',
      'web/becomes-link': { link: 'same' },
    });
    for (const revision of [second, first, second]) {
      await using two = await (await under.at(repository, revision, signal)).export('web', signal);
      assert.equal(two.path, one.path);
      const after = await stat(path.join(two.path, 'same'));
      assert.deepEqual([after.ino, after.mtimeMs], [before.ino, before.mtimeMs]);
      await writeFile(path.join(two.path, 'untracked'), 'x');
    }
    await using last = await (await under.at(repository, second, signal)).export('web', signal);
    const files = await readdir(last.path, { recursive: true });
    assert.deepEqual(files.toSorted(), [
      'becomes-folder',
      'becomes-folder/file',
      'becomes-link',
      'changed',
      'mode',
      'same',
    ]);
    assert.equal(await readFile(path.join(last.path, 'changed'), 'utf8'), '2');
    assert.equal((await stat(path.join(last.path, 'mode'))).mode & 0o100, 0o100);
    assert.equal(await readlink(path.join(last.path, 'becomes-link')), 'same');
  });

  it('keeps a bounded number of exports for later', async () => {
    const under = source({ keepExports: 2 });
    const names = ['a', 'b', 'c', 'd'];
    const snapshot = await under.at(
      repository,
      await remote.commit(Object.fromEntries(names.map((name) => [`${name}/file`, name]))),
      signal,
    );
    for (const name of names) await (await snapshot.export(name, signal))[Symbol.asyncDispose]();
    assert.equal((await readdir(path.join(directory, 'exports'))).length, 2);
  });

  it('removes a mirror that was not used for long, and makes it anew', async () => {
    const revision = await remote.commit({ file: '1' });
    const under = source();
    assert.equal(await under.removeUnused(0, signal), 0);
    await under.at(repository, revision, signal);
    assert.equal(await under.removeUnused(60_000, signal), 0);
    const longAgo = new Date(Date.now() - 120_000);
    await utimes(mirror(), longAgo, longAgo);
    assert.equal(await source().removeUnused(60_000, signal), 1);
    assert.deepEqual(await readdir(path.dirname(mirror())), []);
    const again = source();
    assert.equal(await readable(await again.at(repository, revision, signal)), '1');
    assert.equal(await again.removeUnused(60_000, signal), 0);
  });

  it('makes room on a disk that is nearly full, from what has been unused for longest', async () => {
    const revision = await remote.commit({ file: '1' });
    const folder = path.dirname(mirror());
    const mirrors = async () => (await readdir(folder)).toSorted();
    // Each mirror takes two hundredths of the disk.
    const under = source({ freeShare: async () => 0.11 - 0.02 * (await mirrors()).length });
    for (const id of [1, 2, 3, 4]) await under.at({ ...repository, id }, revision, signal);
    assert.equal(await under.makeRoom(signal), 0, 'all of them are in use');
    for (const [id, hours] of [2, 5, 3].entries()) {
      const then = new Date(Date.now() - hours * 3_600_000);
      await utimes(path.join(folder, `${id + 1}.git`), then, then);
    }
    assert.equal(await under.makeRoom(signal), 3);
    assert.deepEqual(await mirrors(), ['4.git']);
    for (const id of [1, 2, 3]) await under.at({ ...repository, id }, revision, signal);
    for (const [id, hours] of [2, 5, 3].entries()) {
      const then = new Date(Date.now() - hours * 3_600_000);
      await utimes(path.join(folder, `${id + 1}.git`), then, then);
    }
    const roomy = source({ freeShare: async () => ((await mirrors()).includes('2.git') ? 0.09 : 0.1) });
    assert.equal(await roomy.makeRoom(signal), 1);
    assert.deepEqual(await mirrors(), ['1.git', '3.git', '4.git']);
  });

  it('says that the disk is full when that is what a fetch failed for', async () => {
    remote.onRequest = async () => false;
    const revision = 'f'.repeat(40);
    await assert.rejects(source({ freeShare: async () => 0.001 }).at(repository, revision, signal), {
      message: `fetching ${revision} of acme/shop: the disk with BERTH_DATA_DIR is full`,
    });
  });

  it('asks the system how full the disk is', async () => {
    assert.equal(await source().makeRoom(signal), 0);
  });

  it('removes the exports of a process that was killed', async () => {
    const revision = await remote.commit({ file: '1' });
    const snapshot = await source().at(repository, revision, signal);
    await snapshot.export('', signal);
    await source().at(repository, revision, signal);
    assert.deepEqual(await readdir(path.join(directory, 'exports')).catch(() => []), []);
  });

  async function blob(content: string): Promise<string> {
    return git(remote.directory, ['hash-object', '-w', '--stdin'], Buffer.from(content));
  }
});

async function readable(snapshot: Snapshot): Promise<string | undefined> {
  return snapshot.text('file', 100, signal);
}
