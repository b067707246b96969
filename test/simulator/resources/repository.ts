import type { Repository } from '../world/entities.ts';
import { fullName, type World } from '../world/world.ts';
import { organizationResource, userResource } from './account.ts';
import { nodeId, timestamp } from './identity.ts';

const links: Readonly<Record<string, string>> = {
  archive_url: '/{archive_format}{/ref}',
  assignees_url: '/assignees{/user}',
  blobs_url: '/git/blobs{/sha}',
  branches_url: '/branches{/branch}',
  collaborators_url: '/collaborators{/collaborator}',
  comments_url: '/comments{/number}',
  commits_url: '/commits{/sha}',
  compare_url: '/compare/{base}...{head}',
  contents_url: '/contents/{+path}',
  contributors_url: '/contributors',
  deployments_url: '/deployments',
  downloads_url: '/downloads',
  events_url: '/events',
  forks_url: '/forks',
  git_commits_url: '/git/commits{/sha}',
  git_refs_url: '/git/refs{/sha}',
  git_tags_url: '/git/tags{/sha}',
  hooks_url: '/hooks',
  issue_comment_url: '/issues/comments{/number}',
  issue_events_url: '/issues/events{/number}',
  issues_url: '/issues{/number}',
  keys_url: '/keys{/key_id}',
  labels_url: '/labels{/name}',
  languages_url: '/languages',
  merges_url: '/merges',
  milestones_url: '/milestones{/number}',
  notifications_url: '/notifications{?since,all,participating}',
  pulls_url: '/pulls{/number}',
  releases_url: '/releases{/id}',
  stargazers_url: '/stargazers',
  statuses_url: '/statuses/{sha}',
  subscribers_url: '/subscribers',
  subscription_url: '/subscription',
  tags_url: '/tags',
  teams_url: '/teams',
  trees_url: '/git/trees{/sha}',
};

const linksByUrl = new Map<string, Readonly<Record<string, string>>>();

/** The links of a repository by its URL. Kept: a page of pull requests names the same repository two hundred times. */
function linksBelow(url: string): Readonly<Record<string, string>> {
  let found = linksByUrl.get(url);
  if (!found) {
    found = Object.fromEntries(Object.entries(links).map(([name, path]) => [name, url + path]));
    linksByUrl.set(url, found);
  }
  return found;
}

/** What pull requests, webhooks and lists carry of a repository. */
export function repositoryResource(world: World, repository: Repository) {
  const url = world.api(`/repos/${fullName(repository)}`);
  const htmlUrl = world.html(`/${fullName(repository)}`);
  let openIssues = 0;
  for (const { state } of repository.pullRequests.values()) if (state === 'open') openIssues += 1;
  return {
    id: repository.id,
    node_id: nodeId('R', repository.id),
    name: repository.name,
    full_name: fullName(repository),
    private: repository.private,
    owner: userResource(world, repository.owner),
    html_url: htmlUrl,
    description: null,
    fork: repository.parentId !== undefined,
    url,
    ...linksBelow(url),
    created_at: timestamp(repository.createdAt),
    updated_at: timestamp(repository.updatedAt),
    pushed_at: timestamp(repository.pushedAt),
    git_url: `${htmlUrl.replace(/^https?/, 'git')}.git`,
    ssh_url: `git@${new URL(world.origin).hostname}:${fullName(repository)}.git`,
    clone_url: `${htmlUrl}.git`,
    svn_url: htmlUrl,
    homepage: null,
    size: repository.history.blobs.size,
    stargazers_count: 0,
    watchers_count: 0,
    language: null,
    has_issues: true,
    has_projects: true,
    has_downloads: true,
    has_wiki: true,
    has_pages: false,
    has_discussions: false,
    forks_count: 0,
    mirror_url: null,
    archived: false,
    disabled: false,
    open_issues_count: openIssues,
    license: null,
    allow_forking: true,
    is_template: false,
    web_commit_signoff_required: false,
    topics: [],
    visibility: repository.private ? 'private' : 'public',
    forks: 0,
    open_issues: openIssues,
    watchers: 0,
    default_branch: repository.defaultBranch,
  };
}

/** The repository's own page in the API. */
export function fullRepositoryResource(world: World, repository: Repository) {
  const parent = repository.parentId === undefined ? undefined : world.findRepository(repository.parentId);
  return {
    ...repositoryResource(world, repository),
    ...(repository.owner.type === 'Organization' && { organization: userResource(world, repository.owner) }),
    ...(parent && { parent: repositoryResource(world, parent), source: repositoryResource(world, parent) }),
    network_count: 0,
    subscribers_count: 0,
  };
}

export function repositoryReference(repository: Repository) {
  return {
    id: repository.id,
    node_id: nodeId('R', repository.id),
    name: repository.name,
    full_name: fullName(repository),
    private: repository.private,
  };
}

/** The part of every webhook payload that says where it happened. */
export function repositoryContext(world: World, repository: Repository) {
  return {
    repository: repositoryResource(world, repository),
    ...(repository.owner.type === 'Organization' && { organization: organizationResource(world, repository.owner) }),
  };
}
