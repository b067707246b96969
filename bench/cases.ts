/** What is measured, on which sides, and in which order. */
import { setTimeout as delay } from 'node:timers/promises';
import { uniqueWord } from '../test/e2e/berth-environment.ts';
import { median } from './statistics.ts';

/** A copy of the shop of its own. Each method gives the milliseconds that it took, preparations left out. */
export interface Shop {
  /** Nothing of it exists yet: no mirror, no image, no namespace. */
  firstPush(): Promise<number>;
  /** One file of one image changes. */
  pushCode(): Promise<number>;
  /** Only a file that is in no image changes. */
  pushWords(): Promise<number>;
  /** Until the namespace does not exist any more. */
  close(): Promise<number>;
}

/** One of the two ways of getting there. */
export interface Side {
  newShop(word: string): Promise<Shop>;
}

export interface Sides {
  readonly berth: Side;
  readonly byHand: Side;
}

export interface CaseResult {
  readonly name: string;
  readonly berthMs: readonly number[];
  readonly byHandMs: readonly number[];
  /** Of the medians, Berth to by hand. */
  readonly ratio: number;
  /** What the ratio should not exceed. */
  readonly target: number;
}

const cases: readonly { readonly name: string; readonly target: number; run(shop: Shop): Promise<number> }[] = [
  { name: 'first push → ready', target: 1.05, run: (shop) => shop.firstPush() },
  { name: 'warm code push → ready', target: 1.05, run: (shop) => shop.pushCode() },
  { name: 'no-image push → ready and reported', target: 0.2, run: (shop) => shop.pushWords() },
  { name: 'close → gone', target: 0.3, run: (shop) => shop.close() },
];

/** Between measurements: pods that were replaced end meanwhile, and the pace that GitHub asks for is not billed twice. */
const pauseMs = 4_000;

/**
 * Runs every case on both sides, `rounds` times, the sides taking turns at being first. A round before the first is not
 * counted: in it, programs get into the page cache, base images onto the node and into BuildKit, on both sides alike.
 */
export async function runCases(
  { berth, byHand }: Sides,
  rounds: number,
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<readonly CaseResult[]> {
  const results = cases.map(({ name, target }) => ({
    name,
    target,
    berthMs: [] as number[],
    byHandMs: [] as number[],
  }));
  for (let round = 0; round <= rounds; round += 1) {
    const shops = {
      berthMs: await berth.newShop(uniqueWord(`shop-${round}`)),
      byHandMs: await byHand.newShop(uniqueWord(`shop-${round}`)),
    };
    for (const [index, { name, run }] of cases.entries()) {
      const order = (round + index) % 2 === 0 ? (['byHandMs', 'berthMs'] as const) : (['berthMs', 'byHandMs'] as const);
      for (const side of order) {
        await delay(pauseMs, undefined, { signal });
        const tookMs = await run(shops[side]);
        say(`${round === 0 ? 'warm-up' : `round ${round}`}: ${name}: ${nameOf(side)} ${(tookMs / 1_000).toFixed(2)} s`);
        if (round > 0) results[index]?.[side].push(tookMs);
      }
    }
  }
  return results.map((result) => ({ ...result, ratio: median(result.berthMs) / median(result.byHandMs) }));
}

function nameOf(side: 'berthMs' | 'byHandMs'): string {
  return side === 'berthMs' ? 'Berth' : 'by hand';
}
