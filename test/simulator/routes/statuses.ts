import { addStatus } from '../operations/statuses.ts';
import { combinedStatusResource, statusResource } from '../resources/commit.ts';
import type { CommitStatus, Repository } from '../world/entities.ts';
import { created, invalid, ok } from '../http/answer.ts';
import { page } from '../http/page.ts';
import { actorOf, type Call, repositoryOf, type Route } from '../http/route.ts';
import { commitOf } from './commits.ts';

interface StatusInput {
  readonly state: string;
  readonly target_url?: string | null;
  readonly description?: string | null;
  readonly context?: string;
}

/** Of one context for one commit. Source: docs.github.com/rest/commits/statuses */
const mostStatuses = 1_000;
const read = [{ statuses: 'read' }] as const;

export const statusRoutes: readonly Route[] = [
  {
    operation: 'repos/create-commit-status',
    caller: 'installation',
    needs: [{ statuses: 'write' }],
    handle: createStatus,
  },
  {
    operation: 'repos/list-commit-statuses-for-ref',
    caller: 'installation',
    needs: read,
    handle: (call) => {
      const { sha } = commitOf(call, String(call.params['ref']));
      const found = repositoryOf(call).statuses.filter((status) => status.sha === sha);
      return page(call, found.toReversed(), (status) => statusResource(call.world, repositoryOf(call), status));
    },
  },
  {
    operation: 'repos/get-combined-status-for-ref',
    caller: 'installation',
    needs: read,
    handle: (call) => {
      const { sha } = commitOf(call, String(call.params['ref']));
      return ok(combinedStatusResource(call.world, repositoryOf(call), sha, newestStatuses(repositoryOf(call), sha)));
    },
  },
];

/** The newest status of every context at a commit. */
export function newestStatuses(repository: Repository, sha: string): readonly CommitStatus[] {
  const newest = new Map<string, CommitStatus>();
  for (const status of repository.statuses) if (status.sha === sha) newest.set(status.context, status);
  return [...newest.values()];
}

function createStatus(call: Call) {
  const { sha } = commitOf(call, String(call.params['sha']));
  const input = call.body as StatusInput;
  if ((input.description ?? '').length > 140) {
    throw invalid('Status', 'description', 'description is too long (maximum is 140 characters)');
  }
  const context = input.context ?? 'default';
  const before = repositoryOf(call).statuses.filter((each) => each.sha === sha && each.context === context);
  if (before.length >= mostStatuses) {
    throw invalid('Status', 'base', `This SHA and context has reached the maximum number of statuses.`);
  }
  const status = addStatus(call, repositoryOf(call), sha, actorOf(call), {
    state: input.state,
    context,
    description: input.description ?? null,
    targetUrl: input.target_url ?? null,
  });
  return created(statusResource(call.world, repositoryOf(call), status));
}
