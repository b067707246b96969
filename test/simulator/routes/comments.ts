import { createComment, deleteComment, editComment } from '../operations/comments.ts';
import { commentResource } from '../resources/comment.ts';
import type { Comment } from '../world/entities.ts';
import { created, invalid, notFound, nothing, ok, Refusal } from '../http/answer.ts';
import { page } from '../http/page.ts';
import { actorOf, type Call, pullRequestOf, repositoryOf, type Route } from '../http/route.ts';

const read = [{ issues: 'read' }, { pull_requests: 'read' }] as const;
const write = [{ issues: 'write' }, { pull_requests: 'write' }] as const;
/** Source: the error GitHub gives, "Body is too long (maximum is 65536 characters)". */
const longest = 65_536;

export const commentRoutes: readonly Route[] = [
  {
    operation: 'issues/list-comments',
    caller: 'installation',
    needs: read,
    handle: (call) => {
      const { number } = pullRequestOf(call, 'issue_number');
      const since = call.query['since'] === undefined ? 0 : Date.parse(String(call.query['since']));
      const comments = [...repositoryOf(call).comments.values()].filter(
        ({ issue, updatedAt }) => issue === number && updatedAt.getTime() >= since,
      );
      return page(call, comments, (comment) => commentResource(call.world, repositoryOf(call), comment));
    },
  },
  {
    operation: 'issues/create-comment',
    caller: 'installation',
    needs: write,
    handle: (call) => {
      const { number } = pullRequestOf(call, 'issue_number');
      const comment = createComment(call, repositoryOf(call), number, actorOf(call), textOf(call), true);
      return created(commentResource(call.world, repositoryOf(call), comment));
    },
  },
  {
    operation: 'issues/get-comment',
    caller: 'installation',
    needs: read,
    handle: (call) => ok(commentResource(call.world, repositoryOf(call), commentOf(call))),
  },
  {
    operation: 'issues/update-comment',
    caller: 'installation',
    needs: write,
    handle: (call) => {
      const comment = commentOf(call);
      if (comment.user !== actorOf(call)) throw new Refusal(403, 'Resource not accessible by integration');
      editComment(call, repositoryOf(call), comment, textOf(call), actorOf(call));
      return ok(commentResource(call.world, repositoryOf(call), comment));
    },
  },
  {
    operation: 'issues/delete-comment',
    caller: 'installation',
    needs: write,
    handle: (call) => {
      deleteComment(call, repositoryOf(call), commentOf(call), actorOf(call));
      return nothing;
    },
  },
];

function textOf(call: Call): string {
  const { body } = call.body as { readonly body: string };
  if (body.trim() === '') throw invalid('IssueComment', 'body', "Body can't be blank");
  if (body.length > longest)
    throw invalid('IssueComment', 'body', `Body is too long (maximum is ${longest} characters)`);
  return body;
}

function commentOf(call: Call): Comment {
  const comment = repositoryOf(call).comments.get(Number(call.params['comment_id']));
  if (!comment) throw notFound();
  return comment;
}
