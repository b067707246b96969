import type { App, Installation, Permissions, Repository, Role, User } from '../world/entities.ts';
import type { World } from '../world/world.ts';
import { nodeId, timestamp } from './identity.ts';

export function userResource(world: World, user: User) {
  const url = world.api(`/users/${encodeURIComponent(user.login)}`);
  return {
    login: user.login,
    id: user.id,
    node_id: nodeId(user.type === 'Organization' ? 'O' : 'U', user.id),
    avatar_url: world.html(`/avatars/u/${user.id}?v=4`),
    gravatar_id: '',
    url,
    html_url: world.html(user.type === 'Bot' ? `/apps/${world.app.slug}` : `/${user.login}`),
    followers_url: `${url}/followers`,
    following_url: `${url}/following{/other_user}`,
    gists_url: `${url}/gists{/gist_id}`,
    starred_url: `${url}/starred{/owner}{/repo}`,
    subscriptions_url: `${url}/subscriptions`,
    organizations_url: `${url}/orgs`,
    repos_url: `${url}/repos`,
    events_url: `${url}/events{/privacy}`,
    received_events_url: `${url}/received_events`,
    type: user.type,
    user_view_type: 'public',
    site_admin: false,
  };
}

export function organizationResource(world: World, account: User) {
  const url = world.api(`/orgs/${account.login}`);
  return {
    login: account.login,
    id: account.id,
    node_id: nodeId('O', account.id),
    url,
    repos_url: `${url}/repos`,
    events_url: `${url}/events`,
    hooks_url: `${url}/hooks`,
    issues_url: `${url}/issues`,
    members_url: `${url}/members{/member}`,
    public_members_url: `${url}/public_members{/member}`,
    avatar_url: world.html(`/avatars/u/${account.id}?v=4`),
    description: null,
  };
}

export function appResource(world: World, app: App) {
  return {
    id: app.id,
    client_id: app.clientId,
    slug: app.slug,
    node_id: nodeId('A', app.id),
    owner: userResource(world, app.owner),
    name: app.name,
    description: '',
    external_url: 'https://example.com/berth',
    html_url: world.html(`/apps/${app.slug}`),
    created_at: timestamp(app.createdAt),
    updated_at: timestamp(app.createdAt),
    permissions: app.permissions,
    events: app.events,
  };
}

export function installationResource(world: World, installation: Installation) {
  const { account } = installation;
  const suspended = installation.suspendedAt;
  return {
    id: installation.id,
    client_id: world.app.clientId,
    account: userResource(world, account),
    repository_selection: 'all',
    access_tokens_url: world.api(`/app/installations/${installation.id}/access_tokens`),
    repositories_url: world.api('/installation/repositories'),
    html_url: world.html(`/organizations/${account.login}/settings/installations/${installation.id}`),
    app_id: world.app.id,
    app_slug: world.app.slug,
    target_id: account.id,
    target_type: account.type,
    permissions: world.app.permissions,
    events: world.app.events,
    created_at: timestamp(installation.createdAt),
    updated_at: timestamp(installation.createdAt),
    single_file_name: null,
    has_multiple_single_files: false,
    single_file_paths: [],
    suspended_by: suspended ? userResource(world, account) : null,
    suspended_at: suspended ? timestamp(suspended) : null,
  };
}

const legacyPermission: Readonly<Record<Role, string>> = {
  admin: 'admin',
  maintain: 'write',
  write: 'write',
  triage: 'read',
  read: 'read',
  none: 'none',
};

/** `permission` knows four levels; maintainers say `write` there and triagers `read`. */
export function collaboratorPermissionResource(world: World, user: User, role: Role) {
  const ranks: readonly Role[] = ['none', 'read', 'triage', 'write', 'maintain', 'admin'];
  const has = (least: Role) => ranks.indexOf(role) >= ranks.indexOf(least);
  const permissions = {
    admin: has('admin'),
    maintain: has('maintain'),
    push: has('write'),
    triage: has('triage'),
    pull: has('read'),
  };
  return {
    permission: legacyPermission[role],
    role_name: role,
    user: { ...userResource(world, user), permissions, role_name: role },
  };
}

export function installationReference(installation: Installation) {
  return { id: installation.id, node_id: nodeId('MDIzOkludGVncmF0aW9uSW5zdGFsbGF0aW9u', installation.id) };
}

export function tokenResource(
  token: { readonly value: string; readonly expiresAt: Date; readonly permissions: Permissions },
  repositories: readonly unknown[] | undefined,
) {
  return {
    token: token.value,
    expires_at: timestamp(token.expiresAt),
    permissions: token.permissions,
    repository_selection: repositories ? 'selected' : 'all',
    ...(repositories && { repositories }),
  };
}

/** A hint for people; it says nothing about what somebody may do. */
export function authorAssociation(world: World, repository: Repository, user: User): string {
  if (user === repository.owner) return 'OWNER';
  if (world.members.has(`${repository.owner.login}/${user.login}`.toLowerCase())) return 'MEMBER';
  const role = world.role(repository, user);
  if (role === 'none' || role === 'read') return 'NONE';
  return repository.owner.type === 'Organization' ? 'MEMBER' : 'COLLABORATOR';
}
