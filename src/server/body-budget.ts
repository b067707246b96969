/** How much of unfinished request bodies may be in memory, all of them together. */

export interface BodyBudgetOptions {
  readonly totalBytes: number;
  /** Bodies up to this size give up last: nearly every delivery is one. */
  readonly smallBytes: number;
}

export interface BodyBudget {
  /**
   * Counts a new body; `undefined` when one of its declared size has no room now. `onGiveUp` is called when the body
   * must go to make room for others.
   */
  open(address: string, declaredBytes: number | undefined, onGiveUp: () => void): BodyShare | undefined;
  /** Bytes that are held now. */
  heldBytes(): number;
}

/** What one body holds. */
interface BodyShare {
  /** Counts a piece that has arrived; this may make this or another body give up. */
  add(bytes: number): void;
  /** The body is read, refused or gone; harmless when repeated. */
  close(): void;
}

/** What a piece costs besides its bytes; without it, bodies in pieces of one byte would cost a hundred times what is counted. */
const pieceOverheadBytes = 256;

interface Held {
  readonly address: string;
  readonly onGiveUp: () => void;
  bytes: number;
}

/**
 * Makes a budget. When it is exceeded, the largest body of the address that holds most in large bodies gives up; without large
 * ones, the oldest. So a small body that arrives without pauses always comes through, whatever others are sending: it is
 * never the largest and never for long the oldest.
 */
export function bodyBudget({ totalBytes, smallBytes }: BodyBudgetOptions): BodyBudget {
  // In the order of their beginnings.
  const bodies = new Set<Held>();
  let total = 0;

  function close(body: Held): void {
    if (bodies.delete(body)) total -= body.bytes;
  }

  function makeRoom(): void {
    while (total > totalBytes) {
      const victim = largest() ?? bodies.values().next().value;
      if (victim === undefined) return;
      close(victim);
      victim.onGiveUp();
    }
  }

  function largest(): Held | undefined {
    const large = [...bodies].filter(({ bytes }) => bytes > smallBytes);
    const byAddress = new Map<string, number>();
    for (const { address, bytes } of large) byAddress.set(address, (byAddress.get(address) ?? 0) + bytes);
    return large.reduce<Held | undefined>((found, body) => {
      if (found === undefined) return body;
      const more = (byAddress.get(body.address) ?? 0) - (byAddress.get(found.address) ?? 0);
      return more > 0 || (more === 0 && body.bytes > found.bytes) ? body : found;
    }, undefined);
  }

  return {
    open(address, declaredBytes, onGiveUp) {
      // One that does not say its size counts as it comes.
      if (declaredBytes !== undefined && declaredBytes > smallBytes && total + declaredBytes > totalBytes)
        return undefined;
      const body: Held = { address, onGiveUp, bytes: 0 };
      bodies.add(body);
      return {
        add(bytes) {
          if (!bodies.has(body)) return;
          body.bytes += bytes + pieceOverheadBytes;
          total += bytes + pieceOverheadBytes;
          makeRoom();
        },
        close: () => close(body),
      };
    },
    heldBytes: () => total,
  };
}
