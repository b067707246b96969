import { mkdir } from 'node:fs/promises';
import { installMissing, isDebianRoot } from './apt.ts';
import { onPath } from './files.ts';
import { placesIn } from './places.ts';

const programs = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome'];

/** A Chromium or Chrome of this machine; on Debian as root it is installed when there is none. */
export async function browser(env: NodeJS.ProcessEnv = process.env): Promise<string> {
  const found = await firstOnPath();
  if (found !== undefined) return found;
  if (await isDebianRoot()) {
    const places = placesIn(env);
    await mkdir(places.logs, { recursive: true, mode: 0o700 });
    await installMissing(places, { chromium: 'chromium' });
  }
  const installed = await firstOnPath();
  if (installed === undefined) throw new Error('there is no browser: install Chromium or Chrome');
  return installed;
}

async function firstOnPath(): Promise<string | undefined> {
  for (const program of programs) {
    const file = await onPath(program);
    if (file !== undefined) return file;
  }
  return undefined;
}
