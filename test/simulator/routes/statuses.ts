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
  const status: CommitStatus = {
    id: call.world.nextId(),
    sha,
    state: input.state,
    context: input.context ?? 'default',
    description: input.description ?? null,
    targetUrl: input.target_url ?? null,
    creator: actorOf(call),
    createdAt: call.world.now(),
  };
  repositoryOf(call).statuses.push(status);
  call.world.changed();
  return created(statusResource(call.world, repositoryOf(call), status));
}
