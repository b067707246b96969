import { installationReference, userResource } from '../resources/account.ts';
import { repositoryContext } from '../resources/repository.ts';
import type { Repository, User } from '../world/entities.ts';
import type { World } from '../world/world.ts';
import type { Webhooks } from '../webhooks/webhooks.ts';

/** What an operation changes, and whom it tells. */
export interface Stage {
  readonly world: World;
  readonly webhooks: Webhooks;
}

/** Tells the app of something that happened in a repository, if it is installed there, and wakes up who waits. */
export function announce(
  { world, webhooks }: Stage,
  repository: Repository,
  event: string,
  payload: Readonly<Record<string, unknown>> & { readonly action?: string },
  sender: User,
): void {
  const installation = world.installationOf(repository.owner);
  if (installation) {
    webhooks.emit({
      event,
      ...(payload.action !== undefined && { action: payload.action }),
      installation,
      repository,
      payload: {
        ...payload,
        ...repositoryContext(world, repository),
        sender: userResource(world, sender),
        installation: installationReference(installation),
      },
    });
  }
  world.changed();
}
