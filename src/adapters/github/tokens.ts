/** Installation access tokens, kept as long as they are good. */
import { z } from 'zod';
import type { Clock } from '../../ports.ts';

/** Whom a token speaks for, and what it may do; without the last two, all that the installation grants. */
export interface TokenScope {
  readonly installationId: number;
  readonly repositoryId?: number;
  readonly permissions?: Readonly<Record<string, 'read' | 'write'>>;
}

export const tokenAnswer = z.object({ token: z.string().min(1), expires_at: z.string() });

export interface IssuedToken {
  readonly token: string;
  /** How long it is good, by GitHub's clock at the time of issue. */
  readonly lifetimeMs: number;
}

export interface Tokens {
  /** A token that is good for `leastMs` more, if GitHub issues any that are. */
  get(scope: TokenScope, leastMs: number): Promise<string>;
  /** Forgets a token that GitHub did not accept. */
  drop(scope: TokenScope, token: string): void;
}

/** `issue` asks GitHub for a token; it is called once for everybody who waits for the same one. */
export function createTokens(clock: Clock, issue: (scope: TokenScope) => Promise<IssuedToken>): Tokens {
  const kept = new Map<string, { readonly token: string; readonly expiresAt: number }>();
  const coming = new Map<string, Promise<string>>();

  async function renew(key: string, scope: TokenScope): Promise<string> {
    try {
      const { token, lifetimeMs } = await issue(scope);
      for (const [old, { expiresAt }] of kept) if (expiresAt <= clock.now()) kept.delete(old);
      kept.set(key, { token, expiresAt: clock.now() + lifetimeMs });
      return token;
    } finally {
      coming.delete(key);
    }
  }

  return {
    async get(scope, leastMs) {
      const key = keyOf(scope);
      const known = kept.get(key);
      if (known && known.expiresAt - clock.now() >= leastMs) return known.token;
      let renewal = coming.get(key);
      if (!renewal) coming.set(key, (renewal = renew(key, scope)));
      return renewal;
    },
    drop(scope, token) {
      const key = keyOf(scope);
      if (kept.get(key)?.token === token) kept.delete(key);
    },
  };
}

function keyOf({ installationId, repositoryId, permissions }: TokenScope): string {
  return JSON.stringify([installationId, repositoryId ?? null, permissions ?? null]);
}
