import { createApp, manifestProblem, nameProblem } from '../operations/new-apps.ts';
import type { World } from '../world/world.ts';
import type { Answer } from './answer.ts';

const creating = '/settings/apps/create-from-manifest';

/**
 * The pages where a person makes an app from a manifest: the one that another site's form leads to, and what its button
 * does. `undefined` for any other request.
 */
export function newAppAnswer(world: World, method: string, url: URL, body: Buffer): Answer | undefined {
  if (method !== 'POST') return undefined;
  const form = new URLSearchParams(body.toString('utf8'));
  const [, organisation] = /^(?:\/organizations\/([^/]+))?\/settings\/apps\/new$/.exec(url.pathname) ?? [undefined, ''];
  if (organisation !== '') {
    const state = url.searchParams.get('state') ?? '';
    return confirmation({ manifest: form.get('manifest') ?? '', owner: organisation, state });
  }
  return url.pathname === creating ? create(world, form) : undefined;
}

interface Asked {
  readonly manifest: string;
  readonly owner: string | undefined;
  readonly state: string;
  readonly name?: string;
  readonly problem?: string | undefined;
}

function confirmation({ manifest: text, owner, state, ...given }: Asked): Answer {
  const parsed = manifestProblem(text);
  if ('problem' in parsed) {
    return page(422, `<h1>Invalid GitHub App configuration</h1><p role="alert">${escaped(parsed.problem)}</p>`);
  }
  const name = given.name ?? parsed.manifest.name ?? '';
  const problem = given.problem === undefined ? '' : `<p role="alert">${escaped(given.problem)}</p>`;
  return page(
    given.problem === undefined ? 200 : 422,
    `<h1>Create GitHub App for ${escaped(owner ?? 'mona')}</h1>${problem}
<form method="post" action="${creating}">
<label for="name">GitHub App name</label><input id="name" name="name" value="${escaped(name)}">
<p>This is public.</p>
${hidden({ manifest: text, owner: owner ?? '', state })}
<button>Create GitHub App for ${escaped(owner ?? 'mona')}</button></form>`,
  );
}

function create(world: World, form: URLSearchParams): Answer {
  const [text, owner, state, name] = ['manifest', 'owner', 'state', 'name'].map((key) => form.get(key)?.trim() ?? '');
  const asked = { manifest: text ?? '', owner: owner || undefined, state: state ?? '', name: name ?? '' };
  const parsed = manifestProblem(asked.manifest);
  const problem = nameProblem(world, asked.name);
  if ('problem' in parsed || problem !== undefined) return confirmation({ ...asked, problem });
  const code = createApp(world, parsed.manifest, asked.name, asked.owner);
  world.changed();
  const back = new URL(parsed.manifest.redirect_url ?? world.html('/settings/apps'));
  back.searchParams.set('code', code);
  if (asked.state !== '') back.searchParams.set('state', asked.state);
  return { status: 302, headers: { location: back.href } };
}

function page(status: number, content: string): Answer {
  const style = 'body{font:16px system-ui;max-width:40rem;margin:4rem auto;padding:0 1rem}input{display:block}';
  const html = `<!doctype html><html lang="en"><meta charset="utf-8"><title>GitHub Apps</title><style>${style}</style>\n${content}\n</html>\n`;
  return { status, text: { type: 'text/html; charset=utf-8', content: html } };
}

function hidden(fields: Readonly<Record<string, string>>): string {
  return Object.entries(fields)
    .map(([name, value]) => `<input type="hidden" name="${name}" value="${escaped(value)}">`)
    .join('\n');
}

function escaped(raw: string): string {
  return raw.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
