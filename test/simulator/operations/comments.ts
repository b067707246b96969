import { commentResource, issueResource } from '../resources/comment.ts';
import type { Comment, Repository, User } from '../world/entities.ts';
import { touch } from './pull-requests.ts';
import { announce, type Stage } from './stage.ts';

export function createComment(
  stage: Stage,
  repository: Repository,
  issue: number,
  user: User,
  body: string,
  viaApp = false,
): Comment {
  const at = stage.world.now();
  const comment: Comment = { id: stage.world.nextId(), issue, user, body, viaApp, createdAt: at, updatedAt: at };
  repository.comments.set(comment.id, comment);
  tell(stage, repository, comment, 'created', user);
  return comment;
}

export function editComment(stage: Stage, repository: Repository, comment: Comment, body: string, sender: User): void {
  const from = comment.body;
  comment.body = body;
  comment.updatedAt = stage.world.now();
  tell(stage, repository, comment, 'edited', sender, { changes: { body: { from } } });
}

export function deleteComment(stage: Stage, repository: Repository, comment: Comment, sender: User): void {
  repository.comments.delete(comment.id);
  tell(stage, repository, comment, 'deleted', sender);
}

function tell(
  stage: Stage,
  repository: Repository,
  comment: Comment,
  action: string,
  sender: User,
  more: Readonly<Record<string, unknown>> = {},
): void {
  const pull = repository.pullRequests.get(comment.issue);
  if (!pull) throw new Error(`no pull request ${comment.issue} to comment on`);
  touch(stage, pull);
  const issue = issueResource(stage.world, repository, pull);
  announce(
    stage,
    repository,
    'issue_comment',
    { action, issue, comment: commentResource(stage.world, repository, comment), ...more },
    sender,
  );
}
