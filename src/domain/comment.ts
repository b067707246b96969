/** What is written on the pull request about its preview. */
import { approvalCommand } from './approval-command.ts';
import type { Objection } from './approval.ts';
import { codeBlock, codeSpan, escapeMarkdown, plainLine, shortened } from './escape.ts';
import type { Diagnosis, Place } from './preview.ts';
import type { ForkStatus, Phase, Status } from './status.ts';

/**
 * The comment's Markdown. It depends on nothing but the status, so that an unchanged status is an unchanged text, and
 * is well below GitHub's limit of 65,536 characters.
 */
export function commentOf(status: Status): string {
  const sections = [
    headlineOf(status),
    sentenceOf(status),
    ...(status.fork?.state === 'waiting' ? approvalRequest(status, status.fork) : []),
    placesOf(status),
    imageTable(status),
    routeTable(status),
    servingLine(status),
    logOf(status.diagnosis),
  ];
  return `${sections.filter((section) => section !== '').join('\n\n')}\n`;
}

/** One plain line for a deployment's status: at most 140 characters, as GitHub demands. */
export function descriptionOf(status: Status): string {
  const revision = status.revision === undefined ? '' : ` ${shortRevision(status.revision)}`;
  const approved = status.fork?.state === 'approved' ? `, approved by ${status.fork.by}` : '';
  const text =
    status.phase === 'Ready' ? `Running${revision}${approved}` : (status.diagnosis?.message ?? status.message);
  return shortened(plainLine(text).trim() || `${status.phase}${revision}`, 140);
}

/** The first seven digits, as GitHub shows revisions. */
export function shortRevision(revision: string): string {
  return revision.slice(0, 7);
}

const maxMessageLength = 1_000;
const maxPlaces = 10;
const maxPlaceMessageLength = 300;
const maxPathLength = 200;
const maxLogLines = 20;
const maxLogLineLength = 400;
const maxRows = 20;
const maxBranchLength = 100;
const maxLoginLength = 60;
const maxUrlLength = 500;

const headlines: Readonly<Record<Phase, string>> = {
  Building: '🔨 **Building**',
  Deploying: '🚀 **Deploying**',
  Ready: '✅ **Running**',
  Failed: '❌ **Failed**',
  Held: '✋ **Waiting for approval**',
  Removing: '🧹 **Removing the preview**',
  Removed: '🧹 **The preview is removed**',
};

const imageStates: Readonly<Record<Status['images'][number]['state'], string>> = {
  waiting: '⏳ waiting',
  building: '🔨 building',
  built: '✅ built',
  failed: '❌ failed',
};

function headlineOf(status: Status): string {
  const revision = status.revision === undefined ? '' : ` ${revisionLink(status, status.revision)}`;
  const url = status.urls[0]?.url;
  if (status.phase === 'Ready') {
    const what = url === undefined ? headlines.Ready : `✅ **[Open the preview](${linkTarget(url)})** · running`;
    const { fork } = status;
    const approved = fork?.state === 'approved' ? ` · a fork's code, approved by ${login(fork.by)}` : '';
    return `${what}${revision}${approved}`;
  }
  return `${headlines[status.phase]}${revision}`;
}

function sentenceOf(status: Status): string {
  if (status.phase === 'Ready') return '';
  return escapeMarkdown(shortened(status.diagnosis?.message ?? status.message, maxMessageLength));
}

/** What somebody has to type, and what they then let in. */
function approvalRequest(status: Status, fork: ForkStatus & { readonly state: 'waiting' }): readonly string[] {
  const { revision = '', pullRequest } = status;
  const changes = linkTarget(`${pullRequest.url}/files/${revision}`);
  const branch = codeSpan(shortened(fork.branch, maxBranchLength));
  const baseBranch = codeSpan(shortened(fork.baseBranch, maxBranchLength));
  return [
    `Somebody with that right can look at [what it changes](${changes}), and then write a comment of exactly this line:`,
    codeBlock([approvalCommand(revision)]),
    `That lets ${revisionLink(status, revision)} of the fork's branch ${branch} be built by its own Dockerfiles, on builders that ` +
      `only untrusted code uses, and run without any secrets. Its chart, values and manifest come from the newest ${baseBranch} ` +
      'of this repository. Every push needs another approval.',
    fork.objection ? objectionLine(fork.objection) : '',
  ];
}

function objectionLine({ by, url, why }: Objection): string {
  const isLink = /^https?:\/\//.test(url) && url.length <= maxUrlLength;
  const command = isLink ? `[command](${linkTarget(url)})` : 'command';
  return `The newest ${command}, by ${login(by)}, ${escapeMarkdown(shortened(why, maxMessageLength))}.`;
}

/** Mentions nobody. */
function login(name: string): string {
  return escapeMarkdown(shortened(name, maxLoginLength));
}

function placesOf(status: Status): string {
  const places = (status.diagnosis?.places ?? []).slice(0, maxPlaces);
  return places
    .map((place) => `- ${placeLink(status, place)} ${escapeMarkdown(shortened(place.message, maxPlaceMessageLength))}`)
    .join('\n');
}

/** Images are worth a look only when one of them is why there is no preview; while they are built, each change would be an edit. */
function imageTable(status: Status): string {
  if (status.phase !== 'Failed') return '';
  if (status.images.every(({ state }) => state === 'built')) return '';
  const rows = status.images
    .slice(0, maxRows)
    .map(({ name, state }) => `| ${codeSpan(shortened(name, 100))} | ${imageStates[state]} |`);
  return ['| Image | |', '| --- | --- |', ...rows].join('\n');
}

/** The headline has the main URL already: a table is worth its place from the second on. */
function routeTable(status: Status): string {
  if (status.phase !== 'Ready' || status.urls.length < 2) return '';
  const rows = status.urls
    .slice(0, maxRows)
    .map(
      ({ name, url }) => `| ${codeSpan(shortened(name, 100))} | [${escapeMarkdown(hostOf(url))}](${linkTarget(url)}) |`,
    );
  return ['| Route | |', '| --- | --- |', ...rows].join('\n');
}

function servingLine(status: Status): string {
  const url = status.urls[0]?.url;
  if (status.phase === 'Ready' || status.phase === 'Removed') return '';
  if (status.serving === undefined) {
    const promised = url !== undefined && (status.phase === 'Building' || status.phase === 'Deploying');
    return promised ? `It will be at [${escapeMarkdown(hostOf(url))}](${linkTarget(url)}).` : '';
  }
  const where = url === undefined ? '' : ` at [${escapeMarkdown(hostOf(url))}](${linkTarget(url)})`;
  if (status.serving === status.revision) return where && `Serving${where}.`;
  return `Still serving ${revisionLink(status, status.serving)}${where}.`;
}

function logOf(diagnosis: Diagnosis | undefined): string {
  const lines = (diagnosis?.log ?? []).slice(-maxLogLines).map((line) => shortened(line, maxLogLineLength));
  if (lines.length === 0) return '';
  const summary = lines.length === 1 ? 'Last line of the log' : `Last ${lines.length} lines of the log`;
  return `<details><summary>${summary}</summary>\n\n${codeBlock(lines)}\n\n</details>`;
}

function revisionLink(status: Status, revision: string): string {
  return `[${codeSpan(shortRevision(revision))}](${linkTarget(`${status.pullRequest.url}/commits/${revision}`)})`;
}

function placeLink(status: Status, place: Place): string {
  const text = codeSpan(`${shortened(place.path, maxPathLength)}:${place.line}:${place.column}`);
  const repositoryUrl = /^(https?:\/\/.+)\/pull\/\d+$/.exec(status.pullRequest.url)?.[1];
  const revision = place.revision ?? status.revision;
  if (repositoryUrl === undefined || revision === undefined || place.path.length > maxPathLength) return text;
  const path = place.path.toWellFormed().split('/').map(encodeURIComponent).join('/');
  return `[${text}](${linkTarget(`${repositoryUrl}/blob/${revision}/${path}#L${place.line}`)})`;
}

/** A URL that cannot end the parentheses it is put in. */
function linkTarget(url: string): string {
  return encodeURI(plainLine(url))
    .replace(/%25([0-9A-Fa-f]{2})/g, '%$1')
    .replaceAll('(', '%28')
    .replaceAll(')', '%29');
}

function hostOf(url: string): string {
  return URL.parse(url)?.host ?? url;
}
