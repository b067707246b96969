import { conversationControls } from './controls/conversation.ts';
import { installationControls } from './controls/installations.ts';
import { pullRequestControls } from './controls/pull-requests.ts';
import { repositoryControls } from './controls/repositories.ts';
import type { Stage } from './operations/stage.ts';

export type Controls = ReturnType<typeof createControls>;

/**
 * What people do on GitHub. Each takes effect at once and sends its webhooks without waiting for the receiver:
 * `deliveries.settled()` waits. Accounts come into being when they are named.
 */
export function createControls(stage: Stage) {
  return {
    ...repositoryControls(stage),
    ...pullRequestControls(stage),
    ...conversationControls(stage),
    ...installationControls(stage),
  };
}
