import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { exists, onPath } from './files.ts';
import { withLock } from './lock.ts';
import { run } from './run.ts';
import type { Places } from './places.ts';

/** The Debian release whose packages the native cluster is made of; they run on later releases as well. */
export type Release = 'bookworm' | 'trixie';

// Where Debian itself keeps the keys of all its releases.
const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** Whether this machine is Debian and we may install on it. */
export async function isDebianRoot(): Promise<boolean> {
  if (process.getuid?.() !== 0) return false;
  try {
    return /^ID=debian$/m.test(await readFile('/etc/os-release', 'utf8'));
  } catch {
    return false;
  }
}

/** Installs what is missing of programs that bring no service along; `programs` maps a command to its package. */
export async function installMissing(places: Places, programs: Readonly<Record<string, string>>): Promise<void> {
  if ((await missingPackages(programs)).length > 0) await alone(() => install(places, programs));
}

async function install(places: Places, programs: Readonly<Record<string, string>>): Promise<void> {
  const missing = await missingPackages(programs);
  if (missing.length === 0) return;
  const log = path.join(places.logs, 'apt.log');
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  // The lock may be held by an unattended upgrade.
  const apt = ['apt-get', '-o', 'DPkg::Lock::Timeout=300', '-o', 'Acquire::Retries=3'] as const;
  await run([...apt, 'update'], { log, env });
  await run([...apt, 'install', '-y', '--no-install-recommends', ...missing], { log, env });
}

async function missingPackages(programs: Readonly<Record<string, string>>): Promise<readonly string[]> {
  const missing = new Set<string>();
  for (const [program, name] of Object.entries(programs)) {
    if (!(await onPath(program))) missing.add(name);
  }
  return [...missing];
}

/** Tests that want the same programs for the first time run side by side. */
async function alone<T>(work: () => Promise<T>): Promise<T> {
  return await withLock('berth-local-packages', () => undefined, work);
}

/**
 * Unpacks binary packages side by side into `folder`, once.
 *
 * Unpacked rather than installed: an installed daemon would start with the machine, and would be in the way of a real
 * Docker or containerd.
 */
export async function unpackPackages(
  places: Places,
  folder: string,
  wanted: Readonly<Record<Release, readonly string[]>>,
): Promise<void> {
  if (!(await exists(folder))) await alone(() => unpack(places, folder, wanted));
}

async function unpack(
  places: Places,
  folder: string,
  wanted: Readonly<Record<Release, readonly string[]>>,
): Promise<void> {
  if (await exists(folder)) return;
  const log = path.join(places.logs, 'apt.log');
  const partial = `${folder}.partial`;
  await rm(partial, { recursive: true, force: true });
  const downloads = path.join(partial, 'downloads');
  await mkdir(downloads, { recursive: true });
  for (const release of ['bookworm', 'trixie'] as const) {
    if (wanted[release].length === 0) continue;
    const options = await sourceOptions(places, release);
    await run(['apt-get', ...options, 'download', ...wanted[release]], { cwd: downloads, log });
  }
  for (const file of await readdir(downloads)) {
    await run(['dpkg-deb', '--extract', path.join(downloads, file), partial], { log });
  }
  await rm(downloads, { recursive: true });
  await rename(partial, folder);
}

/** Downloads a source package's files into `folder`. */
export async function downloadSource(places: Places, folder: string, name: string): Promise<void> {
  const options = await sourceOptions(places, 'bookworm');
  const log = path.join(places.logs, 'apt.log');
  await run(['apt-get', ...options, 'source', '--download-only', name], { cwd: folder, log });
}

/** Options that make apt see one release, with its sources, from this machine's mirror; updates its lists. */
async function sourceOptions(places: Places, release: Release): Promise<string[]> {
  const folder = path.join(places.cache, 'apt', release);
  await mkdir(path.join(folder, 'lists', 'partial'), { recursive: true });
  const uri = await mirror();
  const list = path.join(folder, 'sources.list');
  const signed = (await exists(keyring)) ? `[signed-by=${keyring}] ` : '';
  const entry = `${signed}${uri} ${release} main`;
  await writeFile(list, `deb ${entry}\ndeb-src ${entry}\n`);
  const settings = {
    'Dir::Etc::sourcelist': list,
    'Dir::Etc::sourceparts': '-',
    'Dir::State::Lists': path.join(folder, 'lists'),
    'APT::Sandbox::User': 'root',
    'Acquire::Retries': '3',
  };
  const options = Object.entries(settings).flatMap(([key, value]) => ['-o', `${key}=${value}`]);
  await run(['apt-get', ...options, 'update'], { log: path.join(places.logs, 'apt.log') });
  return options;
}

/** The archive this machine's apt configuration names first for its own release, in whichever format it is written. */
export async function mirror(): Promise<string> {
  const format = '$(COMPONENT)|$(RELEASE)|$(REPO_URI)';
  const targets = await run(['apt-get', 'indextargets', '--format', format, 'Created-By: Packages']);
  for (const line of targets.split('\n')) {
    const [component, release, uri] = line.split('|');
    if (component === 'main' && uri && release && !release.includes('-')) return uri;
  }
  throw new Error('apt knows no Debian archive: add one to /etc/apt/sources.list.d');
}
