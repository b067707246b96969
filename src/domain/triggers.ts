/**
 * Which previews a webhook is about. Nothing else of a payload is believed: what to do is read from the forge. A payload
 * that looks different than expected is about nothing; the sweep will notice what that misses.
 */
import type { PreviewKey } from './preview.ts';

export interface Triggers {
  readonly keys: readonly PreviewKey[];
  /** What we can see has changed as a whole: look at every open pull request and every preview. */
  readonly everything: boolean;
}

const nothing: Triggers = { keys: [], everything: false };

/**
 * @param event as the header `X-GitHub-Event` has it.
 * @param payload the parsed body, whatever it is; never throws.
 */
export function triggersOf(event: string, payload: unknown): Triggers {
  const fields = fieldsOf(payload);
  const { action } = fields;
  const repositoryId = fieldsOf(fields['repository'])['id'];
  switch (event) {
    case 'pull_request':
      return about(repositoryId, [fields['pull_request']]);
    case 'issue_comment':
      return aboutComment(repositoryId, fields);
    case 'check_run':
      // Somebody has pressed a button. Progress of other checks is none of our business.
      if (action !== 'requested_action' && action !== 'rerequested') return nothing;
      return about(repositoryId, pullRequestsOf(fields['check_run'], repositoryId));
    case 'check_suite':
      // Completed: an image that the repository's CI builds may be there.
      if (action !== 'completed' && action !== 'rerequested') return nothing;
      return about(repositoryId, pullRequestsOf(fields['check_suite'], repositoryId));
    case 'installation':
    case 'installation_repositories':
    case 'repository':
      return { keys: [], everything: true };
    default:
      return nothing;
  }
}

/** Login of the account that a payload is about: the repository's owner, or who has installed the App. `undefined` when it does not say. */
export function accountOf(payload: unknown): string | undefined {
  const { repository, installation } = fieldsOf(payload);
  const account = fieldsOf(repository)['owner'] ?? fieldsOf(installation)['account'];
  const login = fieldsOf(account)['login'];
  return typeof login === 'string' ? login : undefined;
}

function aboutComment(repositoryId: unknown, payload: Fields): Triggers {
  const { issue, sender, action } = payload;
  // Issues and pull requests share numbers and this event; only the latter have this field.
  if (fieldsOf(issue)['pull_request'] === undefined) return nothing;
  // Our own comments would wake us with every step. One that somebody deletes is written again.
  if (fieldsOf(sender)['type'] === 'Bot' && action !== 'deleted') return nothing;
  return about(repositoryId, [issue]);
}

/** Keys of those pull requests that have a number; GitHub lists the same one twice in places. */
function about(repositoryId: unknown, pullRequests: readonly unknown[]): Triggers {
  if (!isId(repositoryId)) return nothing;
  const numbers = new Set(pullRequests.map((pullRequest) => fieldsOf(pullRequest)['number']).filter(isId));
  return { keys: [...numbers].map((number) => ({ repositoryId, number })), everything: false };
}

/** Those into this repository: pull requests of a fork are listed as well, and their numbers mean something else here. */
function pullRequestsOf(check: unknown, repositoryId: unknown): readonly unknown[] {
  const listed = fieldsOf(check)['pull_requests'];
  if (!Array.isArray(listed)) return [];
  return listed.filter((each) => fieldsOf(fieldsOf(fieldsOf(each)['base'])['repo'])['id'] === repositoryId);
}

type Fields = Readonly<Record<string, unknown>>;

function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {};
}

function isId(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0;
}
