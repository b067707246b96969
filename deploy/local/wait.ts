import { setTimeout as delay } from 'node:timers/promises';

/** Asks again and again until the answer is yes; throws after `timeoutMs`, saying what it waited for and why in vain. */
export async function waitUntil(
  what: string,
  check: () => Promise<boolean>,
  { timeoutMs = 60_000, everyMs = 100 }: { readonly timeoutMs?: number; readonly everyMs?: number } = {},
): Promise<void> {
  const end = Date.now() + timeoutMs;
  let last: unknown;
  while (Date.now() < end) {
    try {
      if (await check()) return;
      last = undefined;
    } catch (error) {
      last = error;
    }
    await delay(everyMs);
  }
  throw new Error(`waited ${timeoutMs / 1000} s in vain for ${what}`, { cause: last });
}
