import { requestAction, rerequestCheckRun } from '../operations/checks.ts';
import { createComment, deleteComment, editComment } from '../operations/comments.ts';
import { addStatus, type StatusText } from '../operations/statuses.ts';
import type { Stage } from '../operations/stage.ts';
import type { RepositoryName } from '../world/world.ts';

/** What people say on a pull request and its commits, and the buttons they press there. */
export function conversationControls(stage: Stage) {
  const { world } = stage;
  return {
    /** Gives the comment's id. */
    comment(repo: RepositoryName, number: number, user: string, body: string): number {
      return createComment(stage, world.repository(repo), number, accountOf(user), body).id;
    },

    editComment(repo: RepositoryName, id: number, body: string, user?: string): void {
      const { repository, comment } = commentOf(repo, id);
      editComment(stage, repository, comment, body, user === undefined ? comment.user : world.user(user));
    },

    deleteComment(repo: RepositoryName, id: number, user?: string): void {
      const { repository, comment } = commentOf(repo, id);
      deleteComment(stage, repository, comment, user === undefined ? comment.user : world.user(user));
    },

    /** Writes a status as anybody who may push can: with any name and any text, but as themselves. */
    setStatus(repo: RepositoryName, sha: string, user: string, text: Partial<StatusText> = {}): void {
      const { state = 'success', context = 'default', description = null, targetUrl = null } = text;
      addStatus(stage, world.repository(repo), sha, accountOf(user), { state, context, description, targetUrl });
    },

    /** Presses one of the buttons on a check run. */
    requestAction(repo: RepositoryName, checkRunId: number, identifier: string, user: string): void {
      const { repository, run } = checkRunOf(repo, checkRunId);
      requestAction(stage, repository, run, identifier, world.user(user));
    },

    rerequestCheckRun(repo: RepositoryName, checkRunId: number, user: string): void {
      const { repository, run } = checkRunOf(repo, checkRunId);
      rerequestCheckRun(stage, repository, run, world.user(user));
    },
  };

  /** A person, or an App such as the one that workflows write as. */
  function accountOf(login: string) {
    return world.user(login, login.endsWith('[bot]') ? 'Bot' : 'User');
  }

  function commentOf(repo: RepositoryName, id: number) {
    const repository = world.repository(repo);
    const comment = repository.comments.get(id);
    if (!comment) throw new Error(`the simulator has no comment ${id} in ${repo}`);
    return { repository, comment };
  }

  function checkRunOf(repo: RepositoryName, id: number) {
    const repository = world.repository(repo);
    const run = repository.checkRuns.get(id);
    if (!run) throw new Error(`the simulator has no check run ${id} in ${repo}`);
    return { repository, run };
  }
}
