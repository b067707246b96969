import { RetryLaterError } from '../../src/domain/errors.ts';
import type { PreviewKey, PullRequest, Repository } from '../../src/domain/preview.ts';
import type { Approval, Clock, CommandComment, DeploymentReport, Forge } from '../../src/ports.ts';

export interface FakeForge extends Forge {
  /** What people do. */
  readonly people: {
    addRepository(owner: string, name: string): Repository;
    renameRepository(repositoryId: number, name: string): void;
    /** The App loses the repository. */
    removeRepository(repositoryId: number): void;
    openPullRequest(
      repositoryId: number,
      change?: Partial<Omit<PullRequest, 'key' | 'repository' | 'state'>>,
    ): PullRequest;
    /** Changes a pull request, its head for example. */
    change(key: PreviewKey, change: Partial<Omit<PullRequest, 'key' | 'repository'>>): void;
    changeFiles(key: PreviewKey, paths: readonly string[]): void;
    deleteComment(key: PreviewKey): void;
    /** Our comment is there twice, as when a crash came between the writing of one and its answer. */
    duplicateComment(key: PreviewKey): void;
    /** Marks all of the preview's deployments active. */
    activateDeployments(key: PreviewKey): void;
    /** Whether asking for the pull request is answered by 404 from now on; lists have it all the same. */
    hide(key: PreviewKey, isHidden: boolean): void;
    /** The App may not ask about anything of this owner until it is over. */
    suspend(owner: string): void;
    unsuspend(owner: string): void;
    /** What a person may do in a repository from now on; everybody else may read. */
    setRole(repositoryId: number, login: string, role: Role): void;
    /** @returns the comment's web page, which tells it apart. */
    comment(key: PreviewKey, author: string, body: string): string;
    editComment(key: PreviewKey, url: string, body: string): void;
    /** Makes the branch, or moves its tip. Every repository has a branch `main` from the beginning. */
    pushBranch(repositoryId: number, branch: string, revision: string): void;
    deleteBranch(repositoryId: number, branch: string): void;
  };
  /** A webhook that does not arrive; `deliver` is what it leads to when it is asked for again. */
  loseDelivery(deliver: () => void): void;
  /** The pull request as it is, hidden or not. */
  current(key: PreviewKey): PullRequest | undefined;
  /** All comments of ours, oldest first. */
  comments(key: PreviewKey): readonly string[];
  /** The text of our comment, the oldest one of several; `undefined` without one. */
  comment(key: PreviewKey): string | undefined;
  /** Oldest first. */
  deployments(key: PreviewKey): readonly FakeDeployment[];
  /** What has been recorded as approved for this pull request, oldest first. */
  approvals(key: PreviewKey): readonly Approval[];
  /** The revision at the tip of a branch. @throws when there is no such branch. */
  tip(repositoryId: number, branch: string): string;
  /** What the forge would say of the right to write, failing or not. */
  hasRight(repositoryId: number, login: string): boolean;
  /** How many writes there were: an unchanged world causes none. */
  readonly writes: number;
  /** Makes every call fail with this error, until it is called without one. */
  fail(error?: Error): void;
  /** Makes questions about rights fail with this error, until it is called without one. */
  failRights(error?: Error): void;
}

type Role = 'admin' | 'maintain' | 'write' | 'triage' | 'read';

interface FakeDeployment {
  readonly revision: string;
  /** Newest last. */
  readonly statuses: readonly Pick<DeploymentReport, 'description' | 'environmentUrl'>[];
  readonly state: DeploymentReport['state'] | 'inactive';
}

interface World {
  repository: Repository;
  readonly roles: Map<string, Role>;
  /** Revisions of their tips. */
  readonly branches: Map<string, string>;
  readonly pulls: Map<
    number,
    {
      pull: PullRequest;
      isHidden: boolean;
      closedAt: number;
      files: readonly string[];
      comments: string[];
      readonly deployments: MutableDeployment[];
      peoplesComments: readonly CommandComment[];
      readonly approvals: Approval[];
    }
  >;
}

interface MutableDeployment {
  readonly revision: string;
  readonly statuses: DeploymentReport[];
  state: DeploymentReport['state'] | 'inactive';
}

const dayMs = 24 * 60 * 60_000;

/** `Forge` in memory. */
export function fakeForge(clock: Clock = { now: () => Date.now() }): FakeForge {
  const worlds = new Map<number, World>();
  const suspended = new Set<string>();
  const lost: { readonly at: number; readonly deliver: () => void }[] = [];
  let failure: Error | undefined;
  let rightsFailure: Error | undefined;
  let writes = 0;
  let lastId = 1_000;
  let lastCommentId = 0;

  function enter(signal: AbortSignal): void {
    signal.throwIfAborted();
    if (failure) throw failure;
  }

  function worldOf(repositoryId: number): World | undefined {
    const world = worlds.get(repositoryId);
    const owner = world?.repository.owner ?? '';
    if (suspended.has(owner))
      throw new RetryLaterError(`the installation on ${owner} is suspended`, clock.now() + 900_000);
    return world;
  }

  function entryOf(key: PreviewKey) {
    return worldOf(key.repositoryId)?.pulls.get(key.number);
  }

  /** What people see, whether the App may or not. */
  function seen(key: PreviewKey) {
    return worlds.get(key.repositoryId)?.pulls.get(key.number);
  }

  function surely(repositoryId: number, what: string): World {
    const world = worldOf(repositoryId);
    if (!world) throw new Error(`${what}: repository ${repositoryId} is not within reach`);
    return world;
  }

  function known(key: PreviewKey) {
    const entry = seen(key);
    if (!entry) throw new Error(`the fake forge has no pull request ${key.repositoryId}-${key.number}`);
    return entry;
  }

  /** As the forge tells it now: the repository may have another name meanwhile. */
  function current(world: World, pull: PullRequest): PullRequest {
    return {
      ...pull,
      repository: world.repository,
      url: `https://forge.test/${world.repository.owner}/${world.repository.name}/pull/${pull.key.number}`,
    };
  }

  return {
    async pullRequest(key, signal) {
      enter(signal);
      const world = worldOf(key.repositoryId);
      const entry = entryOf(key);
      return world && entry && !entry.isHidden ? current(world, entry.pull) : undefined;
    },
    async repositories(signal) {
      enter(signal);
      return [...worlds.values()].map(({ repository }) => repository).filter(({ owner }) => !suspended.has(owner));
    },
    async openPullRequests(repository, signal) {
      enter(signal);
      const world = surely(repository.id, 'listing open pull requests');
      return [...world.pulls.values()].map(({ pull }) => current(world, pull)).filter(({ state }) => state === 'open');
    },
    async recentlyClosed(repository, signal) {
      enter(signal);
      const world = surely(repository.id, 'listing closed pull requests');
      return [...world.pulls.values()]
        .filter(({ pull, closedAt }) => pull.state === 'closed' && closedAt >= clock.now() - 7 * dayMs)
        .sort((a, b) => b.closedAt - a.closedAt)
        .slice(0, 100)
        .map(({ pull }) => current(world, pull));
    },
    async deployedPullRequests(repository, signal) {
      enter(signal);
      const { pulls } = surely(repository.id, 'listing deployments');
      return [...pulls.values()].filter(({ deployments }) => deployments.length > 0).map(({ pull }) => pull.key);
    },
    async redeliver(since, signal) {
      enter(signal);
      const from = Math.max(since, clock.now() - 3 * dayMs);
      const again = lost.filter(({ at }) => at >= from);
      for (const each of again) {
        lost.splice(lost.indexOf(each), 1);
        each.deliver();
      }
      return { redelivered: again.length, seenUntil: Math.max(clock.now(), since) };
    },
    async changedFiles(key, signal) {
      enter(signal);
      return known(key).files.slice(0, 3_000);
    },
    async cloneToken(repositoryId, signal) {
      enter(signal);
      surely(repositoryId, 'making a clone token');
      return `token-for-${repositoryId}`;
    },
    async writeComment(key, body, { onlyExisting }, signal) {
      enter(signal);
      const entry = entryOf(key);
      if (!entry) return;
      if (entry.comments.length === 0) {
        if (onlyExisting) return;
        // Others may find none either, meanwhile.
        await Promise.resolve();
        entry.comments.push(body);
        writes += 1;
        await Promise.resolve();
      }
      if (entry.comments.length === 1 && entry.comments[0] === body) return;
      entry.comments = [body];
      writes += 1;
    },
    async writeDeployment(key, report, signal) {
      enter(signal);
      const entry = entryOf(key);
      if (!entry) return;
      let own = entry.deployments.find(({ revision }) => revision === report.revision);
      if (!own) {
        own = { revision: report.revision, statuses: [], state: report.state };
        entry.deployments.push(own);
        writes += 1;
      }
      const last = own.statuses.at(-1);
      const isSame =
        last &&
        own.state === report.state &&
        last.description === report.description &&
        last.environmentUrl === report.environmentUrl;
      if (!isSame) {
        own.statuses.push(report);
        own.state = report.state;
        writes += 1;
      }
      retire(entry.deployments.filter((each) => each !== own));
    },
    async retireDeployments(key, signal) {
      enter(signal);
      return retire(entryOf(key)?.deployments ?? []);
    },
    async branchRevision(repository, branch, signal) {
      enter(signal);
      return surely(repository.id, 'reading a branch').branches.get(branch);
    },
    async mayWrite(repositoryId, login, signal) {
      enter(signal);
      if (rightsFailure) throw rightsFailure;
      surely(repositoryId, 'asking for a right');
      return hasRight(repositoryId, login);
    },
    async approval(key, revision, signal) {
      enter(signal);
      return entryOf(key)?.approvals.findLast((each) => each.revision === revision);
    },
    async recordApproval(key, approval, signal) {
      enter(signal);
      const entry = entryOf(key);
      if (!entry) throw new Error(`recording an approval: there is no pull request ${key.number}`);
      const last = entry.approvals.findLast(({ revision }) => revision === approval.revision);
      if (last?.by === approval.by && last.url === approval.url) return;
      entry.approvals.push(approval);
      writes += 1;
    },
    async commandComments(key, signal) {
      enter(signal);
      return (entryOf(key)?.peoplesComments ?? []).slice(-300).filter(({ body }) => /\/preview/i.test(body));
    },
    people: {
      addRepository(owner, name) {
        lastId += 1;
        const repository = { id: lastId, owner, name, cloneUrl: `https://forge.test/${owner}/${name}.git` };
        const branches = new Map([['main', revisionOf(lastId, 0)]]);
        worlds.set(repository.id, { repository, roles: new Map(), branches, pulls: new Map() });
        return repository;
      },
      renameRepository(repositoryId, name) {
        const world = worlds.get(repositoryId);
        if (world)
          world.repository = {
            ...world.repository,
            name,
            cloneUrl: `https://forge.test/${world.repository.owner}/${name}.git`,
          };
      },
      removeRepository: (repositoryId) => void worlds.delete(repositoryId),
      openPullRequest(repositoryId, change = {}) {
        const world = worlds.get(repositoryId);
        if (!world) throw new Error(`the fake forge has no repository ${repositoryId}`);
        const number = world.pulls.size + 1;
        const pull: PullRequest = {
          key: { repositoryId, number },
          repository: world.repository,
          state: 'open',
          title: `Change ${number}`,
          url: '',
          draft: false,
          author: 'mona',
          labels: [],
          head: { revision: revisionOf(repositoryId, number), branch: `change-${number}`, repositoryId },
          base: { branch: 'main', revision: revisionOf(repositoryId, 0) },
          ...change,
        };
        world.pulls.set(number, {
          pull,
          isHidden: false,
          closedAt: 0,
          files: [],
          comments: [],
          deployments: [],
          peoplesComments: [],
          approvals: [],
        });
        return current(world, pull);
      },
      change(key, change) {
        const entry = known(key);
        if (change.state === 'closed' && entry.pull.state === 'open') entry.closedAt = clock.now();
        entry.pull = { ...entry.pull, ...change };
      },
      changeFiles: (key, paths) => void (known(key).files = paths),
      deleteComment: (key) => void (known(key).comments = []),
      duplicateComment(key) {
        const entry = known(key);
        entry.comments = entry.comments.flatMap((comment) => [comment, comment]);
      },
      activateDeployments(key) {
        for (const deployment of known(key).deployments) deployment.state = 'success';
      },
      hide: (key, isHidden) => void (known(key).isHidden = isHidden),
      suspend: (owner) => void suspended.add(owner),
      unsuspend: (owner) => void suspended.delete(owner),
      setRole: (repositoryId, login, role) => void worlds.get(repositoryId)?.roles.set(login, role),
      comment(key, author, body) {
        const entry = known(key);
        lastCommentId += 1;
        const { owner, name } = surely(key.repositoryId, 'commenting').repository;
        const url = `https://forge.test/${owner}/${name}/pull/${key.number}#issuecomment-${lastCommentId}`;
        entry.peoplesComments = [...entry.peoplesComments, { author, body, isEdited: false, url }];
        return url;
      },
      editComment(key, url, body) {
        const entry = known(key);
        entry.peoplesComments = entry.peoplesComments.map((each) =>
          each.url === url ? { ...each, body, isEdited: true } : each,
        );
      },
      pushBranch: (repositoryId, branch, revision) => void worlds.get(repositoryId)?.branches.set(branch, revision),
      deleteBranch: (repositoryId, branch) => void worlds.get(repositoryId)?.branches.delete(branch),
    },
    loseDelivery: (deliver) => void lost.push({ at: clock.now(), deliver }),
    current(key) {
      const world = worlds.get(key.repositoryId);
      const entry = seen(key);
      return world && entry && current(world, entry.pull);
    },
    comments: (key) => seen(key)?.comments ?? [],
    comment: (key) => seen(key)?.comments[0],
    deployments: (key) => seen(key)?.deployments ?? [],
    approvals: (key) => seen(key)?.approvals ?? [],
    hasRight,
    tip(repositoryId, branch) {
      const revision = worlds.get(repositoryId)?.branches.get(branch);
      if (revision === undefined) throw new Error(`the fake forge has no branch ${branch} in ${repositoryId}`);
      return revision;
    },
    get writes() {
      return writes;
    },
    fail: (error) => void (failure = error),
    failRights: (error) => void (rightsFailure = error),
  };

  function hasRight(repositoryId: number, login: string): boolean {
    const role = worlds.get(repositoryId)?.roles.get(login) ?? 'read';
    return role === 'admin' || role === 'maintain' || role === 'write';
  }

  function retire(deployments: readonly MutableDeployment[]): number {
    const active = deployments.filter(({ state }) => state !== 'inactive');
    for (const deployment of active) deployment.state = 'inactive';
    writes += active.length;
    return active.length;
  }
}

/** 40 hex digits that differ from those of other pull requests. */
function revisionOf(repositoryId: number, number: number): string {
  return `${repositoryId.toString(16).padStart(8, '0')}${number.toString(16).padStart(8, '0')}`.padEnd(40, 'a');
}
