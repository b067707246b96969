import { install, issueToken, ping, setSuspended, uninstall } from '../operations/installations.ts';
import type { Stage } from '../operations/stage.ts';
import type { Permissions } from '../world/entities.ts';
import type { RepositoryName } from '../world/world.ts';

export interface WantedToken {
  readonly permissions?: Permissions;
  readonly repositories?: readonly RepositoryName[];
  readonly expiresInMs?: number;
}

/** What becomes of the app itself: where it is installed, its webhook, its tokens and the clock they expire by. */
export function installationControls(stage: Stage) {
  const { world } = stage;
  return {
    /** A token of the installation on that account, without the detour over the API; by default it may do everything. */
    issueToken(owner: string, wanted: WantedToken = {}): string {
      const repositories = wanted.repositories?.map((name) => world.repository(name).id);
      const expiresInMs = wanted.expiresInMs ?? 3_600_000;
      const permissions = wanted.permissions ?? world.app.permissions;
      return issueToken(stage, installationOf(owner), permissions, repositories && new Set(repositories), expiresInMs)
        .value;
    },

    /** Installs the app, if need be, and gives the installation's id. */
    install(owner: string): number {
      const account = world.user(owner, 'Organization');
      return (world.installationOf(account) ?? install(stage, account)).id;
    },

    suspendInstallation(owner: string): void {
      setSuspended(stage, installationOf(owner), true);
    },

    unsuspendInstallation(owner: string): void {
      setSuspended(stage, installationOf(owner), false);
    },

    uninstall(owner: string): void {
      uninstall(stage, installationOf(owner));
    },

    ping(): void {
      ping(stage);
    },

    setWebhookUrl(url: string | undefined): void {
      stage.webhooks.url = url;
    },

    /** Puts GitHub's clock ahead of this machine's, or behind it. Tokens expire by it. */
    setClockOffset(offsetMs: number): void {
      world.clockOffsetMs = offsetMs;
    },
  };

  function installationOf(owner: string) {
    const installation = world.installationOf(world.user(owner));
    if (!installation) throw new Error(`the app is not installed on ${owner}`);
    return installation;
  }
}
