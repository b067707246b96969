import type { CheckRun, PullRequest, Repository } from '../world/entities.ts';
import { fullName, type World } from '../world/world.ts';
import { appResource } from './account.ts';
import { nodeId, timestamp } from './identity.ts';

export function checkRunResource(world: World, repository: Repository, run: CheckRun) {
  const url = world.api(`/repos/${fullName(repository)}/check-runs/${run.id}`);
  return {
    id: run.id,
    name: run.name,
    node_id: nodeId('CR', run.id),
    head_sha: run.sha,
    external_id: run.externalId,
    url,
    html_url: world.html(`/${fullName(repository)}/runs/${run.id}`),
    details_url: run.detailsUrl ?? appResource(world, world.app).external_url,
    status: run.status,
    conclusion: run.conclusion,
    started_at: run.startedAt,
    completed_at: run.completedAt,
    output: { ...run.output, annotations_count: run.annotations.length, annotations_url: `${url}/annotations` },
    check_suite: { id: run.suiteId },
    app: appResource(world, world.app),
    pull_requests: pullRequestsAt(repository, run.sha).map((pull) => minimalPullRequest(world, repository, pull)),
  };
}

/** A check run as webhooks carry it. */
export function checkRunPayload(world: World, repository: Repository, run: CheckRun) {
  const resource = checkRunResource(world, repository, run);
  return {
    ...resource,
    check_suite: {
      id: run.suiteId,
      node_id: nodeId('CS', run.suiteId),
      head_branch: pullRequestsAt(repository, run.sha)[0]?.head.ref ?? null,
      head_sha: run.sha,
      status: run.status,
      conclusion: run.conclusion,
      url: world.api(`/repos/${fullName(repository)}/check-suites/${run.suiteId}`),
      before: null,
      after: null,
      pull_requests: resource.pull_requests,
      app: resource.app,
      created_at: timestamp(run.createdAt),
      updated_at: timestamp(run.createdAt),
    },
  };
}

export function annotationResource(
  world: World,
  repository: Repository,
  run: CheckRun,
  annotation: CheckRun['annotations'][number],
) {
  return {
    path: annotation.path,
    blob_href: world.html(`/${fullName(repository)}/blob/${run.sha}/${annotation.path}`),
    start_line: annotation.start_line,
    start_column: null,
    end_line: annotation.end_line,
    end_column: null,
    annotation_level: annotation.annotation_level,
    title: annotation.title ?? null,
    message: annotation.message,
    raw_details: annotation.raw_details ?? null,
  };
}

/** GitHub links a check run to open pull requests of the same repository only, never to those of forks. */
function pullRequestsAt(repository: Repository, sha: string): readonly PullRequest[] {
  return [...repository.pullRequests.values()].filter(
    (pull) => pull.state === 'open' && pull.head.sha === sha && pull.head.repositoryId === repository.id,
  );
}

function minimalPullRequest(world: World, repository: Repository, pull: PullRequest) {
  const url = world.api(`/repos/${fullName(repository)}`);
  const repo = { id: repository.id, url, name: repository.name };
  return {
    url: `${url}/pulls/${pull.number}`,
    id: pull.id,
    number: pull.number,
    head: { ref: pull.head.ref, sha: pull.head.sha, repo },
    base: { ref: pull.base.ref, sha: pull.base.sha, repo },
  };
}
