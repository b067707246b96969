import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { DataDirectoryError, openDataDirectory } from '../src/data-directory.ts';

const module = new URL('../src/data-directory.ts', import.meta.url).href;

async function inDirectory(body: (path: string) => Promise<void>): Promise<void> {
  const parent = await mkdtemp(join(tmpdir(), 'berth-data-'));
  try {
    await body(join(parent, 'data'));
  } finally {
    await rm(parent, { recursive: true, force: true });
  }
}

describe('openDataDirectory', () => {
  it('makes the directory, with an empty place for temporary files that goes with it', () =>
    inDirectory(async (path) => {
      const directory = await openDataDirectory(path);
      assert.deepEqual(await readdir(directory.temporary), []);
      assert.deepEqual(directory.leftovers, []);
      await writeFile(join(directory.temporary, 'a'), '');
      await directory[Symbol.asyncDispose]();
      assert.ok(!existsSync(directory.temporary));
    }));

  it('refuses a directory in which another process works', () =>
    inDirectory(async (path) => {
      await using _ = await openDataDirectory(path);
      await assert.rejects(openDataDirectory(path), (error: Error) => {
        assert.ok(error instanceof DataDirectoryError);
        assert.match(error.message, /another process works in .*: give each a directory of its own/);
        return true;
      });
    }));

  it('F1 takes over from a process that was killed, removing its temporary files and nothing else', () =>
    inDirectory(async (path) => {
      const source = `
        import { writeFile } from 'node:fs/promises';
        import { openDataDirectory } from '${module}';
        const { temporary } = await openDataDirectory(${JSON.stringify(path)});
        await writeFile(temporary + '/half', 'x');
        console.log('ready');
        setInterval(() => undefined, 60_000);`;
      const args = ['--input-type=module', '--eval', source];
      const killed = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
      await once(killed.stdout, 'data');
      await mkdir(join(path, 'cache'));
      killed.kill('SIGKILL');
      await once(killed, 'exit');
      await using directory = await openDataDirectory(path);
      assert.deepEqual(directory.leftovers, ['half']);
      assert.deepEqual(await readdir(directory.temporary), []);
      assert.ok(existsSync(join(path, 'cache')));
    }));

  it('says what is wrong with a path that is too long or cannot be made', () =>
    inDirectory(async (path) => {
      await assert.rejects(openDataDirectory(join(path, 'x'.repeat(120))), /is too long: it may have 97 bytes/);
      await writeFile(join(path, 'file'), '');
      await assert.rejects(openDataDirectory(join(path, 'file', 'data')), /BERTH_DATA_DIR: .* cannot be used: ENOTDIR/);
    }));
});
