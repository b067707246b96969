/**
 * What a preview is, what it should be (`Desired`), what it is (`Observed`) and what to do next (`Step`).
 * Everything else in Berth produces or consumes these types.
 */
import type { Objection } from './approval.ts';
import type { Plan } from './plan.ts';

/** The preview's identity. Ids survive a rename or a transfer of the repository. */
export interface PreviewKey {
  readonly repositoryId: number;
  readonly number: number;
}

/** The key as one word, fit for job ids, labels and log fields: `<repository id>-<pull request number>`. */
export function keyId(key: PreviewKey): string {
  return `${key.repositoryId}-${key.number}`;
}

/** The key that `keyId` made the text from, `undefined` for any other text. */
export function parseKeyId(text: string): PreviewKey | undefined {
  const match = /^([1-9]\d{0,14})-([1-9]\d{0,14})$/.exec(text);
  return match ? { repositoryId: Number(match[1]), number: Number(match[2]) } : undefined;
}

/** A repository as the forge names it now; only `id` is stable. */
export interface Repository {
  readonly id: number;
  readonly owner: string;
  readonly name: string;
  /** HTTPS clone URL without credentials. */
  readonly cloneUrl: string;
}

/** A pull request as the forge tells it now. */
export interface PullRequest {
  readonly key: PreviewKey;
  readonly repository: Repository;
  readonly state: 'open' | 'closed';
  readonly title: string;
  readonly url: string;
  readonly draft: boolean;
  readonly author: string;
  readonly labels: readonly string[];
  readonly head: {
    /** 40 hex digits. */
    readonly revision: string;
    readonly branch: string;
    /** `undefined` when the fork has been deleted. */
    readonly repositoryId: number | undefined;
  };
  readonly base: { readonly branch: string; readonly revision: string };
}

/** Who stands behind a revision: `trusted` code was pushed by somebody with write access. */
export type Trust = 'trusted' | 'untrusted';

/** What should exist for one pull request. */
export type Desired =
  | { readonly state: 'absent'; readonly why: 'closed' | 'not requested' | 'switched off' | 'expired' }
  /** Keep what runs, build nothing new. `objection`: why the newest attempt to approve it was not taken. */
  | {
      readonly state: 'held';
      readonly why: 'approval needed';
      readonly revision: string;
      readonly objection?: Objection | undefined;
    }
  /** The revision cannot be planned: keep what runs and say why. */
  | { readonly state: 'invalid'; readonly revision: string; readonly diagnosis: Diagnosis }
  | {
      readonly state: 'present';
      readonly revision: string;
      readonly trust: Trust;
      readonly plan: Plan;
      /** Login of who approved untrusted code. */
      readonly approvedBy?: string | undefined;
    };

/** What does exist for one pull request. */
export interface Observed {
  readonly namespace: NamespaceState;
  /** By image name, one entry for each image of the desired plan; empty when none is desired. */
  readonly images: ReadonlyMap<string, ImageState>;
  /** References of the builds that this preview still waits for, in any order. */
  readonly builds: readonly string[];
  readonly release: ReleaseState;
  readonly workloads: WorkloadState;
}

export type NamespaceState =
  | { readonly state: 'absent' }
  /** A namespace has our preview's name and is not ours: never touched. */
  | { readonly state: 'foreign'; readonly name: string }
  | {
      readonly state: 'active';
      readonly name: string;
      readonly uid: string;
      /** Whether quota, limits, network policy and accounts are all there as configured. */
      readonly prepared: boolean;
      /** The revision that was last seen ready; what is being served. */
      readonly revision: string | undefined;
    }
  | {
      readonly state: 'terminating';
      readonly name: string;
      readonly uid: string;
      /** What the cluster says holds the removal, e.g. a finalizer by name; `undefined` while it just takes its time. */
      readonly heldBy: string | undefined;
    };

export type ImageState =
  | { readonly state: 'absent' }
  /** `trouble`: what has kept it from being built so far, in one line; it will be tried again. */
  | { readonly state: 'building'; readonly trouble?: string }
  /** `digest` is `sha256:…`, as the registry has it. */
  | { readonly state: 'built'; readonly digest: string }
  | { readonly state: 'failed'; readonly diagnosis: Diagnosis };

export type ReleaseState =
  | { readonly state: 'absent' }
  /** Helm was killed in the middle and refuses to go on until unlocked. */
  | { readonly state: 'pending' }
  /** `planDigest` is `undefined` when the release was changed by somebody else. */
  | { readonly state: 'deployed'; readonly planDigest: string | undefined }
  /** Helm was interrupted, or failed and nobody wrote down why: trying again is right. */
  | { readonly state: 'interrupted' }
  | { readonly state: 'failed'; readonly planDigest: string; readonly diagnosis: Diagnosis };

export type WorkloadState =
  | { readonly state: 'none' }
  | { readonly state: 'ready' }
  /** `message` says in one sentence what is being waited for. */
  | { readonly state: 'progressing'; readonly message: string }
  | { readonly state: 'failing'; readonly diagnosis: Diagnosis };

/** Machine-readable causes. */
export const reasons = [
  'ManifestInvalid',
  'SourceInvalid',
  'ChartInvalid',
  'ChartRefused',
  'SecretMissing',
  'BuilderMissing',
  'BuildFailed',
  'BuildTimedOut',
  'ImageMissing',
  'ImagePullFailed',
  'ContainerCrashed',
  'OutOfMemory',
  'ConfigMissing',
  'ProbeFailed',
  'QuotaExceeded',
  'Unschedulable',
  'HookFailed',
  'ReleaseFailed',
  'NotReadyInTime',
  'NamespaceTaken',
  'NamespaceStuck',
] as const;

export type Reason = (typeof reasons)[number];

/** Why something failed, for the pull request's author: one sentence, and what proves it. */
export interface Diagnosis {
  readonly reason: Reason;
  /** One sentence that names the thing and says what to change where possible. No trailing log text. */
  readonly message: string;
  /** The lines that prove it, oldest first, at most 20. */
  readonly log?: readonly string[];
  /** Where in the repository, 1-based. */
  readonly places?: readonly Place[];
}

/** A position in a file of the repository; `line` and `column` are 1-based. */
export interface Place {
  readonly path: string;
  readonly line: number;
  readonly column: number;
  readonly message: string;
  /** Where the file is to be found when it is not the preview's own revision: 40 hex digits. */
  readonly revision?: string | undefined;
}

/** One thing to do. Each acting step is idempotent and happens at most once in a pass. */
export type Step =
  | { readonly do: 'cancel builds'; readonly keep: readonly string[] }
  | { readonly do: 'create namespace' }
  | { readonly do: 'start builds'; readonly images: readonly string[] }
  | { readonly do: 'unlock release' }
  | { readonly do: 'upgrade release'; readonly planDigest: string }
  | { readonly do: 'record revision' }
  | { readonly do: 'delete namespace' }
  | { readonly do: 'wait'; readonly for: 'builds' | 'images' | 'workloads' | 'namespace' }
  /** A person must change something. */
  | { readonly do: 'stall'; readonly diagnosis: Diagnosis }
  | { readonly do: 'nothing' };
