/** What is said about a preview, everywhere: comment, deployment, gateway pages. */
import type { Objection } from './approval.ts';
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
  /** Set for the code of a fork. */
  readonly fork?: ForkStatus | undefined;
  /** The pull request, for links back. */
  readonly pullRequest: { readonly url: string; readonly title: string; readonly repository: string };
}

/** Who let a fork's code run, or what somebody who is asked to has to know. Branch names are strangers' texts. */
export type ForkStatus =
  | { readonly state: 'approved'; readonly by: string }
  | {
      readonly state: 'waiting';
      readonly branch: string;
      /** Where chart, values and manifest would come from. */
      readonly baseBranch: string;
      readonly objection: Objection | undefined;
    };
