/** Statuses for tests of what is said about a preview. */
import type { Status } from '../../src/domain/status.ts';

export const newest = 'a1b2c3d4e5f60718293a4b5c6d7e8f9001122334';
export const older = '9f8e7d6c5b4a39281706f5e4d3c2b1a098765432';

/** The status of `acme/shop#42`, by default that of a first build. */
export function statusOf(change: Partial<Status> = {}): Status {
  return {
    key: { repositoryId: 7, number: 42 },
    phase: 'Building',
    revision: newest,
    serving: undefined,
    urls: [{ name: 'web', url: 'https://pr-42-shop-k3x9ab.preview.test' }],
    images: [
      { name: 'web', state: 'building' },
      { name: 'api', state: 'built' },
    ],
    message: 'Building web.',
    diagnosis: undefined,
    pullRequest: { url: 'https://github.com/acme/shop/pull/42', title: 'Add a basket', repository: 'acme/shop' },
    ...change,
  };
}

/** A status that somebody tries to do harm with. */
export const hostileText =
  '@acme/admins ![x](https://evil.test/p.png) <img src=x onerror=alert(1)> `a` [b](javascript:c) | #1 www.evil.test';
