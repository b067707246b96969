import assert from 'node:assert/strict';
import { lstat, readdir, readFile, readlink, stat } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { DiagnosedError } from '../../src/domain/errors.ts';
import type { Repository } from '../../src/domain/preview.ts';
import type { Source } from '../../src/ports.ts';

/** Path to content, to the target of a symbolic link, and so on. */
export type Files = Readonly<
  Record<
    string,
    | string
    | { readonly content: Buffer }
    | { readonly executable: string }
    | { readonly link: string }
    | { readonly submodule: string }
  >
>;

export interface SourceSubject extends AsyncDisposable {
  readonly source: Source;
  readonly repository: Repository;
  commit(files: Files): Promise<string>;
}

const { signal } = new AbortController();
const unknown = 'f'.repeat(40);

export function describeSourceContract(name: string, makeSubject: () => Promise<SourceSubject>): void {
  describe(`Source: ${name}`, () => {
    let subject: SourceSubject;
    beforeEach(async () => {
      subject = await makeSubject();
    });
    afterEach(() => subject[Symbol.asyncDispose]());

    async function snapshotOf(files: Files) {
      return subject.source.at(subject.repository, await subject.commit(files), signal);
    }

    it('finds files, folders, links, submodules and the root, and leaves out what is absent', async () => {
      const snapshot = await snapshotOf({
        'app/Dockerfile': 'FROM scratch\n',
        'app/link': { link: 'Dockerfile' },
        'folder-link': { link: 'app' },
        module: { submodule: unknown },
        'ünï cöde "*".txt': 'x',
      });
      const wanted = [
        '',
        'app',
        'app/Dockerfile',
        'app/link',
        'folder-link',
        'folder-link/Dockerfile',
        'module',
        'module/file',
        'ünï cöde "*".txt',
        'app/*',
        'nowhere',
        'app/Dockerfile/x',
        '../app',
        '/app',
        './app',
        'app/',
        '--help',
        ':(glob)**',
        'a\0b',
        'a\nb',
      ];
      const entries = await snapshot.entries(wanted, signal);
      assert.deepEqual(Object.fromEntries([...entries].map(([file, { type }]) => [file, type])), {
        '': 'directory',
        app: 'directory',
        'app/Dockerfile': 'file',
        'app/link': 'symlink',
        'folder-link': 'symlink',
        module: 'submodule',
        'ünï cöde "*".txt': 'file',
      });
      assert.equal((await snapshot.entries([], signal)).size, 0);
    });

    it('gives equal ids for equal content and only then, whatever else the revision changes', async () => {
      const before = await snapshotOf({ 'web/a': '1', 'web/b': '2', 'api/c': '3' });
      const after = await snapshotOf({ 'web/a': '1', 'web/b': '2', 'api/c': '4' });
      const paths = ['', 'web', 'web/a', 'api'];
      const [one, two] = [await before.entries(paths, signal), await after.entries(paths, signal)];
      assert.equal(one.get('web')?.id, two.get('web')?.id);
      assert.equal(one.get('web/a')?.id, two.get('web/a')?.id);
      assert.notEqual(one.get('api')?.id, two.get('api')?.id);
      assert.notEqual(one.get('')?.id, two.get('')?.id);
      assert.match(one.get('web')?.id ?? '', /^[0-9a-f]{40}$/);
    });

    it('tells an executable file from one that is not', async () => {
      const before = await snapshotOf({ 'bin/run': 'x' });
      const after = await snapshotOf({ 'bin/run': { executable: 'x' } });
      const [one, two] = [await before.entries(['bin'], signal), await after.entries(['bin'], signal)];
      assert.notEqual(one.get('bin')?.id, two.get('bin')?.id);
    });

    it('reads the text of files', async () => {
      const snapshot = await snapshotOf({ '.berth.yaml': 'images: {}\n# é\n', empty: '', link: { link: 'empty' } });
      assert.equal(await snapshot.text('.berth.yaml', 100, signal), 'images: {}\n# é\n');
      assert.equal(await snapshot.text('empty', 100, signal), '');
      assert.equal(await snapshot.text('absent', 100, signal), undefined);
      assert.equal(await snapshot.text('link', 100, signal), undefined);
      assert.equal(await snapshot.text('', 100, signal), undefined);
    });

    it('refuses to read a file that is larger than allowed', async () => {
      const snapshot = await snapshotOf({ 'big.yaml': 'x'.repeat(101) });
      await assert.rejects(snapshot.text('big.yaml', 100, signal), (error) => {
        assert.ok(error instanceof DiagnosedError);
        assert.match(error.message, /`big\.yaml` is larger than 100 bytes/);
        return true;
      });
      assert.equal((await snapshot.text('big.yaml', 101, signal))?.length, 101);
    });

    it('exports a folder with its modes and links, and removes it on disposal', async () => {
      const snapshot = await snapshotOf({
        'web/app/main.js': 'run();\n',
        'web/bin/start': { executable: '#!/bin/sh\n' },
        'web/bin/again': { link: 'start' },
        'web/module': { submodule: unknown },
        'web/raw': { content: Buffer.from([0, 255, 13, 10, 128]) },
        'other/file': 'x',
      });
      const folder = await snapshot.export('web', signal);
      try {
        const files = await readdir(folder.path, { recursive: true });
        assert.ok(path.isAbsolute(folder.path));
        assert.deepEqual(files.toSorted(), ['app', 'app/main.js', 'bin', 'bin/again', 'bin/start', 'module', 'raw']);
        assert.equal(await readFile(path.join(folder.path, 'app/main.js'), 'utf8'), 'run();\n');
        assert.deepEqual(await readFile(path.join(folder.path, 'raw')), Buffer.from([0, 255, 13, 10, 128]));
        assert.equal((await stat(path.join(folder.path, 'bin/start'))).mode & 0o100, 0o100);
        assert.equal((await stat(path.join(folder.path, 'app/main.js'))).mode & 0o100, 0);
        assert.equal(await readlink(path.join(folder.path, 'bin/again')), 'start');
      } finally {
        await folder[Symbol.asyncDispose]();
      }
      await assert.rejects(lstat(folder.path), { code: 'ENOENT' });
    });

    it('exports the root, and the same folder twice at once, into directories of their own', async () => {
      const snapshot = await snapshotOf({ a: '1', 'b/c': '2' });
      const folders = await Promise.all([snapshot.export('', signal), snapshot.export('', signal)]);
      for (const { path: folder } of folders) {
        assert.deepEqual((await readdir(folder, { recursive: true })).toSorted(), ['a', 'b', 'b/c']);
      }
      assert.notEqual(folders[0].path, folders[1].path);
      for (const folder of folders) await folder[Symbol.asyncDispose]();
    });

    it('refuses to export what is not a folder', async () => {
      const snapshot = await snapshotOf({ file: 'x', link: { link: 'folder' }, 'folder/file': 'x' });
      for (const name of ['file', 'absent', 'link']) {
        await assert.rejects(snapshot.export(name, signal), DiagnosedError, name);
      }
    });

    it('E5 refuses to export a symbolic link that leaves the folder, and says which', async () => {
      const targets = ['/etc/passwd', '../../secret', '../outside', 'up/../../outside'];
      for (const target of targets) {
        const snapshot = await snapshotOf({
          'chart/templates/evil': { link: target === '../outside' ? '../../outside' : target },
          'chart/templates/up': { link: '..' },
          outside: 'x',
        });
        await assert.rejects(snapshot.export('chart', signal), (error) => {
          assert.ok(error instanceof DiagnosedError, String(error));
          assert.match(error.message, /`chart\/templates\/evil` is a symbolic link that leads out of `chart`/);
          assert.equal(error.diagnosis.places?.[0]?.path, 'chart/templates/evil');
          return true;
        });
      }
    });

    it('rejects for a revision that does not exist, and for what is not a revision', async () => {
      await assert.rejects(subject.source.at(subject.repository, unknown, signal), Error);
      for (const text of ['main', '--upload-pack=x', 'F'.repeat(40), `${unknown}\n`, '']) {
        await assert.rejects(subject.source.at(subject.repository, text, signal), /not a revision/);
      }
    });

    it('rejects with the reason when aborted', async () => {
      const revision = await subject.commit({ a: '1' });
      const aborted = AbortSignal.abort(new Error('closed'));
      await assert.rejects(subject.source.at(subject.repository, revision, aborted), { message: 'closed' });
      const snapshot = await subject.source.at(subject.repository, revision, signal);
      await assert.rejects(snapshot.entries(['a'], aborted), { message: 'closed' });
      await assert.rejects(snapshot.text('a', 10, aborted), { message: 'closed' });
      await assert.rejects(snapshot.export('', aborted), { message: 'closed' });
    });
  });
}
