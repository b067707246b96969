/** What a person says about the App that is to be made. Pure. */
import { type GitHubHost, isLoopback } from './github-host.ts';

/** What is known of the App before GitHub makes it. */
export interface Registration {
  readonly name: string;
  /** Where GitHub sends webhooks: Berth's server, with its path. */
  readonly webhookUrl: string;
  /** Whose App it is; `undefined` for the person's own account. */
  readonly organisation: string | undefined;
  /** Whether other accounts than its owner may install it. */
  readonly isPublic: boolean;
}

/** The same as it was typed. */
export interface Answers {
  readonly name: string;
  readonly webhookUrl: string;
  readonly organisation: string;
  readonly isPublic: boolean;
}

/** One sentence for each answer that will not do. */
export type Problems = Readonly<Partial<Record<'name' | 'webhookUrl' | 'organisation', string>>>;

/** Berth's server takes webhooks there. */
const webhookPath = '/webhooks/github';

/** GitHub takes no longer name. Source: docs.github.com/apps/creating-github-apps, "Registering a GitHub App". */
export const longestName = 34;

/** Reads what was typed; what can be meant in one way only is completed. */
export function parseAnswers(
  answers: Answers,
  host: GitHubHost,
): { readonly registration: Registration } | { readonly problems: Problems } {
  const name = answers.name.trim();
  const organisation = answers.organisation.trim().replace(/^@/, '');
  const webhookUrl = completeWebhookUrl(answers.webhookUrl.trim());
  const problems = {
    ...problemOf('name', nameProblem(name)),
    ...problemOf('webhookUrl', webhookProblem(webhookUrl, host)),
    ...problemOf('organisation', organisationProblem(organisation)),
  };
  if (Object.keys(problems).length > 0 || webhookUrl === undefined) return { problems };
  const { isPublic } = answers;
  return { registration: { name, webhookUrl, organisation: organisation || undefined, isPublic } };
}

/** What a person should think about before going on, one sentence or two each. */
export function warnings({ webhookUrl, isPublic }: Registration, host: GitHubHost): readonly string[] {
  const hostName = new URL(host.webUrl).host;
  return [
    webhookWarning(webhookUrl),
    isPublic
      ? `Anybody on ${hostName} can install a public App, and this Berth will build and run what they send.`
      : undefined,
  ].filter((warning) => warning !== undefined);
}

function webhookWarning(webhookUrl: string): string | undefined {
  const { protocol, pathname } = new URL(webhookUrl);
  if (protocol === 'http:') {
    return 'The webhook URL is not encrypted: what GitHub sends can be read on the way. Signatures still keep it from being changed.';
  }
  if (!pathname.endsWith(webhookPath)) {
    return `Berth takes webhooks at ${webhookPath}: something in front of it has to rewrite this path.`;
  }
  return undefined;
}

/** A host alone means https, and the path that Berth listens on. `undefined` for what is no URL. */
function completeWebhookUrl(typed: string): string | undefined {
  const url = URL.parse(typed.includes('://') ? typed : `https://${typed}`);
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:')) return undefined;
  if (url.username !== '' || url.password !== '' || url.hash !== '') return undefined;
  if (url.pathname === '/' && url.search === '') url.pathname = webhookPath;
  return url.href;
}

function nameProblem(name: string): string | undefined {
  if (name === '') return 'Give the App a name.';
  if (name.length > longestName) return `GitHub takes at most ${longestName} characters; these are ${name.length}.`;
  return /^[\w .-]+$/.test(name) ? undefined : 'Use letters, digits, spaces, dots, hyphens and underscores.';
}

function webhookProblem(webhookUrl: string | undefined, host: GitHubHost): string | undefined {
  if (webhookUrl === undefined)
    return 'Give the URL that GitHub can reach Berth at, such as https://berth.example.com.';
  // A GitHub on this very machine is one for trying things out.
  const reachesHere = isLoopback(new URL(host.webUrl).hostname);
  if (isLoopback(new URL(webhookUrl).hostname) && !reachesHere) {
    return 'GitHub cannot reach this machine by that name: give the public address of Berth.';
  }
  return undefined;
}

function organisationProblem(organisation: string): string | undefined {
  if (organisation === '' || /^[A-Za-z0-9][\w-]{0,99}$/.test(organisation)) return undefined;
  return 'Give the name in its URL: the word after github.com/.';
}

function problemOf(field: keyof Problems, problem: string | undefined): Problems {
  return problem === undefined ? {} : { [field]: problem };
}
