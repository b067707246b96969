/** Whether GitHub knows our App, lets it do what it must, and is installed somewhere. */
import { neededEvents, neededPermissions } from '../adapters/github/needs.ts';
import { isServed } from '../domain/accounts.ts';
import {
  AppRefusedError,
  type GitHubSurvey,
  type InstallationSurvey,
  surveyGitHub,
} from '../adapters/github/survey.ts';
import { type Finding, note, ok, problem, warning } from './finding.ts';
import { deliveryFindings, hookFindings } from './github-webhooks.ts';
import type { Check } from './run-checks.ts';

export interface GitHubOptions {
  readonly apiUrl: string;
  readonly appId: number;
  readonly privateKey: string;
  /** As `isServed` takes them. */
  readonly accounts: readonly string[];
}

/** Tokens end by GitHub's clock; a skew up to this is made up for. */
const mostSkewMs = 30_000;
const lowShare = 0.2;
const mostNamed = 5;

export function githubCheck(options: GitHubOptions): Check {
  return {
    name: 'github',
    timeoutMs: 30_000,
    todo: 'Check BERTH_GITHUB_API_URL, and that this machine may connect to it.',
    async run(report, signal) {
      const survey = await surveyGitHub(options, signal).catch((error: unknown) => {
        if (error instanceof AppRefusedError) {
          report(
            problem(
              error.message,
              "Check that BERTH_GITHUB_APP_ID and BERTH_GITHUB_PRIVATE_KEY belong to one App and the key was not deleted in the App's settings. `berth setup` makes a new App: docs/github-app.md.",
            ),
          );
          return undefined;
        }
        throw error;
      });
      if (survey === undefined) return;
      for (const finding of githubFindings(survey, options)) report(finding);
    },
  };
}

/** Everything that is to be said of an App that GitHub knows. */
function githubFindings(
  survey: GitHubSurvey,
  { appId, apiUrl, accounts }: Pick<GitHubOptions, 'appId' | 'apiUrl' | 'accounts'>,
): readonly Finding[] {
  return [
    ok(`${apiUrl} knows the App ${survey.slug} (${appId})`),
    clockFinding(survey.clockAheadMs),
    permissionFinding(survey),
    ...eventFindings(survey),
    ...installationFindings(survey, accounts),
    ...hookFindings(survey.hook),
    ...deliveryFindings(survey),
  ].filter((finding) => finding !== undefined);
}

function clockFinding(aheadMs: number): Finding | undefined {
  if (Number.isNaN(aheadMs) || Math.abs(aheadMs) <= mostSkewMs) return undefined;
  const seconds = Math.round(Math.abs(aheadMs) / 1000);
  return warning(
    `this machine's clock is ${seconds} s ${aheadMs > 0 ? 'behind' : 'ahead of'} GitHub's`,
    'Set the clock, e.g. by NTP: tokens and signatures have a life of minutes.',
  );
}

function permissionFinding({ permissions }: GitHubSurvey): Finding {
  const missing = missingPermissions(permissions);
  if (missing.length === 0) {
    return ok(`permissions: ${neededPermissions.map(({ name, access }) => `${name} ${access}`).join(', ')}`);
  }
  return problem(
    `the App lacks permissions: ${missing.map(({ name, access, purpose }) => `${name} ${access} (to ${purpose})`).join(', ')}`,
    "Add them under Permissions in the App's settings; the owner of each installation is then asked to accept. The list is in docs/github-app.md.",
  );
}

function missingPermissions(granted: Readonly<Record<string, string>>) {
  return neededPermissions.filter(({ name, access }) => granted[name] !== 'write' && granted[name] !== access);
}

function eventFindings({ events, permissions }: GitHubSurvey): readonly Finding[] {
  const missing = neededEvents.filter(({ name }) => !events.includes(name));
  const subscribed = neededEvents.filter(({ name }) => events.includes(name)).map(({ name }) => name);
  const found = subscribed.length === 0 ? [] : [ok(`events: ${subscribed.join(', ')}`)];
  const findings = missing.map(({ name, without, essential, offeredWith }) => {
    // Nobody has to give the App more for it.
    if (!essential && !isOffered(offeredWith, permissions)) {
      return note(`the event ${name} is not subscribed to, which would take ${offeredWith}: ${without}`);
    }
    return (essential ? problem : warning)(
      `the event ${name} is not subscribed to: ${without}`,
      `Tick it under Permissions & events in the App's settings${offeredWith === undefined ? '' : `; it is offered with ${offeredWith}`}.`,
    );
  });
  return [...found, ...findings];
}

function isOffered(offeredWith: string | undefined, permissions: Readonly<Record<string, string>>): boolean {
  const [name] = offeredWith?.split(' ') ?? [];
  return name === undefined || permissions[name] !== undefined;
}

function installationFindings(
  { installations: all, htmlUrl, permissions }: GitHubSurvey,
  accounts: readonly string[],
): readonly Finding[] {
  const installations = all.filter(({ account }) => isServed(accounts, account));
  const ignored = all.filter(({ account }) => !isServed(accounts, account));
  const missing = accounts.filter((login) => !all.some(({ account }) => isServed([login], account)));
  const active = installations.filter(({ suspended }) => !suspended);
  const suspended = installations.filter((each) => each.suspended);
  const behind = active.filter(
    (each) => missingPermissions(each.permissions).length > missingPermissions(permissions).length,
  );
  return [
    active.length === 0
      ? warning(
          accounts.length === 0
            ? 'the App is not installed anywhere'
            : 'the App is installed on no account that is served',
          `Install it on the accounts whose pull requests get previews: ${htmlUrl}/installations/new`,
        )
      : ok(`installed on ${named(active)}${budgetText(active)}`),
    ignored.length === 0
      ? undefined
      : note(`ignored on ${named(ignored)}, for BERTH_GITHUB_ACCOUNTS says who is served: ${accounts.join(', ')}`),
    missing.length === 0
      ? undefined
      : warning(
          `the App is not installed on ${missing.join(', ')}, which BERTH_GITHUB_ACCOUNTS names`,
          `Install it there, or correct the name: ${htmlUrl}/installations/new`,
        ),
    suspended.length === 0
      ? undefined
      : warning(
          `suspended on ${named(suspended)}: nothing happens there`,
          'Its owner can unsuspend it under Settings, Applications.',
        ),
    behind.length === 0
      ? undefined
      : problem(
          `${named(behind)} has not accepted what the App asks for`,
          'Its owner accepts the new permissions under Settings, Applications.',
        ),
    lowBudget(active),
  ].filter((finding) => finding !== undefined);
}

function budgetText(active: readonly InstallationSurvey[]): string {
  const [least] = active.flatMap(({ budget }) => budget ?? []).toSorted((a, b) => a.remaining - b.remaining);
  return least === undefined ? '' : `, ${least.remaining} of ${least.limit} requests left this hour`;
}

function lowBudget(active: readonly InstallationSurvey[]): Finding | undefined {
  const low = active.filter(({ budget }) => budget !== undefined && budget.remaining < budget.limit * lowShare);
  if (low.length === 0) return undefined;
  return warning(
    `${named(low)} has little left of its requests for this hour`,
    'Raise BERTH_SWEEP_INTERVAL, and see what else uses the App.',
  );
}

function named(installations: readonly InstallationSurvey[]): string {
  const names = installations.slice(0, mostNamed).map(({ account }) => account);
  const more = installations.length - names.length;
  return more > 0 ? `${names.join(', ')} and ${more} more` : names.join(', ');
}
