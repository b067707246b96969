/** Pull requests whose end we may have missed although no namespace tells of them. */
import { keyId, type PreviewKey } from '../domain/preview.ts';
import type { Store } from '../ports.ts';
import { isSettledAsClosed, settledKey, settledValue } from './settled.ts';
import type { RepositoryLists } from './sweep-lists.ts';

/** For so long one that was looked at makes room for others, settled or not: the queue tries it again by itself. */
const lookTtlMs = 60 * 60 * 1000;

interface End {
  readonly key: PreviewKey;
  /** What it was looked at as. */
  readonly as: string;
}

/**
 * Those closed or deployed that were not settled as closed and not looked at lately; at most `most` of them, because after an
 * emptied Redis there are many and each costs several requests to the forge. `isSeen` says which are looked at anyway.
 */
export async function missedEnds(
  store: Pick<Store, 'get' | 'set'>,
  { open, closed, deployed }: RepositoryLists,
  isSeen: (key: PreviewKey) => boolean,
  most: number,
): Promise<readonly PreviewKey[]> {
  const ends = new Map<string, End>();
  const candidates = [
    ...closed.map((pullRequest) => ({ key: pullRequest.key, as: settledValue(pullRequest, undefined) })),
    ...deployed.map((key) => ({ key, as: 'deployed' })),
  ];
  for (const end of candidates) if (!isSeen(end.key) && !ends.has(keyId(end.key))) ends.set(keyId(end.key), end);
  const missed = await Promise.all(
    [...ends.values()].map(async (end) => {
      const [settled, looked] = await Promise.all([store.get(settledKey(end.key)), store.get(lookKey(end.key))]);
      if (looked === end.as || settled === end.as) return [];
      if (end.as === 'deployed') {
        // Without the list of open ones, one that was settled at all may well be open.
        if (open ? isSettledAsClosed(settled) : settled !== undefined) return [];
      }
      return [end];
    }),
  );
  const looks = missed.flat().slice(0, most);
  for (const { key, as } of looks) await store.set(lookKey(key), as, lookTtlMs);
  return looks.map(({ key }) => key);
}

function lookKey(key: PreviewKey): string {
  return `end-looked-at:${keyId(key)}`;
}
