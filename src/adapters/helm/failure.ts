/** What Helm's last words mean. Pure. */
import { DiagnosedError } from '../../domain/errors.ts';
import type { Chart } from '../../domain/plan.ts';
import type { Diagnosis, Place, Reason } from '../../domain/preview.ts';
import { ExitError } from '../../process.ts';
import { schemaProblems } from './schema-problems.ts';
import { immutableObjects } from './immutable.ts';

const mostLines = 20;
const longestMessage = 400;

/** What a shell exits with when it cannot run or find a program. Source: POSIX, "Exit Status for Commands" */
const neverRan: readonly number[] = [126, 127];

/**
 * An error for a failed run of Helm: one for the author when the chart or the cluster's rules are at fault.
 * @param knownKeys Of the chart's values, for suggestions when one is mistyped.
 */
export function failureOf(doing: string, error: unknown, chart: Chart, knownKeys: Iterable<string> = []): Error {
  if (!(error instanceof ExitError)) return error instanceof Error ? error : new Error(doing, { cause: error });
  const said = essence(error.stderr);
  if (neverRan.includes(error.code) || isOutage(said)) return new Error(`${doing}: ${said}`, { cause: error });
  return new DiagnosedError(diagnose(said, chart, knownKeys), { cause: error });
}

/** The job of a failed hook, for its log. */
export function failedHookJob(diagnosis: Diagnosis): string | undefined {
  if (diagnosis.reason !== 'HookFailed') return undefined;
  return /job `([^`]+)`/.exec(diagnosis.message)?.[1];
}

/**
 * Helm has one exit code for everything, so that its words are all there is. Those of outages are client-go's and the
 * API server's; trying again is right after them.
 */
function isOutage(said: string): boolean {
  return outages.some((pattern) => pattern.test(said));
}

const outages: readonly RegExp[] = [
  /cluster unreachable/i,
  // The release is locked, or was half uninstalled: `unlock` comes first.
  /another operation \(install\/upgrade\/rollback\) is in progress|has no deployed releases/,
  // The network, as Go words it.
  /\b(connection refused|connection reset|broken pipe|i\/o timeout|TLS handshake timeout|no such host)\b/,
  /\b(network is unreachable|no route to host|server closed idle connection|use of closed network connection)\b/,
  // A template that lacks an `end` says "unexpected EOF" too.
  /\b(Get|Post|Put|Patch|Delete) "[^"]+": .*(EOF|request canceled)|reading response body|http2: /,
  // What client-go makes of a status without words. Source: k8s.io/apimachinery, `NewGenericServerResponse`
  /an error on the server \(.*\) has prevented the request from succeeding|the server reported a conflict/s,
  /the server is currently unable to handle the request|the server was unable to return a response in the time allotted/,
  /too many requests|the server has asked for the client to provide credentials|\bUnauthorized\b/i,
  // The API server's own words.
  /etcdserver: |Internal error occurred|Timeout: request did not complete|server is shutting down/i,
  /is being terminated|the object has been modified|status unknown for quota/,
  /^(context canceled|release .* failed, and has been uninstalled due to .*context canceled)/,
];

function diagnose(said: string, chart: Chart, knownKeys: Iterable<string>): Diagnosis {
  const log = said.split('\n').slice(0, mostLines);
  const hook = /(?:failed |)((?:pre|post)-(?:install|upgrade|delete|rollback))(?: hooks failed)?: (.*)/s.exec(said);
  if (hook) return { reason: 'HookFailed', message: hookMessage(hook[1] ?? '', hook[2] ?? ''), log };
  const places = placesOf(said, chart);
  const reason: Reason = isRefusal(said)
    ? 'ReleaseFailed'
    : /not ready\. status/.test(said)
      ? 'NotReadyInTime'
      : 'ChartInvalid';
  return { reason, message: message(reason, said, knownKeys), log, ...(places.length > 0 ? { places } : {}) };
}

/** The API server refused an object, as opposed to Helm refusing the chart. */
function isRefusal(said: string): boolean {
  return [
    / is forbidden: /,
    / is invalid: /,
    /^(failed to create resource|cannot patch|cannot create|unable to continue with)/,
    /no matches for kind/,
    /denied the request/,
  ].some((pattern) => pattern.test(said));
}

function message(reason: Reason, said: string, knownKeys: Iterable<string>): string {
  if (reason === 'ReleaseFailed') return refusalMessage(said);
  if (reason === 'NotReadyInTime') return `The release did not become ready in time: ${firstLine(said)}.`;
  const missing = /missing in charts\/ directory: (.*)/.exec(said)?.[1];
  if (missing !== undefined) {
    return `The chart's dependencies (${missing.trim()}) are not in its folder: run \`helm dependency build\` and commit \`charts/\`.`;
  }
  if (/unable to detect chart|Chart\.yaml file is missing/.test(said)) {
    return 'There is no chart in that folder: it has no `Chart.yaml`.';
  }
  if (said.startsWith("values don't meet the specifications")) {
    const problems = schemaProblems(said, knownKeys).join('; ').slice(0, longestMessage);
    return `The values do not fit the chart's schema: ${problems}.`;
  }
  if (/failed to perform "FetchReference"|failed to fetch|failed to resolve/.test(said)) {
    return `The chart cannot be pulled: ${firstLine(said.replace(/^.*on source: /, ''))}.`;
  }
  const demanded = /^execution error at \(([^)]+)\): (.*)/s.exec(said);
  if (demanded) return `The chart refuses its values: ${inOneLine(demanded[2] ?? '')} (${demanded[1]}).`;
  return `The chart cannot be rendered: ${inOneLine(said.replace(/^unable to build kubernetes objects from release manifest: /, ''))}.`;
}

function refusalMessage(said: string): string {
  const denied =
    /User "system:serviceaccount:([^:]+):[^"]+" cannot \w+ resource "([^"]+)".* (?:at the (cluster)|in the namespace "([^"]+)")/.exec(
      said,
    );
  const object = /resource (\S+ "[^"]+")/.exec(said)?.[1] ?? /^cannot \w+ ("[^"]+" with kind [^\s:]+)/.exec(said)?.[1];
  if (denied) {
    const [, own, resource, cluster, namespace] = denied;
    const elsewhere = namespace === own ? '' : ` in the namespace \`${namespace}\``;
    const where = cluster === undefined ? elsewhere : ', which are for the whole cluster';
    const which = object === undefined ? '' : ` (${object.replaceAll('"', '`')})`;
    return `Previews may not have ${resource}${where}${which}: take it out of the chart.`;
  }
  const kind = /no matches for kind "([^"]+)" in version "([^"]+)"/.exec(said);
  if (kind) return `The cluster does not know the kind \`${kind[1]}\` of \`${kind[2]}\`.`;
  const changed = immutableObjects(said);
  if (changed.length > 0) {
    const which = changed.map((each) => `${each.kind} \`${each.name}\``).join(', ');
    return `Kubernetes does not let ${which} change as the chart wants it to: give it another name, or close and reopen the pull request for a fresh preview.`;
  }
  return `The cluster refuses the release: ${inOneLine(said)}.`;
}

function hookMessage(event: string, rest: string): string {
  const job = /resource (\w+)\/[^/\s]+\/(\S+) not ready\. status: (\w+), message: (.*)/.exec(rest);
  if (!job) return `A ${event} hook failed: ${inOneLine(rest)}.`;
  const [, kind = '', name = '', status, why = ''] = job;
  const what = `The ${event} hook, ${kind.toLowerCase()} \`${name}\`,`;
  return status === 'InProgress' ? `${what} did not end in time.` : `${what} failed: ${why.replace(/\.+$/, '')}.`;
}

/** Where in the repository: `web/templates/a.yaml:22:10`, the first part being the chart's name. */
function placesOf(said: string, chart: Chart): readonly Place[] {
  if (chart.kind !== 'path') return [];
  const at = /[\w.-]+\/((?:charts\/[\w.-]+\/)*templates\/[^\s:()]+):(\d+)(?::(\d+))?/.exec(said);
  if (!at) return [];
  const path = [chart.path, at[1]].filter(Boolean).join('/');
  return [{ path, line: Number(at[2]), column: Number(at[3] ?? 1), message: inOneLine(said) }];
}

/** Standard error without log lines and Helm's own headline. */
function essence(stderr: string): string {
  const lines = stderr.split('\n').filter((line) => !/^(level=|WARNING: |I\d{4} |W\d{4} |E\d{4} )/.test(line));
  return lines
    .join('\n')
    .trim()
    .replace(/^Error: /, '')
    .replace(/^(UPGRADE|INSTALLATION|UNINSTALL|ROLLBACK) FAILED: /, '')
    .slice(0, longestSaid);
}

/** A chart can fail with a message of any length; what follows looks for many patterns in it. */
const longestSaid = 16 * 1024;

function firstLine(text: string): string {
  return (text.split('\n')[0] ?? '').trim().replace(/\.+$/, '').slice(0, longestMessage);
}

function inOneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim().replace(/\.+$/, '').slice(0, longestMessage);
}
