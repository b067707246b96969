/** The same shop, brought up by the commands that a person would type: one after the other, each as soon as it can be. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { LocalStack } from '../deploy/local/stack.ts';
import { run } from '../src/process.ts';
import type { Simulator } from '../test/simulator/simulator.ts';
import type { Shop, Side } from './cases.ts';
import { bothImagesChanged, codeChanged, shopFolder, shopImages, wordsChanged } from './shop.ts';

export interface ByHandOptions {
  readonly stack: LocalStack;
  readonly github: Simulator;
  /** For clones and the programs' own files. */
  readonly directory: string;
  readonly signal: AbortSignal;
}

/** An account on which Berth's App is not installed. */
const owner = 'by-hand';
const commandTimeoutMs = 300_000;

/** Removes on disposal what is left because something went wrong. */
export function byHandSide(options: ByHandOptions): Side & AsyncDisposable {
  const namespaces = new Set<string>();
  return {
    async newShop(word) {
      namespaces.add(word);
      return newShop(options, word);
    },
    async [Symbol.asyncDispose]() {
      if (namespaces.size === 0) return;
      const cleanUp = { ...options, signal: new AbortController().signal };
      const { kubectl } = options.stack.tools;
      await typed(cleanUp, options.directory, kubectl, 'delete', 'namespace', '--ignore-not-found', ...namespaces);
    },
  };
}

async function newShop(options: ByHandOptions, word: string): Promise<Shop> {
  const { github, stack, directory } = options;
  const { git, buildx, helm, kubectl } = stack.tools;
  const repo = `${owner}/${word}`;
  // Public, so that no time goes into credentials.
  const { cloneUrl } = github.createRepository({
    owner,
    name: word,
    from: shopFolder,
    private: false,
    installed: false,
  });
  const clone = join(directory, word);
  await mkdir(directory, { recursive: true });
  const type = (program: string, ...args: readonly string[]) => typed(options, clone, program, ...args);
  let number = 0;

  /** Builds, pushes and installs what is checked out. */
  async function deploy(revision: string): Promise<void> {
    const images = new Map(shopImages.map((name) => [name, `${stack.registry}/${owner}/${word}/${name}:${revision}`]));
    for (const [name, ref] of images) {
      // As Berth: an attestation would make each build longer.
      await type(buildx, 'build', '--provenance=false', '--push', '--tag', ref, name);
    }
    const values = [...images].flatMap(([name, ref]) => ['--set', `${name}.image=${ref}`]);
    await type(
      helm,
      'upgrade',
      '--install',
      'shop',
      'chart',
      '--namespace',
      word,
      '--create-namespace',
      '--wait',
      ...values,
    );
  }

  async function update(changes: Readonly<Record<string, string>>): Promise<number> {
    const revision = github.push(repo, number, changes);
    return timed(async () => {
      await type(git, 'fetch', '--quiet', 'origin', revision);
      await type(git, 'checkout', '--quiet', revision);
      await deploy(revision);
    });
  }

  return {
    async firstPush() {
      const opened = github.openPullRequest({ repo, changes: bothImagesChanged(`${owner} ${word}`) });
      number = opened.number;
      return timed(async () => {
        const { branch, headSha } = opened;
        await typed(options, directory, git, 'clone', '--quiet', '--depth=1', `--branch=${branch}`, cloneUrl, clone);
        await deploy(headSha);
      });
    },
    pushCode: () => update(codeChanged(`${owner} ${word}`)),
    pushWords: () => update(wordsChanged(word)),
    close: () => timed(async () => void (await type(kubectl, 'delete', 'namespace', word))),
  };
}

async function typed(
  { stack, directory, signal }: ByHandOptions,
  cwd: string,
  program: string,
  ...args: readonly string[]
): Promise<void> {
  const env = {
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    HOME: directory,
    KUBECONFIG: stack.kubeconfig,
    DOCKER_HOST: stack.dockerHost,
    BUILDX_BUILDER: 'default',
  };
  await run(program, args, { signal, env, cwd, timeoutMs: commandTimeoutMs });
}

async function timed(work: () => Promise<void>): Promise<number> {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}
