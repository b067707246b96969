import { createHash } from 'node:crypto';
import { mkdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import type { Directory } from '../../ports.ts';

/** A directory to write to. */
export interface Worktree {
  readonly directory: string;
  /** Git's notes on what is in the directory. */
  readonly index: string;
  /** Whether it holds an earlier revision of the same folder. */
  readonly used: boolean;
}

interface Slot {
  readonly key: string;
  readonly place: string;
  readonly used: boolean;
}

/**
 * Exported folders, kept for the next export of the same folder, which then writes only what has changed. Unchanged
 * files keep their times, and the folder its path: by these BuildKit knows what it need not be sent again.
 */
export class Worktrees {
  readonly #directory: string;
  readonly #keep: number;
  /** Longest unused first. */
  readonly #idle: Slot[] = [];
  readonly #busy = new Set<string>();

  /** @param keep how many unused ones stay on disk. */
  constructor(directory: string, keep: number) {
    this.#directory = directory;
    this.#keep = keep;
  }

  /**
   * Has `write` make a directory what it should be. Nobody else gets it until it is disposed of, after which there is
   * nothing at its path.
   * @param key names the folder, the same for every revision.
   */
  async take(key: string, write: (worktree: Worktree) => Promise<void>): Promise<Directory> {
    const slot = this.#slot(key);
    this.#busy.add(slot.place);
    const directory = path.join(slot.place, 'tree');
    try {
      if (slot.used) await rename(path.join(slot.place, 'idle'), directory);
      else await mkdir(directory, { recursive: true });
      await write({ directory, index: path.join(slot.place, 'index'), used: slot.used });
    } catch (error) {
      await this.#remove(slot);
      throw error;
    }
    let inUse = true;
    return {
      path: directory,
      [Symbol.asyncDispose]: async () => {
        if (inUse) await this.#release(slot);
        inUse = false;
      },
    };
  }

  #slot(key: string): Slot {
    const at = this.#idle.findLastIndex((slot) => slot.key === key);
    const [idle] = at < 0 ? [] : this.#idle.splice(at, 1);
    if (idle) return idle;
    const name = createHash('sha256').update(key).digest('hex').slice(0, 16);
    const taken = new Set([...this.#busy, ...this.#idle.map(({ place }) => place)]);
    for (let number = 1; ; number += 1) {
      const place = path.join(this.#directory, `${name}-${number}`);
      if (!taken.has(place)) return { key, place, used: false };
    }
  }

  async #release(slot: Slot): Promise<void> {
    await rename(path.join(slot.place, 'tree'), path.join(slot.place, 'idle'));
    this.#busy.delete(slot.place);
    this.#idle.push({ ...slot, used: true });
    const [oldest] = this.#idle.length > this.#keep ? this.#idle.splice(0, 1) : [];
    if (oldest) await this.#remove(oldest);
  }

  async #remove(slot: Slot): Promise<void> {
    this.#busy.add(slot.place);
    await rm(slot.place, { recursive: true, force: true });
    this.#busy.delete(slot.place);
  }
}
