/** A stranger's pull request, and what there is of it. */
import { execFile } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Files } from './repositories.ts';
import type { World } from './world.ts';

const run = promisify(execFile);
export const waiting = /Waiting for approval/;

export interface Fork {
  readonly repo: string;
  readonly number: number;
  readonly headSha: string;
  /** Comments as the maintainer, if nobody else is named. */
  comment(body: string, author?: string): number;
  approve(revision: string): void;
}

/** A public repository in which `robin` may write, and a pull request out of a fork of `stranger`. */
export function openFork({ github }: World, name: string, from: Files | string, changes: Files): Fork {
  const repo = `acme/${name}`;
  github.createRepository({ owner: 'acme', name, from, private: false });
  github.setPermission(repo, 'robin', 'write');
  const { number, headSha } = github.openPullRequest({ repo, fromFork: 'stranger', changes });
  const comment = (body: string, author = 'robin') => github.comment(repo, number, author, body);
  return { repo, number, headSha, comment, approve: (revision) => void comment(`/preview approve ${revision}`) };
}

/** Everything that exists of a revision: fetched, on our disk, being built, or in the cluster. */
export async function tracesOf(world: World, revision: string): Promise<readonly string[]> {
  const mirrors = join(world.directory, 'first', 'git', 'mirrors');
  const traces: string[] = [];
  if (world.github.fetched.includes(revision)) traces.push('fetched');
  for (const mirror of await readdir(mirrors)) {
    const known = run('git', [`--git-dir=${join(mirrors, mirror)}`, 'cat-file', '-e', revision]);
    if (await known.then(() => true).catch(() => false)) traces.push(`in the mirror ${mirror}`);
  }
  for (const { msg } of world.berth.log.filter((line) => line['revision'] === revision && /build|built/.test(line.msg)))
    traces.push(msg);
  for (const { metadata } of await world.namespaces())
    if (JSON.stringify(metadata).includes(revision)) traces.push(metadata?.name ?? '');
  return traces;
}
