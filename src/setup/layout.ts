/** What every page of the set-up has around it. */
import { createHash } from 'node:crypto';
import { type GitHubHost } from './github-host.ts';
import { Html, html } from './html.ts';
import { pageStyle } from './page-style.ts';

/** What of the way a page belongs to. */
export type Stage = 'describe' | 'create' | 'install';

const stages: readonly { readonly stage: Stage; readonly name: string }[] = [
  { stage: 'describe', name: 'Describe' },
  { stage: 'create', name: 'Create' },
  { stage: 'install', name: 'Install' },
];

/**
 * Our own style sheet and nothing else, in nobody's frame; forms go to us and to GitHub. A GitHub other than github.com may pass
 * a form on to its company's sign-on, and browsers heed this list on the way there, too.
 */
export function contentSecurityPolicy({ webUrl }: GitHubHost): string {
  const style = createHash('sha256').update(pageStyle).digest('base64');
  const forms = webUrl === 'https://github.com' ? webUrl : `${webUrl} https:`;
  return `default-src 'none'; style-src 'sha256-${style}'; form-action 'self' ${forms}; frame-ancestors 'none'; base-uri 'none'`;
}

const logo = html`<svg viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true"><path d="M12 3v10M12 4l6 8h-6M4 15h16l-2.2 4.2a1.5 1.5 0 0 1-1.3.8h-9a1.5 1.5 0 0 1-1.3-.8z"/></svg>`;

/** The whole document. */
export function documentOf(title: string, stage: Stage, content: Html): string {
  const now = stages.findIndex((each) => each.stage === stage);
  const steps = stages.map(({ name }, index) => {
    if (index < now) return html`<li class="past"><b aria-hidden="true">✓</b><span>${name}</span></li>`;
    const current = index === now ? new Html(' class="now" aria-current="step"') : undefined;
    return html`<li${current}><b aria-hidden="true">${index + 1}</b><span>${name}</span></li>`;
  });
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${title} · Berth</title>
<style>${new Html(pageStyle)}</style>
</head>
<body>
<div class="sheet">
<header><div class="brand">${logo}Berth</div><ol class="steps" aria-label="Steps">${steps}</ol></header>
<main>${content}</main>
</div>
</body>
</html>
`.markup;
}
