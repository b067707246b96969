/** Lists that come in pages. */
import type { Page, Parameters } from './client.ts';

/** GitHub's largest page. */
const perPage = 100;

/**
 * All items of a list, at most `maxPages` of 100. Pages are asked for by number: an answer's `Link` header only says
 * whether there is another one, since what it points at could be anywhere.
 */
export async function listAll<T>(
  ask: (page: Parameters) => Promise<Pick<Page<readonly T[]>, 'value' | 'hasNext'>>,
  maxPages: number,
): Promise<readonly T[]> {
  const items: T[] = [];
  for (let page = 1; page <= maxPages; page += 1) {
    const { value, hasNext } = await ask({ per_page: perPage, page });
    items.push(...value);
    if (value.length === 0 || (value.length < perPage && !hasNext)) break;
  }
  return items;
}
