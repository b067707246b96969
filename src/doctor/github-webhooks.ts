/** Whether webhooks arrive. The secret itself is never shown: what happened to the last deliveries tells. */
import type { DeliverySurvey, GitHubSurvey, HookSurvey } from '../adapters/github/survey.ts';
import { type Finding, note, ok, problem, warning } from './finding.ts';

/** Where Berth's server takes them. */
const path = '/webhooks/github';

export function hookFindings({ url, contentType, insecureSsl, hasSecret }: HookSurvey): readonly Finding[] {
  if (url === undefined || !URL.canParse(url)) {
    return [
      problem(
        "the App's webhook has no URL",
        `Set it in the App's settings to where BERTH_LISTEN is reached from GitHub: https://…${path}`,
      ),
    ];
  }
  const findings = [
    contentType === 'json'
      ? undefined
      : problem(
          `webhooks are sent as ${contentType ?? 'form'}`,
          "Choose the content type application/json in the App's settings; anything else is refused.",
        ),
    hasSecret
      ? undefined
      : problem(
          'webhooks are not signed: the App has no webhook secret',
          "Set the App's webhook secret to that of BERTH_GITHUB_WEBHOOK_SECRET.",
        ),
    insecureSsl || isPlain(url)
      ? warning(
          `webhooks to ${url} are open to whoever is in between`,
          "Use an https URL, and turn SSL verification on in the App's settings.",
        )
      : undefined,
  ].filter((finding) => finding !== undefined);
  return findings.length > 0 ? findings : [ok(`webhooks go to ${url}, signed, as JSON`)];
}

function isPlain(url: string): boolean {
  const { protocol, hostname } = new URL(url);
  return protocol !== 'https:' && !/^(localhost|127\.[\d.]+|\[::1\])$/.test(hostname);
}

export function deliveryFindings({ deliveries, hook }: Pick<GitHubSurvey, 'deliveries' | 'hook'>): readonly Finding[] {
  if (hook.url === undefined) return [];
  const [newest] = deliveries;
  if (newest === undefined) return [note('no webhook was sent lately')];
  const arrived = new Set(deliveries.filter((each) => hasArrived(each)).map(({ guid }) => guid));
  const lost = deliveries.filter(({ guid }) => !arrived.has(guid));
  const total = deliveries.length === 1 ? 'the last delivery' : `the last ${deliveries.length} deliveries`;
  if (lost.length === 0) return [ok(`${total} arrived`)];
  const seen = `${new Set(lost.map(({ guid }) => guid)).size} of ${total} did not arrive: ${codes(lost)}`;
  if (!hasArrived(newest)) return [problem(seen, todoFor(newest))];
  return [
    warning(
      seen,
      'Nothing, if Berth was away then: the sweep catches up. Otherwise look at what stands in front of it.',
    ),
  ];
}

function hasArrived({ statusCode }: DeliverySurvey): boolean {
  return statusCode >= 200 && statusCode < 300;
}

function codes(lost: readonly DeliverySurvey[]): string {
  const counts = new Map<string, number>();
  for (const { statusCode, status } of lost) {
    const word = statusCode === 0 || statusCode >= 500 ? `${statusCode} (${status})` : String(statusCode);
    counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  return [...counts].map(([word, count]) => `${count} × ${word}`).join(', ');
}

/** By what our own server answers, and what only a proxy in front of it or GitHub itself would. */
function todoFor({ statusCode }: DeliverySurvey): string {
  switch (statusCode) {
    case 401:
      return "Set the App's webhook secret to that of BERTH_GITHUB_WEBHOOK_SECRET: the signature of the newest delivery was wrong.";
    case 404:
      return `Let the App's webhook URL end in ${path}: something answers there, and does not know the address.`;
    case 415:
      return "Choose the content type application/json in the App's settings.";
    case 503:
      return 'See whether Redis takes writes: webhooks are refused until they can be stored.';
    default:
      return "See whether GitHub can reach the App's webhook URL, and whether Berth runs behind it.";
  }
}
