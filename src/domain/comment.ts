/** What is written on the pull request about its preview. */
import { codeBlock, codeSpan, escapeMarkdown, plainLine, shortened } from './escape.ts';
import type { Diagnosis, Place } from './preview.ts';
import type { Phase, Status } from './status.ts';

/**
 * The comment's Markdown. It depends on nothing but the status, so that an unchanged status is an unchanged text, and
 * is well below GitHub's limit of 65,536 characters.
 */
export function commentOf(status: Status): string {
  const sections = [
    headlineOf(status),
    sentenceOf(status),
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
  const text = status.phase === 'Ready' ? `Running${revision}` : (status.diagnosis?.message ?? status.message);
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
  if (status.phase === 'Ready' && url !== undefined)
    return `✅ **[Open the preview](${linkTarget(url)})** · running${revision}`;
  return `${headlines[status.phase]}${revision}`;
}

function sentenceOf(status: Status): string {
  if (status.phase === 'Ready') return '';
  return escapeMarkdown(shortened(status.diagnosis?.message ?? status.message, maxMessageLength));
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
  if (repositoryUrl === undefined || status.revision === undefined || place.path.length > maxPathLength) return text;
  const path = place.path.split('/').map(encodeURIComponent).join('/');
  return `[${text}](${linkTarget(`${repositoryUrl}/blob/${status.revision}/${path}#L${place.line}`)})`;
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
