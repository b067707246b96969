import { addLabel, computeMergeability, removeLabel } from '../operations/pull-requests.ts';
import { labelResource } from '../resources/label.ts';
import {
  changedFiles,
  diffEntryResource,
  pullRequestResource,
  simplePullRequestResource,
} from '../resources/pull-request.ts';
import type { PullRequest, Repository } from '../world/entities.ts';
import { ok, Refusal } from '../http/answer.ts';
import { page } from '../http/page.ts';
import { actorOf, type Call, pullRequestOf, repositoryOf, type Route } from '../http/route.ts';

const read = [{ pull_requests: 'read' }] as const;
const readIssue = [{ issues: 'read' }, { pull_requests: 'read' }] as const;
const writeIssue = [{ issues: 'write' }, { pull_requests: 'write' }] as const;

export const pullRequestRoutes: readonly Route[] = [
  {
    operation: 'pulls/get',
    caller: 'installation',
    needs: read,
    handle: (call) => {
      const pull = pullRequestOf(call, 'pull_number');
      const answer = ok(pullRequestResource(call.world, repositoryOf(call), pull));
      computeMergeability(call, repositoryOf(call), pull);
      return answer;
    },
  },
  {
    operation: 'pulls/list',
    caller: 'installation',
    needs: read,
    handle: (call) =>
      page(call, listed(call), (pull) => simplePullRequestResource(call.world, repositoryOf(call), pull)),
  },
  {
    operation: 'pulls/list-files',
    caller: 'installation',
    needs: read,
    handle: (call) => {
      const repository = repositoryOf(call);
      const pull = pullRequestOf(call, 'pull_number');
      // GitHub lists 3,000 files at most. Source: docs.github.com/rest/pulls/pulls, "List pull requests files".
      const files = changedFiles(repository, pull).slice(0, 3000);
      return page(call, files, (entry) => diffEntryResource(call.world, repository, pull, entry));
    },
  },
  {
    operation: 'issues/list-labels-on-issue',
    caller: 'installation',
    needs: readIssue,
    handle: (call) => {
      const pull = pullRequestOf(call, 'issue_number');
      return page(call, [...pull.labels], (name) => labelResource(call.world, repositoryOf(call), name));
    },
  },
  {
    operation: 'issues/add-labels',
    caller: 'installation',
    needs: writeIssue,
    handle: (call) => {
      const pull = pullRequestOf(call, 'issue_number');
      for (const name of labelNames(call.body)) addLabel(call, repositoryOf(call), pull, name, actorOf(call));
      return labelsAnswer(call, pull);
    },
  },
  {
    operation: 'issues/remove-label',
    caller: 'installation',
    needs: writeIssue,
    handle: (call) => {
      const pull = pullRequestOf(call, 'issue_number');
      const removed = removeLabel(call, repositoryOf(call), pull, String(call.params['name']), actorOf(call));
      if (!removed) throw new Refusal(404, 'Label does not exist');
      return labelsAnswer(call, pull);
    },
  },
];

function listed(call: Call): readonly PullRequest[] {
  const { state = 'open', head, base, sort = 'created', direction } = call.query;
  const found = [...repositoryOf(call).pullRequests.values()]
    .filter((pull) => state === 'all' || pull.state === state)
    .filter((pull) => base === undefined || pull.base.ref === base)
    .filter((pull) => head === undefined || `${pull.head.owner.login}:${pull.head.ref}` === head);
  const key = (pull: PullRequest) => (sort === 'updated' ? pull.updatedAt.getTime() : pull.number);
  found.sort((a, b) => key(a) - key(b) || a.number - b.number);
  // Newest first unless the client sorts by something else than creation and says nothing about the direction.
  const ascending = direction === undefined ? sort !== 'created' : direction === 'asc';
  return ascending ? found : found.toReversed();
}

function labelNames(body: unknown): readonly string[] {
  const wanted = Array.isArray(body) ? body : ((body as { labels?: unknown[] } | undefined)?.labels ?? []);
  return wanted.map((each) => (typeof each === 'string' ? each : String((each as { name: unknown }).name)));
}

function labelsAnswer(call: Call, pull: PullRequest) {
  const repository: Repository = repositoryOf(call);
  return ok([...pull.labels].map((name) => labelResource(call.world, repository, name)));
}
