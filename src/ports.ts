/**
 * What Berth needs of the outside. Every adapter passes the contract suite of its port (`test/contract`), which its
 * in-memory fake passes too. Every call takes an `AbortSignal` and rejects with its reason soon after it is aborted.
 * Vendors' errors are translated: "already exists" and "not found" are success where the operation is idempotent.
 */
import type { JsonObject } from './domain/json.ts';
import type { Chart, ImageBuild, Route } from './domain/plan.ts';
import type {
  Diagnosis,
  NamespaceState,
  PreviewKey,
  PullRequest,
  ReleaseState,
  Repository,
  Trust,
  WorkloadState,
} from './domain/preview.ts';
import type { Status } from './domain/status.ts';

/** GitHub. Throws `RetryLaterError` when a rate limit is hit; never sleeps for one. */
export interface Forge {
  /** The pull request as it is now; `undefined` when GitHub says it does not exist or is out of our reach. */
  pullRequest(key: PreviewKey, signal: AbortSignal): Promise<PullRequest | undefined>;
  /** Every repository that the App is installed on. Suspended installations are left out. */
  repositories(signal: AbortSignal): Promise<readonly Repository[]>;
  /** Open pull requests. A list is never proof that something is closed: ask for that one. */
  openPullRequests(repository: Repository, signal: AbortSignal): Promise<readonly PullRequest[]>;
  /**
   * Pull requests that were closed within the last week, at most the hundred that changed last: their `closed` may
   * have been missed. A hint like every list.
   */
  recentlyClosed(repository: Repository, signal: AbortSignal): Promise<readonly PullRequest[]>;
  /** Pull requests that the newest hundred of our deployments in the repository are about, each once. */
  deployedPullRequests(repository: Repository, signal: AbortSignal): Promise<readonly PreviewKey[]>;
  /**
   * Asks for every delivery after `since` (milliseconds since the epoch; at most three days back) that did not arrive to
   * be sent again, unless a later attempt arrived.
   */
  redeliver(since: number, signal: AbortSignal): Promise<Redelivery>;
  /** Paths changed by the pull request, at most 3,000 (GitHub's limit). */
  changedFiles(key: PreviewKey, signal: AbortSignal): Promise<readonly string[]>;
  /** A token that reads the contents of this one repository, valid for at least ten more minutes. */
  cloneToken(repositoryId: number, signal: AbortSignal): Promise<string>;
  /**
   * Makes `body` the text of our one comment on the pull request. Writes only when the text differs. Without a comment
   * of ours, one is created, unless `onlyExisting`.
   */
  writeComment(
    key: PreviewKey,
    body: string,
    options: { readonly onlyExisting: boolean },
    signal: AbortSignal,
  ): Promise<void>;
  /**
   * Makes `report` the newest status of the preview's deployment for its revision, creating it when it is missing and
   * marking the preview's deployments of other revisions inactive. Writes only what differs.
   */
  writeDeployment(key: PreviewKey, report: DeploymentReport, signal: AbortSignal): Promise<void>;
  /** Marks every deployment of the preview inactive. @returns how many were active. */
  retireDeployments(key: PreviewKey, signal: AbortSignal): Promise<number>;
  /** The revision at the tip of a branch of the repository, `undefined` when there is no such branch. */
  branchRevision(repository: Repository, branch: string, signal: AbortSignal): Promise<string | undefined>;
  /**
   * Whether this person may write to the repository, as GitHub says at this moment: neither a cache nor what a comment says
   * about its author is asked. Rejects when GitHub does not tell, which means no.
   */
  mayWrite(repositoryId: number, login: string, signal: AbortSignal): Promise<boolean>;
  /** What our App itself has written down: that exactly this revision may run for this pull request. */
  approval(key: PreviewKey, revision: string, signal: AbortSignal): Promise<Approval | undefined>;
  /** Writes it down as a commit status on the revision; nothing when it says so already. */
  recordApproval(key: PreviewKey, approval: Approval, signal: AbortSignal): Promise<void>;
  /** People's comments on the pull request that mention `/preview`, of the newest 300, oldest first. None of a bot's. */
  commandComments(key: PreviewKey, signal: AbortSignal): Promise<readonly CommandComment[]>;
}

/** That a revision of a fork may run. Whoever approved it must still have the right when it does. */
export interface Approval {
  /** 40 hex digits. */
  readonly revision: string;
  /** Login of the person who approved it. */
  readonly by: string;
  /** Web page of the comment that says so. */
  readonly url: string;
}

/** A comment that may hold a command; all of it is a stranger's text. */
export interface CommandComment {
  readonly author: string;
  /** At most 65,536 characters. */
  readonly body: string;
  /** Changed since it was written: by whom is not known. */
  readonly isEdited: boolean;
  readonly url: string;
}

export interface Redelivery {
  /** How many deliveries were asked for again. */
  readonly redelivered: number;
  /** Where to go on next time: everything before has arrived or was asked for again. Milliseconds since the epoch. */
  readonly seenUntil: number;
}

export interface DeploymentReport {
  readonly revision: string;
  readonly state: 'queued' | 'in_progress' | 'success' | 'failure';
  /** At most 140 characters (GitHub's limit). */
  readonly description: string;
  readonly environmentUrl: string | undefined;
}

/** Git. Nothing of a repository is ever executed. */
export interface Source {
  /**
   * The repository at one revision, fetched when it is not there yet.
   * @throws DiagnosedError when it is larger than may be fetched; any other error when the remote has no such revision or
   * does not answer.
   */
  at(repository: Repository, revision: string, signal: AbortSignal): Promise<Snapshot>;
}

export interface Snapshot {
  readonly revision: string;
  /** Looks paths up (relative, `''` for the root), in one go; absent ones and those below a symbolic link are left out. */
  entries(paths: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, TreeEntry>>;
  /** The text of a file; `undefined` when there is no such file. @throws when it is larger than `maxBytes`. */
  text(path: string, maxBytes: number, signal: AbortSignal): Promise<string | undefined>;
  /**
   * Writes the folder `path` to a fresh directory, removed on disposal.
   * @throws DiagnosedError when a symbolic link in it leaves the tree.
   */
  export(path: string, signal: AbortSignal): Promise<Directory>;
}

export interface TreeEntry {
  readonly type: 'file' | 'directory' | 'symlink' | 'submodule';
  /** Git's object id: equal ids mean equal content. */
  readonly id: string;
}

export interface Directory extends AsyncDisposable {
  /** Absolute. */
  readonly path: string;
}

/** BuildKit, and the registry it pushes to. */
export interface Builder {
  /** The digest (`sha256:…`) behind a reference, `undefined` when the registry does not have it. */
  digestOf(ref: string, signal: AbortSignal): Promise<string | undefined>;
  /**
   * Builds and pushes; `onLog` receives the build's output line by line.
   * @throws DiagnosedError when the Dockerfile or what it runs is at fault; any other error is an outage.
   */
  build(
    request: BuildRequest,
    onLog: (line: string) => void,
    signal: AbortSignal,
  ): Promise<{ readonly digest: string }>;
  /**
   * Every image below `registry` (host and path, as configured) that this instance has built and pushed.
   * @throws RegistryCannotListError when the registry does not list its repositories.
   */
  storedImages(registry: string, signal: AbortSignal): AsyncIterable<StoredImage>;
  /** Removes the image from the registry, whatever tags it has; an image that is not there is success. */
  removeImage(image: StoredImage, signal: AbortSignal): Promise<void>;
}

/** An image in the registry. */
export interface StoredImage {
  /** Reference with tag. */
  readonly ref: string;
  /** `sha256:…` */
  readonly digest: string;
}

export interface BuildRequest {
  /** Where to push, tag included. */
  readonly ref: string;
  /** Absolute path of a directory that holds the context. */
  readonly contextPath: string;
  /** Absolute path of the Dockerfile, inside the context or not. */
  readonly dockerfilePath: string;
  /** What people call it: its path in the repository. By default its path in the context. */
  readonly dockerfileName?: string;
  readonly target: string | undefined;
  readonly args: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  /** Values for `RUN --mount=type=secret`, by id. Never for untrusted code, which gets none whatever is given. */
  readonly secrets?: ReadonlyMap<string, string>;
  readonly trust: Trust;
}

/** Kubernetes, seen through the namespaces that carry our labels. */
export interface Cluster {
  /**
   * Everything that decides the next step, read afresh. Whether the namespace is `prepared` is judged by the objects in it,
   * against what `prepareNamespace` would make of `wanted` (under whatever name the namespace has); `undefined` is for previews
   * that are not wanted: nothing is looked at then, and `prepared` is false.
   */
  observe(
    key: PreviewKey,
    name: string,
    wanted: NamespaceRequest | undefined,
    signal: AbortSignal,
  ): Promise<ClusterState>;
  /**
   * The state of the workloads now and after each change, until the caller stops iterating or the namespace is gone.
   * Nothing is missed: dropped, expired and silent watches are listed again. Equal states are not repeated.
   */
  watchWorkloads(namespace: string, signal: AbortSignal): AsyncIterable<WorkloadState>;
  /**
   * Resolves when the namespace with this UID does not exist any more. Pods of ours in it that outlive their grace are
   * removed without one.
   */
  namespaceGone(name: string, uid: string, signal: AbortSignal): Promise<void>;
  /**
   * Makes the namespace and everything that must be in it before anything else: labels, quota, limits, network
   * policy, the deployer account. Repairs what is missing or was changed. The fence of a new namespace is 1.
   * @throws DiagnosedError `NamespaceTaken` when a namespace of that name is not ours.
   */
  prepareNamespace(request: NamespaceRequest, signal: AbortSignal): Promise<void>;
  /** The fence of the preview's namespace; `undefined` when it has none but such as are being removed. */
  fence(key: PreviewKey, signal: AbortSignal): Promise<FenceState | undefined>;
  /**
   * Takes the preview over: raises the number in the namespace's annotation by one, in one step with the comparison.
   * @throws FencedError when it is not `fence` any more: of several who raise the same number, one succeeds.
   */
  raiseFence(fence: FenceState, signal: AbortSignal): Promise<FenceState>;
  /** @throws FencedError when the namespace has another number by now, or is gone. */
  checkFence(fence: FenceState, signal: AbortSignal): Promise<void>;
  /**
   * Writes down on the namespace what a Helm run has done, in one step with the comparison of the fence.
   * @throws FencedError when the namespace has another number by now, or is gone.
   */
  recordRelease(fence: FenceState, record: ReleaseRecord, signal: AbortSignal): Promise<void>;
  /**
   * Writes down that this revision is ready: it is what the preview serves from now on. In one step with the comparison of
   * the fence. @throws FencedError as above.
   */
  recordRevision(fence: FenceState, revision: string, signal: AbortSignal): Promise<void>;
  /** Starts the removal, by UID: the namespace first, then its pods with a short grace. */
  deleteNamespace(name: string, uid: string, signal: AbortSignal): Promise<void>;
  /** All namespaces of ours. */
  previews(signal: AbortSignal): Promise<readonly PreviewNamespace[]>;
  /**
   * UIDs of those in which something is not as Berth left it, as far as a few lists for all of them tell: what confines the preview,
   * copies of Secrets, Helm's record of the release. A hint, like every list.
   */
  disturbed(signal: AbortSignal): Promise<ReadonlySet<string>>;
}

export interface ClusterState {
  readonly namespace: NamespaceState;
  readonly release: ReleaseState;
  /** Whether the release must be uninstalled before its namespace goes, because its chart has delete hooks. */
  readonly hasDeleteHooks: boolean;
  readonly workloads: WorkloadState;
}

/** The number on a namespace that tells workers apart: whoever raised it last may write. */
export interface FenceState {
  readonly name: string;
  readonly uid: string;
  readonly number: number;
}

export interface NamespaceRequest {
  readonly key: PreviewKey;
  readonly name: string;
  readonly repository: Repository;
  readonly trust: Trust;
}

export interface ReleaseRecord {
  /** Helm's revision number of the run, `undefined` when it left none. */
  readonly version: number | undefined;
  readonly planDigest: string;
  readonly revision: string;
  readonly outcome:
    | {
        readonly state: 'deployed';
        readonly routes: readonly Route[];
        readonly hasDeleteHooks: boolean;
        /** Digests of the plan's images, `sha256:…`. */
        readonly images: readonly string[];
      }
    | { readonly state: 'failed'; readonly diagnosis: Diagnosis };
}

export interface PreviewNamespace {
  readonly key: PreviewKey;
  readonly name: string;
  readonly uid: string;
  readonly terminating: boolean;
  /** The revision that was last seen ready. */
  readonly revision: string | undefined;
  /** What the deployed release serves; empty before the first. */
  readonly routes: readonly Route[];
  /** Digests of the images that the deployed release was made with; empty before the first. */
  readonly images: readonly string[];
}

/** Finds where a preview's services listen; what the gateway needs of Kubernetes. */
export interface ServiceDirectory {
  /** Our namespace of that name, from a cache fed by a watch. */
  preview(namespace: string): PreviewNamespace | undefined;
  /** Host and port to connect to; `undefined` when there is no such service or port. Cached for a few seconds. */
  address(
    namespace: string,
    service: string,
    port: number,
    signal: AbortSignal,
  ): Promise<{ readonly host: string; readonly port: number } | undefined>;
}

/** Kubernetes Secrets that an operator has given to repositories. Never for untrusted code. */
export interface Secrets {
  /**
   * Values by the names asked for, each `<secret>/<key>`.
   * @throws DiagnosedError `SecretMissing` that names the first one which does not exist or was not given to the repository.
   */
  values(repository: Repository, names: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, string>>;
}

/** Keeps credentials out of everything that is shown or logged. */
export interface Redaction {
  /** From now on this value is left out of every text, as it is or encoded. Too short ones are refused: they would hit everything. */
  hold(credential: string): void;
  /** The text without credentials: those that are held, and whatever has the shape of a well-known token. */
  text(text: string): string;
  /** The same for lines, across which a credential may be split; as many lines as were given. */
  lines(lines: readonly string[]): readonly string[];
}

/** Helm, run as the namespace's deployer account. */
export interface Releaser {
  /**
   * Installs or upgrades the release, without waiting for readiness unless the chart has post hooks.
   * The chart is rendered once; what came out is held against the gate, and exactly that is applied.
   * When aborted, Helm is asked to end, waited for, and only then killed.
   * @throws DiagnosedError when the chart or the cluster's rules are at fault: `ChartRefused` by the gate, before anything is applied.
   */
  upgrade(request: ReleaseRequest, signal: AbortSignal): Promise<Released>;
  /** Brings a release that a killed Helm left pending back to a state from which `upgrade` works. */
  unlock(namespace: string, signal: AbortSignal): Promise<void>;
  /** Removes the release and runs its delete hooks, for at most `timeoutMs`; a missing release is success. */
  uninstall(namespace: string, timeoutMs: number, signal: AbortSignal): Promise<void>;
}

export interface ReleaseRequest {
  readonly namespace: string;
  readonly chart: Chart;
  /** Absolute path of the chart's folder; `undefined` for charts that are not in the repository. */
  readonly chartPath: string | undefined;
  /** YAML texts of the repository's values files; later ones win. */
  readonly valuesTexts: readonly string[];
  /** Wins over `valuesTexts`. */
  readonly values: JsonObject;
  /** Host names of the preview's routes: the chart may claim these and no others. */
  readonly hosts: readonly string[];
  readonly trust: Trust;
  /** Whether a release is there already, which charts may ask. */
  readonly isUpgrade: boolean;
  /** Asked once more when its turn has come after it had to wait for one; rejects when it may not run any more. */
  readonly confirm?: (() => Promise<void>) | undefined;
}

export interface Released {
  /** Helm's revision number. */
  readonly version: number;
  readonly hasDeleteHooks: boolean;
}

/** BullMQ: hints and builds. Emptying it at any moment loses nothing that the sweep does not bring back. */
export interface Queue {
  /**
   * "Look at this preview again." Durable when it resolves. Any number of them during a run lead to one more run. It ends
   * the preview's back-off, unless it comes from the sweep: that one does nothing while the preview waits for its next try.
   */
  trigger(key: PreviewKey, options?: { readonly delayMs?: number; readonly by?: TriggeredBy }): Promise<void>;
  /** Adds the preview to those who wait for these builds; starts each one that is neither queued nor running. */
  startBuilds(key: PreviewKey, jobs: readonly BuildJob[]): Promise<void>;
  /** Forgets that the preview waits for any build but `keep`; stops, wherever they run, those nobody waits for. */
  cancelBuilds(key: PreviewKey, keep: readonly string[]): Promise<void>;
  /** References that the preview waits for. */
  waitingFor(key: PreviewKey): Promise<readonly string[]>;
  /** By reference; those that are neither queued, running nor lately failed are left out. */
  builds(refs: readonly string[]): Promise<ReadonlyMap<string, BuildState>>;
  /** Starts to take work; on `close`, running handlers are aborted and waited for. */
  work(handlers: QueueHandlers): Promise<QueueWorkers>;
}

/** `event`: somebody told us. `sweep`: we found it ourselves, so that what it leads to was lost before. */
export type TriggeredBy = 'event' | 'sweep';

export type BuildState =
  /** `trouble`: what has kept it from being built so far, in one line; it is tried again until nobody wants it. */
  | { readonly state: 'building'; readonly trouble?: string }
  | { readonly state: 'failed'; readonly diagnosis: Diagnosis };

/** One image of one revision to build; `ref` identifies it. */
export interface BuildJob {
  /** The preview whose approval lets untrusted code be built. */
  readonly key: PreviewKey;
  readonly ref: string;
  readonly name: string;
  readonly repository: Repository;
  readonly revision: string;
  readonly trust: Trust;
  readonly build: ImageBuild;
}

export interface QueueHandlers {
  /**
   * Runs alone for its key. `onTrigger` registers what to call when the key is triggered during the run.
   * Rejecting means: try again with back-off, or at `RetryLaterError.retryAt`.
   */
  reconcile(key: PreviewKey, run: ReconcileRun): Promise<void>;
  /**
   * Runs alone for its reference. A `DiagnosedError` is kept for `builds` and not retried; after any other the build is
   * tried again with back-off. When it ends, or has trouble for long, everybody who waits for it is triggered.
   */
  build(job: BuildJob, signal: AbortSignal): Promise<void>;
}

export interface ReconcileRun {
  readonly signal: AbortSignal;
  /** Who asked for the run. */
  readonly by: TriggeredBy;
  /** When the event came that asked for it, in milliseconds since the epoch; a hint, for measuring only. */
  readonly since?: number | undefined;
  onTrigger(callback: () => void): void;
}

export interface QueueWorkers {
  /** Takes no more work, aborts what runs, waits for it; what was aborted is handed back to the queue. */
  close(): Promise<void>;
}

/** What may be forgotten: statuses for the gateway's pages, build logs, small caches. */
export interface Store {
  saveStatus(key: PreviewKey, name: string, status: Status): Promise<void>;
  /** By the preview's name, i.e. its namespace's name, whether that exists or not. */
  status(name: string): Promise<Status | undefined>;
  appendLog(ref: string, lines: readonly string[]): Promise<void>;
  /** The last lines of a build, oldest first. */
  log(ref: string): Promise<readonly string[]>;
  get(cacheKey: string): Promise<string | undefined>;
  set(cacheKey: string, value: string, ttlMs: number): Promise<void>;
  forget(cacheKey: string): Promise<void>;
  /** Takes `name` for `ttlMs`, for one process of all; `undefined` while another has it. */
  claim(name: string, ttlMs: number): Promise<Claim | undefined>;
}

/** Something that one process at a time may do. */
interface Claim {
  /** Holds it for another `ttlMs` from now on. @returns whether it is still ours. */
  renew(): Promise<boolean>;
  /** Gives it back; nothing when it is not ours any more. */
  release(): Promise<void>;
}

/** Time, so that tests can own it. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
}

/** A clock that also tells when a time is up. */
export interface AlarmClock extends Clock {
  /** Aborted when so much time has passed. Keeps no process alive. */
  timeout(ms: number): AbortSignal;
}
