/** A pull request in front of the adapter, and what people see of it. */
import assert from 'node:assert/strict';
import { RetryLaterError } from '../../../src/domain/errors.ts';
import type { PreviewKey } from '../../../src/domain/preview.ts';
import { type Github, startGithub } from './github.ts';

export const { signal } = new AbortController();
export const always = { onlyExisting: false };

export function openPullRequest(github: Github, repo: number): PreviewKey {
  return { repositoryId: repo, number: github.simulator.openPullRequest({ repo }).number };
}

/** A GitHub with `acme/shop#1`. */
export async function opened(options: Parameters<typeof startGithub>[0] = {}) {
  const github = await startGithub(options);
  const { id } = github.simulator.createRepository({ owner: 'acme', name: 'shop' });
  const key = openPullRequest(github, id);
  const revision = github.simulator.pullRequest(id, key.number).head.sha;
  return { github, id, key, revision, [Symbol.asyncDispose]: () => github[Symbol.asyncDispose]() };
}

/** The comments without their hidden first line. */
export function texts(github: Github, key: PreviewKey): readonly string[] {
  return github.simulator
    .comments(key.repositoryId, key.number)
    .map(({ body }) => body.split('\n').slice(1).join('\n'));
}

/** The states of each deployment, oldest first. */
export function states(github: Github, key: PreviewKey): readonly (readonly string[])[] {
  return github.simulator
    .deployments(key.repositoryId, key.number)
    .map(({ statuses }) => statuses.map(({ state }) => state));
}

/** When the call asks us to come back; throws when it does not. */
export async function retryAt(asked: Promise<unknown>): Promise<number> {
  const error: unknown = await asked.then(
    () => assert.fail('no error'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof RetryLaterError, String(error));
  return error.retryAt;
}
