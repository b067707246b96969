import type { PreviewKey, PullRequest, Repository } from '../../src/domain/preview.ts';
import type { DeploymentReport, Forge } from '../../src/ports.ts';

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
  };
  /** The text of our comment, `undefined` without one. */
  comment(key: PreviewKey): string | undefined;
  /** Oldest first. */
  deployments(key: PreviewKey): readonly FakeDeployment[];
  /** How many writes there were: an unchanged world causes none. */
  readonly writes: number;
  /** Makes every call fail with this error, until it is called without one. */
  fail(error?: Error): void;
}

interface FakeDeployment {
  readonly revision: string;
  /** Newest last. */
  readonly statuses: readonly Pick<DeploymentReport, 'description' | 'environmentUrl'>[];
  readonly state: DeploymentReport['state'] | 'inactive';
}

interface World {
  repository: Repository;
  readonly pulls: Map<
    number,
    { pull: PullRequest; files: readonly string[]; comment: string | undefined; deployments: MutableDeployment[] }
  >;
}

interface MutableDeployment {
  readonly revision: string;
  readonly statuses: DeploymentReport[];
  state: DeploymentReport['state'] | 'inactive';
}

/** `Forge` in memory. */
export function fakeForge(): FakeForge {
  const worlds = new Map<number, World>();
  let failure: Error | undefined;
  let writes = 0;
  let lastId = 1_000;

  function enter(signal: AbortSignal): void {
    signal.throwIfAborted();
    if (failure) throw failure;
  }

  function entryOf(key: PreviewKey) {
    return worlds.get(key.repositoryId)?.pulls.get(key.number);
  }

  function known(key: PreviewKey) {
    const entry = entryOf(key);
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
      const world = worlds.get(key.repositoryId);
      const entry = entryOf(key);
      return world && entry ? current(world, entry.pull) : undefined;
    },
    async repositories(signal) {
      enter(signal);
      return [...worlds.values()].map(({ repository }) => repository);
    },
    async openPullRequests(repository, signal) {
      enter(signal);
      const world = worlds.get(repository.id);
      if (!world) throw new Error(`listing open pull requests: repository ${repository.id} is not within reach`);
      return [...world.pulls.values()].map(({ pull }) => current(world, pull)).filter(({ state }) => state === 'open');
    },
    async changedFiles(key, signal) {
      enter(signal);
      return known(key).files.slice(0, 3_000);
    },
    async cloneToken(repositoryId, signal) {
      enter(signal);
      if (!worlds.has(repositoryId))
        throw new Error(`making a clone token: repository ${repositoryId} is not within reach`);
      return `token-for-${repositoryId}`;
    },
    async writeComment(key, body, { onlyExisting }, signal) {
      enter(signal);
      const entry = entryOf(key);
      if (!entry || entry.comment === body || (entry.comment === undefined && onlyExisting)) return;
      entry.comment = body;
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
      retire(entryOf(key)?.deployments ?? []);
    },
    people: {
      addRepository(owner, name) {
        lastId += 1;
        const repository = { id: lastId, owner, name, cloneUrl: `https://forge.test/${owner}/${name}.git` };
        worlds.set(repository.id, { repository, pulls: new Map() });
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
        world.pulls.set(number, { pull, files: [], comment: undefined, deployments: [] });
        return current(world, pull);
      },
      change(key, change) {
        const entry = known(key);
        entry.pull = { ...entry.pull, ...change };
      },
      changeFiles: (key, paths) => void (known(key).files = paths),
      deleteComment: (key) => void (known(key).comment = undefined),
    },
    comment: (key) => entryOf(key)?.comment,
    deployments: (key) => entryOf(key)?.deployments ?? [],
    get writes() {
      return writes;
    },
    fail: (error) => void (failure = error),
  };

  function retire(deployments: readonly MutableDeployment[]): void {
    for (const deployment of deployments) {
      if (deployment.state === 'inactive') continue;
      deployment.state = 'inactive';
      writes += 1;
    }
  }
}

/** 40 hex digits that differ from those of other pull requests. */
function revisionOf(repositoryId: number, number: number): string {
  return `${repositoryId.toString(16).padStart(8, '0')}${number.toString(16).padStart(8, '0')}`.padEnd(40, 'a');
}
