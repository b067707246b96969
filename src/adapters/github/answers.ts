/** GitHub's answers, as far as we read them, and what they are for us. */
import { z } from 'zod';
import type { PullRequest, Repository } from '../../domain/preview.ts';

export const repositoryAnswer = z.object({
  id: z.int(),
  name: z.string(),
  owner: z.object({ login: z.string() }),
  clone_url: z.string(),
});

export const pullRequestAnswer = z.object({
  number: z.int(),
  state: z.enum(['open', 'closed']),
  title: z.string(),
  html_url: z.string(),
  draft: z.boolean().nullish(),
  user: z.object({ login: z.string() }).nullish(),
  labels: z.array(z.object({ name: z.string() })),
  head: z.object({ sha: z.string(), ref: z.string(), repo: z.object({ id: z.int() }).nullish() }),
  base: z.object({ sha: z.string(), ref: z.string(), repo: repositoryAnswer }),
});

export const closedPullRequestAnswer = z.object({ ...pullRequestAnswer.shape, closed_at: z.string().nullish() });

export const fileAnswer = z.object({ filename: z.string(), previous_filename: z.string().nullish() });

/** Something that was written by an account, perhaps on behalf of an App. */
const authored = {
  user: z.object({ login: z.string(), type: z.string().optional() }).nullish(),
  performed_via_github_app: z.object({ id: z.int() }).nullish(),
};

export const commentAnswer = z.object({ id: z.int(), body: z.string().nullish(), ...authored });

export const personsCommentAnswer = z.object({
  ...commentAnswer.shape,
  html_url: z.string(),
  created_at: z.string(),
  updated_at: z.string(),
});

export const commitStatusAnswer = z.object({
  state: z.string(),
  context: z.string(),
  description: z.string().nullish(),
  target_url: z.string().nullish(),
  creator: authored.user,
});

export const deploymentAnswer = z.object({
  id: z.int(),
  sha: z.string(),
  task: z.string(),
  creator: authored.user,
  performed_via_github_app: authored.performed_via_github_app,
});

export const deploymentStatusAnswer = z.object({
  state: z.string(),
  description: z.string().nullish(),
  environment_url: z.string().nullish(),
});

export const appAnswer = z.object({ id: z.int(), slug: z.string() });

export function repositoryOf(answer: z.infer<typeof repositoryAnswer>): Repository {
  return { id: answer.id, owner: answer.owner.login, name: answer.name, cloneUrl: answer.clone_url };
}

export function pullRequestOf(answer: z.infer<typeof pullRequestAnswer>): PullRequest {
  const repository = repositoryOf(answer.base.repo);
  return {
    key: { repositoryId: repository.id, number: answer.number },
    repository,
    state: answer.state,
    title: answer.title,
    url: answer.html_url,
    draft: answer.draft ?? false,
    // Accounts that were deleted are called so on GitHub.
    author: answer.user?.login ?? 'ghost',
    labels: answer.labels.map(({ name }) => name),
    head: { revision: answer.head.sha, branch: answer.head.ref, repositoryId: answer.head.repo?.id },
    base: { branch: answer.base.ref, revision: answer.base.sha },
  };
}
