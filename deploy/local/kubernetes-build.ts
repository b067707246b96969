import { cp, mkdir, readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { downloadSource, installMissing, unpackPackages } from './apt.ts';
import { exists } from './files.ts';
import type { Places } from './places.ts';
import type { Progress } from './progress.ts';
import { run } from './run.ts';

/** The release that Debian carries the sources of. */
const kubernetesVersion = '1.20.2';

const programs = ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kube-proxy', 'kubelet'] as const;

/** Compiles Kubernetes from Debian's source package, once, and gives the folder of its programs. */
export async function buildKubernetes(places: Places, progress: Progress): Promise<string> {
  const folder = path.join(places.cache, 'kubernetes', kubernetesVersion);
  if (await exists(folder)) return folder;
  const work = path.join(places.cache, 'build');
  const log = path.join(places.logs, 'kubernetes-build.log');
  await rm(work, { recursive: true, force: true });
  const source = path.join(work, 'src', 'k8s.io', 'kubernetes');
  await mkdir(source, { recursive: true });

  await progress.step('fetching the sources of Kubernetes and a Go compiler', async () => {
    await installMissing(places, { rsync: 'rsync', make: 'make', cc: 'gcc', ld: 'binutils' });
    await unpackPackages(places, path.join(work, 'go'), {
      bookworm: ['golang-1.19-go', 'golang-1.19-src'],
      trixie: [],
    });
    await downloadSource(places, work, 'kubernetes');
    const archive = (await readdir(work)).find((file) => /^kubernetes_.*\.orig\.tar\./.test(file));
    // Debian went back a version once, hence names such as 1.20.5+really1.20.2.
    if (!archive?.includes(`${kubernetesVersion}.orig.`))
      throw new Error(`Debian's kubernetes is ${archive}, not ${kubernetesVersion}`);
    await run(['tar', '-xf', path.join(work, archive), '--strip-components=1', '-C', source], { log });
  });

  const env = {
    PATH: `${path.join(work, 'go/usr/lib/go-1.19/bin')}:${process.env['PATH']}`,
    HOME: work,
    GOPATH: work,
    GOROOT: path.join(work, 'go/usr/lib/go-1.19'),
    GOCACHE: path.join(work, 'go-cache'),
    GO111MODULE: 'off',
    CGO_ENABLED: '0',
    KUBE_GIT_VERSION: `v${kubernetesVersion}`,
  };
  const make = { cwd: source, env, log, timeoutMs: 45 * 60_000 };
  await progress.step(`compiling Kubernetes ${kubernetesVersion} (once, about 5 minutes)`, async () => {
    await run(['make', 'generated_files'], make);
    await run(['make', `WHAT=${programs.map((name) => `cmd/${name}`).join(' ')}`], make);
  });

  const partial = `${folder}.partial`;
  await rm(partial, { recursive: true, force: true });
  await mkdir(partial, { recursive: true });
  for (const name of programs)
    await cp(path.join(source, '_output/bin', name), path.join(partial, name), { dereference: true });
  await compilePause(source, path.join(partial, 'pause'), log);
  await rename(partial, folder);
  await rm(work, { recursive: true, force: true });
  return folder;
}

/** The process that holds a pod's namespaces, static so that its image needs nothing else. */
async function compilePause(source: string, output: string, log: string): Promise<void> {
  const file = path.join(source, 'build/pause/linux/pause.c');
  await installMissingLibc();
  await run(['cc', '-Os', '-static', '-DVERSION=v3.2', '-o', output, file], { log });

  async function installMissingLibc(): Promise<void> {
    if (!(await exists('/usr/include/stdlib.h'))) {
      await run(['apt-get', 'install', '-y', '--no-install-recommends', 'libc6-dev'], { log });
    }
  }
}
