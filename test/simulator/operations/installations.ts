import { randomBytes } from 'node:crypto';
import { installationResource, organizationResource, userResource } from '../resources/account.ts';
import { timestamp } from '../resources/identity.ts';
import { repositoryReference } from '../resources/repository.ts';
import type { Installation, Permissions, Repository, Token, User } from '../world/entities.ts';
import { announce, type Stage } from './stage.ts';

/** Installs the app on an account, for all of its repositories, those to come included. */
export function install(stage: Stage, account: User): Installation {
  const { world } = stage;
  const installation: Installation = {
    id: world.nextId() - 2_250_000_000,
    account,
    createdAt: world.now(),
    suspendedAt: undefined,
  };
  world.installations.set(installation.id, installation);
  tell(stage, installation, 'created');
  return installation;
}

export function uninstall(stage: Stage, installation: Installation): void {
  tell(stage, installation, 'deleted');
  stage.world.installations.delete(installation.id);
  revokeTokens(stage, installation);
}

export function setSuspended(stage: Stage, installation: Installation, suspended: boolean): void {
  installation.suspendedAt = suspended ? stage.world.now() : undefined;
  tell(stage, installation, suspended ? 'suspend' : 'unsuspend');
}

export function announceRepository(stage: Stage, repository: Repository): void {
  const { world, webhooks } = stage;
  const installation = world.installationOf(repository.owner);
  if (!installation) return;
  webhooks.emit({
    event: 'installation_repositories',
    action: 'added',
    installation,
    payload: {
      action: 'added',
      installation: installationResource(world, installation),
      repository_selection: 'all',
      repositories_added: [repositoryReference(repository)],
      repositories_removed: [],
      requester: null,
      sender: userResource(world, installation.account),
    },
  });
}

export function issueToken(
  { world }: Stage,
  installation: Installation,
  permissions: Permissions,
  repositoryIds: ReadonlySet<number> | undefined,
  lifetimeMs: number,
): Token {
  const token: Token = {
    value: `ghs_${randomBytes(27).toString('base64').replaceAll(/[+/]/g, '0')}`,
    installationId: installation.id,
    permissions,
    repositoryIds,
    expiresAt: new Date(world.now().getTime() + lifetimeMs),
  };
  world.tokens.set(token.value, token);
  world.changed();
  return token;
}

export function renameRepository(stage: Stage, repository: Repository, name: string): void {
  const from = repository.name;
  stage.world.moveRepository(repository, repository.owner, name);
  announce(
    stage,
    repository,
    'repository',
    { action: 'renamed', changes: { repository: { name: { from } } } },
    repository.owner,
  );
}

export function transferRepository(stage: Stage, repository: Repository, to: User): void {
  const from = repository.owner;
  stage.world.moveRepository(repository, to, repository.name);
  const previous =
    from.type === 'Organization'
      ? { organization: organizationResource(stage.world, from) }
      : { user: userResource(stage.world, from) };
  announce(stage, repository, 'repository', { action: 'transferred', changes: { owner: { from: previous } } }, to);
}

/** What GitHub sends when an app's webhook is set up. */
export function ping({ world, webhooks }: Stage): void {
  const at = timestamp(world.app.createdAt);
  webhooks.emit({
    event: 'ping',
    payload: {
      zen: 'Keep it logically awesome.',
      hook_id: webhooks.hookId,
      hook: {
        type: 'App',
        id: webhooks.hookId,
        name: 'web',
        active: true,
        events: world.app.events,
        config: {
          content_type: 'json',
          insecure_ssl: '0',
          secret: '********',
          ...(webhooks.url && { url: webhooks.url }),
        },
        updated_at: at,
        created_at: at,
        app_id: world.app.id,
        deliveries_url: world.api('/app/hook/deliveries'),
      },
    },
  });
}

function revokeTokens({ world }: Stage, installation: Installation): void {
  for (const token of world.tokens.values())
    if (token.installationId === installation.id) world.tokens.delete(token.value);
}

function tell({ world, webhooks }: Stage, installation: Installation, action: string): void {
  const repositories = [...world.repositories.values()].filter(({ owner }) => owner === installation.account);
  webhooks.emit({
    event: 'installation',
    action,
    installation,
    payload: {
      action,
      installation: installationResource(world, installation),
      repositories: repositories.map(repositoryReference),
      ...(action === 'created' && { requester: null }),
      sender: userResource(world, installation.account),
    },
  });
  world.changed();
}
