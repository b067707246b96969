import { FencedError } from '../domain/errors.ts';
import type { Cluster } from '../ports.ts';

/** The proof that a pass is still the one that may write; a pass that outlived its lock loses it. */
export interface Fence {
  /** Before a side effect on the namespace: takes the preview over the first time, afterwards checks. @throws FencedError */
  claim(name: string, uid: string): Promise<void>;
  /** Before telling anybody: checks what `claim` has taken, if it has. @throws FencedError */
  check(): Promise<void>;
  /** After the namespace was deleted: the fence went with it, and what remains to be told is ours to tell. */
  release(): void;
}

/** A fence for one pass. Nothing is written until the first claim, so a pass that changes nothing writes nothing. */
export function fenceFor(cluster: Pick<Cluster, 'raiseFence' | 'checkFence'>, signal: AbortSignal): Fence {
  let held: { readonly name: string; readonly uid: string; readonly number: number } | undefined;
  return {
    async claim(name, uid) {
      if (held?.uid === uid) return cluster.checkFence(name, uid, held.number, signal);
      const number = await cluster.raiseFence(name, uid, signal);
      if (number === undefined) throw new FencedError(`taking over ${name}: the namespace is gone`);
      held = { name, uid, number };
    },
    async check() {
      if (held) await cluster.checkFence(held.name, held.uid, held.number, signal);
    },
    release() {
      held = undefined;
    },
  };
}
