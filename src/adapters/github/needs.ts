/** What the GitHub App must be allowed, and which events it must receive, for everything that Berth does. */

export interface NeededPermission {
  readonly name: string;
  readonly access: 'read' | 'write';
  /** What it is for, as the end of "needed to …". */
  readonly purpose: string;
}

export const neededPermissions: readonly NeededPermission[] = [
  { name: 'metadata', access: 'read', purpose: 'find the repositories, and what a person may do in them' },
  { name: 'contents', access: 'read', purpose: 'fetch what is built' },
  // Also what comments on pull requests ask for, as an alternative to `issues`.
  { name: 'pull_requests', access: 'write', purpose: 'read pull requests and comment on them' },
  // GitHub offers `issue_comment` only to Apps that may read issues, though it is about pull requests, too.
  { name: 'issues', access: 'read', purpose: 'be told of comments' },
  { name: 'deployments', access: 'write', purpose: 'show the preview and its URL on the pull request' },
  { name: 'statuses', access: 'write', purpose: 'write down which commits of strangers were approved' },
];

export interface NeededEvent {
  readonly name: string;
  /** What is late or lost without it. */
  readonly without: string;
  readonly essential: boolean;
  /** What else the App must be allowed for the event to be offered; `undefined` for nothing more. */
  readonly offeredWith?: string;
}

/**
 * Events to subscribe to. `installation` and `installation_repositories` are sent to every App and cannot be chosen.
 * Source: docs.github.com/webhooks/webhook-events-and-payloads#installation
 */
export const neededEvents: readonly NeededEvent[] = [
  { name: 'pull_request', without: 'previews follow only when the sweep comes by', essential: true },
  {
    name: 'issue_comment',
    without: 'commands and approvals in comments are noticed late',
    essential: true,
    offeredWith: 'issues read',
  },
  {
    name: 'check_suite',
    without: 'an image built by CI is noticed late',
    essential: false,
    offeredWith: 'checks read',
  },
  { name: 'repository', without: 'a renamed repository is noticed late', essential: false },
];
