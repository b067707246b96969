/** What an image is made from, as its tag: if the registry has the tag, nothing is built. */
import { createHash } from 'node:crypto';
import { canonicalJson } from './canonical-json.ts';
import type { Trust } from './preview.ts';

export interface ImageContent {
  /** Whose image it is: of Berths that share a registry, each removes only what it does not use itself. */
  readonly instance: string;
  /** Git's id of the context's folder. */
  readonly contextId: string;
  /** Git's id of the Dockerfile's content; it may lie outside the context. */
  readonly dockerfileId: string;
  /** Git's id of `<Dockerfile>.dockerignore`, which BuildKit prefers to the context's own. */
  readonly ignoreId: string | undefined;
  readonly target: string | undefined;
  readonly args: Readonly<Record<string, string>>;
  /** Which secrets it gets, not what they are: a new value is no reason to build. */
  readonly secrets: Readonly<Record<string, string>>;
  readonly platform: string;
  /** Untrusted code never fills a tag that trusted previews are served from. */
  readonly trust: Trust;
}

/** Changed when the same content would be built differently, e.g. with other standard arguments. */
const recipe = 1;

/**
 * `c-` and 32 hex digits, a valid tag. The revision is not part of it: content that did not change is not built again,
 * and an image's `BERTH_REVISION` is the commit that it was first built from.
 */
export function contentKey(content: ImageContent): string {
  const { instance, contextId, dockerfileId, ignoreId, target, args, secrets, platform, trust } = content;
  const text = canonicalJson([
    recipe,
    instance,
    contextId,
    dockerfileId,
    ignoreId ?? '',
    target ?? '',
    args,
    platform,
    trust,
    ...(Object.keys(secrets).length > 0 ? [secrets] : []),
  ]);
  return `c-${createHash('sha256').update(text).digest('hex').slice(0, 32)}`;
}

/** Whether a tag is a content key. */
export function isContentKey(tag: string): boolean {
  return /^c-[0-9a-f]{32}$/.test(tag);
}
