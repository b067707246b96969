import type { PreviewKey } from '../domain/preview.ts';
import type { Cluster, FenceState } from '../ports.ts';

/** The proof that a pass is still the one that may write; a pass that outlived its lock loses it. */
export interface Fence {
  /** What the preview's namespace was called when the pass began; `undefined` when there was none to stay. */
  readonly namespace: string | undefined;
  /**
   * Whether whoever came between this pass's beginning and its claim would have been noticed, and whoever comes after it
   * notices: not before it has claimed, nor when there was no namespace to begin with or is none any more.
   */
  readonly isWatched: boolean;
  /**
   * Before a side effect on the namespace: takes the preview over the first time, afterwards checks.
   * @returns the proof for writes that compare it themselves. @throws FencedError
   */
  claim(name: string, uid: string): Promise<FenceState>;
  /** Before telling anybody: whether anybody else has taken the preview over since the pass began. @throws FencedError */
  check(): Promise<void>;
  /** After the namespace was deleted: the fence went with it, and what remains to be told is ours to tell. */
  release(): void;
}

/**
 * The fence of a pass as it is when the pass begins. Look at it before anything else, the pull request above all: then
 * whoever takes the preview over in between is noticed, and knows at least as much. Nothing is written until the first
 * claim, so a pass that changes nothing writes nothing.
 */
export async function lookAtFence(
  cluster: Pick<Cluster, 'fence' | 'raiseFence' | 'checkFence'>,
  key: PreviewKey,
  signal: AbortSignal,
): Promise<Fence> {
  const atFirst = await cluster.fence(key, signal);
  let held = atFirst;
  let isOurs = false;
  /** Of a namespace that was made since: 1, unless somebody has claimed it already. */
  const fresh = (name: string, uid: string): FenceState => ({ name, uid, number: 1 });
  return {
    namespace: atFirst?.name,
    get isWatched() {
      return isOurs && held?.uid === atFirst?.uid;
    },
    async claim(name, uid) {
      if (isOurs && held?.uid === uid) {
        await cluster.checkFence(held, signal);
        return held;
      }
      held = await cluster.raiseFence(held?.uid === uid ? held : fresh(name, uid), signal);
      isOurs = true;
      return held;
    },
    async check() {
      if (held) return cluster.checkFence(held, signal);
      const made = await cluster.fence(key, signal);
      if (made) await cluster.checkFence(fresh(made.name, made.uid), signal);
    },
    release() {
      held = undefined;
      isOurs = false;
    },
  };
}
