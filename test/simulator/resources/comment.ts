import type { Comment, PullRequest, Repository } from '../world/entities.ts';
import { fullName, type World } from '../world/world.ts';
import { appResource, authorAssociation, userResource } from './account.ts';
import { nodeId, timestamp } from './identity.ts';
import { labelResource } from './label.ts';
import { pullRequestPage } from './pull-request.ts';

export function commentResource(world: World, repository: Repository, comment: Comment) {
  const url = world.api(`/repos/${fullName(repository)}/issues/comments/${comment.id}`);
  return {
    url,
    html_url: `${pullRequestPage(world, repository, comment.issue)}#issuecomment-${comment.id}`,
    issue_url: world.api(`/repos/${fullName(repository)}/issues/${comment.issue}`),
    id: comment.id,
    node_id: nodeId('IC', comment.id),
    user: userResource(world, comment.user),
    created_at: timestamp(comment.createdAt),
    updated_at: timestamp(comment.updatedAt),
    author_association: authorAssociation(world, repository, comment.user),
    body: comment.body,
    reactions: reactions(url),
    performed_via_github_app: comment.viaApp ? appResource(world, world.app) : null,
  };
}

/** The issue a pull request also is, as `issue_comment` carries it. */
export function issueResource(world: World, repository: Repository, pull: PullRequest) {
  const url = world.api(`/repos/${fullName(repository)}/issues/${pull.number}`);
  const page = pullRequestPage(world, repository, pull.number);
  return {
    url,
    repository_url: world.api(`/repos/${fullName(repository)}`),
    labels_url: `${url}/labels{/name}`,
    comments_url: `${url}/comments`,
    events_url: `${url}/events`,
    timeline_url: `${url}/timeline`,
    html_url: page,
    id: pull.id,
    node_id: nodeId('PR', pull.id),
    number: pull.number,
    title: pull.title,
    user: userResource(world, pull.user),
    labels: [...pull.labels].map((name) => labelResource(world, repository, name)),
    state: pull.state,
    locked: false,
    assignee: null,
    assignees: [],
    milestone: null,
    comments: [...repository.comments.values()].filter(({ issue }) => issue === pull.number).length,
    created_at: timestamp(pull.createdAt),
    updated_at: timestamp(pull.updatedAt),
    closed_at: pull.closedAt ? timestamp(pull.closedAt) : null,
    author_association: authorAssociation(world, repository, pull.user),
    active_lock_reason: null,
    draft: pull.draft,
    pull_request: {
      url: world.api(`/repos/${fullName(repository)}/pulls/${pull.number}`),
      html_url: page,
      diff_url: `${page}.diff`,
      patch_url: `${page}.patch`,
      merged_at: pull.mergedAt ? timestamp(pull.mergedAt) : null,
    },
    body: pull.body,
    reactions: reactions(url),
    performed_via_github_app: null,
    state_reason: null,
  };
}

function reactions(url: string) {
  const none = { '+1': 0, '-1': 0, laugh: 0, hooray: 0, confused: 0, heart: 0, rocket: 0, eyes: 0 };
  return { url: `${url}/reactions`, total_count: 0, ...none };
}
