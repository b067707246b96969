import type { Repository } from '../world/entities.ts';
import { fullName, type World } from '../world/world.ts';
import type { Answer } from './answer.ts';

/** A plain page for people who follow a pull request's link; `undefined` for any other path. */
export function pullRequestPageAnswer(world: World, path: string): Answer | undefined {
  const [, owner, name, number] = /^\/([^/]+)\/([^/]+)\/pull\/(\d+)$/.exec(path) ?? [];
  if (owner === undefined || name === undefined) return undefined;
  const repository = world.findRepository(`${owner}/${name}`);
  const pull = repository?.pullRequests.get(Number(number));
  if (!repository || !pull) return undefined;
  const comments = [...repository.comments.values()].filter(({ issue }) => issue === pull.number);
  const body = [
    `<p>${text(fullName(repository))}</p>`,
    `<h1>${text(pull.title)} <small>#${pull.number}</small></h1>`,
    `<p>${pull.mergedAt ? 'merged' : pull.state}${pull.draft ? ', draft' : ''} · ${text(pull.user.login)} wants to merge`,
    ` <code>${text(pull.head.owner.login)}:${text(pull.head.ref)}</code> into <code>${text(pull.base.ref)}</code>`,
    ` · <code>${pull.head.sha}</code></p>`,
    `<p>${[...pull.labels].map((label) => `<mark>${text(label)}</mark>`).join(' ')}</p>`,
    '<h2>Deployments</h2><ul>',
    ...deploymentLines(repository, pull.head.ref, pull.head.sha),
    '</ul><h2>Conversation</h2>',
    ...comments.map((each) => `<article><b>${text(each.user.login)}</b><pre>${text(each.body)}</pre></article>`),
  ].join('\n');
  const style =
    'body{font:16px system-ui;max-width:48rem;margin:2rem auto;padding:0 1rem}pre{white-space:pre-wrap;border:1px solid #ccc;padding:1rem}';
  const html = `<!doctype html><meta charset="utf-8"><title>${text(pull.title)}</title><style>${style}</style>\n${body}\n`;
  return { status: 200, text: { type: 'text/html; charset=utf-8', content: html } };
}

function deploymentLines(repository: Repository, ref: string, sha: string): readonly string[] {
  const shown = [...repository.deployments.values()].filter((each) => each.sha === sha || each.ref === ref);
  return shown.toReversed().map(({ environment, task, statuses }) => {
    const last = statuses.at(-1);
    const url = last?.environmentUrl ?? '';
    // Only web addresses become links: the rest is somebody's text.
    const link = /^https?:\/\//.test(url) ? ` <a href="${text(url)}">${text(url)}</a>` : ` ${text(url)}`;
    return `<li>${text(environment)} (${text(task)}): ${text(last?.state ?? 'pending')}${link}</li>`;
  });
}

function text(raw: string): string {
  return raw.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
