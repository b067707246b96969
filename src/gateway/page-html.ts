/** Pages for browsers: one small document, without scripts and without anything to load. */
import { createHash } from 'node:crypto';
import { shortRevision } from '../domain/comment.ts';
import { escapeHtml, plainLine, shortened } from '../domain/escape.ts';
import type { Diagnosis } from '../domain/preview.ts';
import type { Status } from '../domain/status.ts';
import { type Page, tabTitle } from './page.ts';
import { pageStyle } from './page-style.ts';

/** Allows our own style sheet and nothing else, in nobody's frame: no script, no other style, nothing to load or send. */
export const contentSecurityPolicy = `default-src 'none'; style-src 'sha256-${createHash('sha256')
  .update(pageStyle)
  .digest('base64')}'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'`;

/** The page as an HTML document. Everything in it that a stranger could have written is escaped. */
export function htmlOf(page: Page): string {
  const { status } = page;
  const refresh =
    page.refreshSeconds === undefined ? '' : `<meta http-equiv="refresh" content="${page.refreshSeconds}">\n`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
${refresh}<title>${text(tabTitle(page), 200)}</title>
<style>${pageStyle}</style>
</head>
<body>
<main class="${tone(page)}">
<h1><span class="dot"></span>${text(page.title, 100)}</h1>
<p class="message">${text(page.message, 1_000)}</p>
${status?.diagnosis ? diagnosisOf(status.diagnosis) : ''}${status ? imagesOf(status) : ''}${page.state === 'NoSuchRoute' && status ? routesOf(status) : ''}${status ? footerOf(status) : ''}</main>
</body>
</html>
`;
}

const maxRows = 20;

type Tone = 'busy' | 'bad' | 'quiet';

function tone(page: Page): Tone {
  if (page.statusCode === 502) return 'bad';
  return page.statusCode === 503 && page.state !== 'Held' ? 'busy' : 'quiet';
}

function diagnosisOf(diagnosis: Diagnosis): string {
  const places = (diagnosis.places ?? [])
    .slice(0, maxRows)
    .map(
      ({ path, line, column, message }) =>
        `<li><code>${text(path, 200)}:${line}:${column}</code> ${text(message, 500)}</li>\n`,
    );
  const log = (diagnosis.log ?? []).slice(-maxRows).map((line) => text(line, 400));
  const list = places.length > 0 ? `<ul>\n${places.join('')}</ul>\n` : '';
  return `${list}${log.length > 0 ? `<pre>${log.join('\n')}</pre>\n` : ''}`;
}

function imagesOf(status: Status): string {
  if (status.phase !== 'Building' && status.phase !== 'Failed') return '';
  const items = status.images
    .slice(0, maxRows)
    .map(({ name, state }) => `<li class="${state}"><code>${text(name, 100)}</code><span>${state}</span></li>\n`);
  return items.length > 0 ? `<ul class="images">\n${items.join('')}</ul>\n` : '';
}

function routesOf(status: Status): string {
  const items = status.urls
    .slice(0, maxRows)
    .map(({ name, url }) => `<li>${text(name, 100)}: ${link(url, url)}</li>\n`);
  return items.length > 0 ? `<ul>\n${items.join('')}</ul>\n` : '';
}

function footerOf(status: Status): string {
  const { repository, title, url } = status.pullRequest;
  const revision = status.revision === undefined ? '' : ` · <code>${text(shortRevision(status.revision), 7)}</code>`;
  return `<footer>${link(url, `${repository} #${status.key.number}`)}${revision}<br>${text(title, 300)}</footer>\n`;
}

/** A link when the address is one for browsers, and plain text otherwise (`javascript:` would be run). */
function link(url: string, label: string): string {
  const parsed = URL.parse(url);
  const isWeb = parsed?.protocol === 'https:' || parsed?.protocol === 'http:';
  return isWeb ? `<a href="${escapeHtml(parsed.href)}" rel="noreferrer">${text(label, 300)}</a>` : text(label, 300);
}

function text(value: string, maxLength: number): string {
  return escapeHtml(shortened(plainLine(value), maxLength));
}
