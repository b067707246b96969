import { issueToken } from '../operations/installations.ts';
import { appResource, installationResource, tokenResource } from '../resources/account.ts';
import { repositoryResource } from '../resources/repository.ts';
import type { Access, Permissions, Repository } from '../world/entities.ts';
import { created, notFound, ok, Refusal } from '../http/answer.ts';
import { page } from '../http/page.ts';
import { type Call, covers, installationCallerOf, repositoryOf, type Route } from '../http/route.ts';

interface TokenRequest {
  readonly repositories?: readonly string[];
  readonly repository_ids?: readonly number[];
  readonly permissions?: Permissions;
}

export const appRoutes: readonly Route[] = [
  {
    operation: 'apps/get-authenticated',
    caller: 'app',
    handle: ({ world }) => ok({ ...appResource(world, world.app), installations_count: world.installations.size }),
  },
  {
    operation: 'apps/list-installations',
    caller: 'app',
    handle: (call) =>
      page(call, [...call.world.installations.values()], (each) => installationResource(call.world, each)),
  },
  {
    operation: 'apps/get-installation',
    caller: 'app',
    handle: (call) => ok(installationResource(call.world, installationOf(call))),
  },
  {
    operation: 'apps/get-repo-installation',
    caller: 'app',
    handle: (call) => {
      const installation = call.world.installationOf(repositoryOf(call).owner);
      if (!installation) throw notFound();
      return ok(installationResource(call.world, installation));
    },
  },
  { operation: 'apps/create-installation-access-token', caller: 'app', handle: createToken },
  {
    operation: 'apps/list-repos-accessible-to-installation',
    caller: 'installation',
    handle: (call) => {
      const caller = installationCallerOf(call);
      const visible = [...call.world.repositories.values()].filter((repository) => covers(caller, repository));
      return page(
        call,
        visible,
        (each) => repositoryResource(call.world, each),
        (repositories, total) => ({ total_count: total, repository_selection: 'all', repositories }),
      );
    },
  },
];

function createToken(call: Call) {
  const { world } = call;
  const installation = installationOf(call);
  if (installation.suspendedAt) throw new Refusal(403, 'This installation has been suspended');
  const wanted = (call.body ?? {}) as TokenRequest;
  const permissions = narrowed(world.app.permissions, wanted.permissions);
  const owned = [...world.repositories.values()].filter(({ owner }) => owner === installation.account);
  const repositories = selected(owned, wanted);
  const ids = repositories && new Set(repositories.map(({ id }) => id));
  const token = issueToken(call, installation, permissions, ids, call.tokenLifetimeMs);
  return created(
    tokenResource(
      token,
      repositories?.map((each) => repositoryResource(world, each)),
    ),
  );
}

function narrowed(granted: Permissions, wanted: Permissions | undefined): Permissions {
  if (!wanted) return granted;
  for (const [name, access] of Object.entries(wanted)) {
    if (!allows(granted[name], access)) {
      throw new Refusal(422, 'The permissions requested are not granted to this installation.', []);
    }
  }
  return { ...wanted, metadata: 'read' };
}

function allows(granted: Access | undefined, wanted: Access): boolean {
  return granted === 'write' || granted === wanted;
}

function selected(owned: readonly Repository[], { repositories, repository_ids: ids }: TokenRequest) {
  if (!repositories && !ids) return undefined;
  const found = [
    ...(repositories ?? []).map((name) => owned.find((each) => each.name.toLowerCase() === name.toLowerCase())),
    ...(ids ?? []).map((id) => owned.find((each) => each.id === id)),
  ];
  const present = found.filter((each) => each !== undefined);
  if (present.length < found.length) {
    const message =
      'There is at least one repository that does not exist or is not accessible to the parent installation.';
    throw new Refusal(422, message, []);
  }
  return present;
}

function installationOf(call: Call) {
  const installation = call.world.installations.get(Number(call.params['installation_id']));
  if (!installation) throw notFound();
  return installation;
}
