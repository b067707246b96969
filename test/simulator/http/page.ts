import type { Answer } from './answer.ts';
import type { Call } from './route.ts';

/** One page of a list, with the `Link` header that leads to the others. */
export function page<T>(
  call: Call,
  items: readonly T[],
  render: (item: T) => unknown,
  wrap: (rendered: readonly unknown[], total: number) => unknown = (rendered) => rendered,
): Answer {
  const size = Math.min(Math.max(Number(call.query['per_page'] ?? 30), 1), 100);
  const number = Math.max(Number(call.query['page'] ?? 1), 1);
  const last = Math.max(Math.ceil(items.length / size), 1);
  const shown = items.slice((number - 1) * size, number * size);
  const links: [string, number][] = [];
  if (number > 1) links.push(['prev', Math.min(number - 1, last)]);
  if (number < last) links.push(['next', number + 1], ['last', last]);
  if (number > 1) links.push(['first', 1]);
  const header = links.map(([relation, to]) => `<${pageUrl(call, 'page', to)}>; rel="${relation}"`).join(', ');
  return { status: 200, body: wrap(shown.map(render), items.length), ...(header && { headers: { link: header } }) };
}

export function pageUrl(call: Call, parameter: string, value: string | number): string {
  const query = new URLSearchParams(call.searchParams);
  query.set(parameter, String(value));
  return `${call.listUrl}?${query.toString()}`;
}
