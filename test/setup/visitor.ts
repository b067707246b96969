/** A browser without scripts, styles or cookies: opens pages and sends their forms. */

export interface Visited {
  /** Where it ended up, redirects followed. */
  readonly url: string;
  readonly status: number;
  readonly headers: Headers;
  readonly markup: string;
  /** What a person reads. */
  readonly text: string;
}

export async function visit(url: string): Promise<Visited> {
  return read(await fetch(url));
}

/** Sends the page's only form, with what was typed in place of what it holds. */
export async function submit(page: Visited, typed: Readonly<Record<string, string>> = {}): Promise<Visited> {
  const [, attributes = '', content = ''] = /<form([^>]*)>([\s\S]*?)<\/form>/.exec(page.markup) ?? [];
  if (content === '') throw new Error(`no form on ${page.url}:\n${page.text}`);
  const fields = new URLSearchParams();
  for (const [input] of content.matchAll(/<input[^>]*>/g)) {
    const name = attribute(input, 'name') ?? '';
    const isOff = attribute(input, 'type') === 'checkbox' && !/ checked/.test(input);
    if (isOff && typed[name] === undefined) continue;
    fields.set(name, typed[name] ?? attribute(input, 'value') ?? '');
  }
  const url = new URL(attribute(attributes, 'action') ?? '', page.url);
  if (attribute(attributes, 'method') === 'post') return read(await fetch(url, { method: 'POST', body: fields }));
  url.search = fields.toString();
  return visit(url.href);
}

async function read(response: Response): Promise<Visited> {
  const markup = await response.text();
  const text = unescaped(
    markup
      .replaceAll(/<(style|svg)[\s\S]*?<\/\1>/g, '')
      .replaceAll(/<[^>]+>/g, ' ')
      .replaceAll(/\s+/g, ' '),
  );
  return { url: response.url, status: response.status, headers: response.headers, markup, text };
}

function attribute(tag: string, name: string): string | undefined {
  const value = new RegExp(` ${name}="([^"]*)"`).exec(tag)?.[1];
  return value === undefined ? undefined : unescaped(value);
}

function unescaped(text: string): string {
  return text
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&amp;', '&');
}
