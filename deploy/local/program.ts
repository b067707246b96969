/** Berth as a program of this machine, in the shape that its image has it. */
import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { withLock } from './lock.ts';
import { run } from './run.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const program = path.join(root, 'dist/cli.js');
/** What the bundle is made of and by. */
const sources = ['src', 'package-lock.json', 'deploy/image/bundle.ts'] as const;

/** The path of Berth's bundle for Node, which is made in two seconds when the sources are newer than it. */
export async function builtBerth(): Promise<string> {
  return withLock(
    'berth-local-bundle',
    () => undefined,
    async () => {
      const madeAtMs = await stat(program).then(
        ({ mtimeMs }) => mtimeMs,
        () => 0,
      );
      const changedAtMs = await Promise.all(sources.map((each) => newestMs(path.join(root, each))));
      if (Math.max(...changedAtMs) >= madeAtMs) {
        await run([process.execPath, 'deploy/image/bundle.ts'], { cwd: root, timeoutMs: 120_000 });
      }
      return program;
    },
  );
}

/** When that file or anything below that folder last changed; a folder changes when something in it comes or goes. */
async function newestMs(file: string): Promise<number> {
  const found = await stat(file);
  if (!found.isDirectory()) return found.mtimeMs;
  const names = await readdir(file);
  const times = await Promise.all(names.map((name) => newestMs(path.join(file, name))));
  return Math.max(found.mtimeMs, ...times);
}
