/** What is said about a preview, everywhere: comment, deployment, gateway pages. */
import type { Diagnosis, PreviewKey } from './preview.ts';

/** One word for where a preview stands. `Serving` means the newest revision is reachable. */
export type Phase = 'Building' | 'Deploying' | 'Ready' | 'Failed' | 'Held' | 'Removing' | 'Removed';

export interface Status {
  readonly key: PreviewKey;
  readonly phase: Phase;
  /** The revision this status is about; `undefined` when there should be none. */
  readonly revision: string | undefined;
  /** The revision that is being served meanwhile, `undefined` when none is. */
  readonly serving: string | undefined;
  /** Main URL first. Empty until a plan is known. */
  readonly urls: readonly { readonly name: string; readonly url: string }[];
  readonly images: readonly { readonly name: string; readonly state: 'waiting' | 'building' | 'built' | 'failed' }[];
  /** One sentence: what is being done or waited for, or why there is no preview. */
  readonly message: string;
  readonly diagnosis: Diagnosis | undefined;
  /** The pull request, for links back. */
  readonly pullRequest: { readonly url: string; readonly title: string; readonly repository: string };
}
