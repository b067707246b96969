import { createPublicKey } from 'node:crypto';
import { History } from '../git/history.ts';
import type { NewAppCode } from '../operations/new-apps.ts';
import type { App, Installation, PullRequest, Repository, Role, Token, User } from './entities.ts';

/** A repository by `owner/name` or by its id. */
export type RepositoryName = string | number;

/** Everything GitHub knows. Routes and the control operations change it, and call `changed` when they did. */
export class World {
  readonly origin: string;
  /** Names of apps that are taken, as they are in URLs. */
  readonly appSlugs = new Set<string>();
  /** Of apps that were made and whose credentials nobody has fetched. */
  readonly newAppCodes = new Map<string, NewAppCode>();
  readonly repositories = new Map<number, Repository>();
  readonly installations = new Map<number, Installation>();
  readonly tokens = new Map<string, Token>();
  /** Who belongs to which organisation, which says nothing about any of its repositories: `owner/login`, in lower case. */
  readonly members = new Set<string>();
  readonly #users = new Map<string, User>();
  /** Names that repositories had, in lower case. */
  readonly #formerNames = new Map<string, number>();
  readonly #listeners = new Set<() => void>();
  #app: App;
  #privateKey: string;
  #clockOffsetMs = 0;
  #lastId = 2_300_000_000;

  constructor(origin: string, app: Omit<App, 'owner' | 'createdAt'>, privateKey: string) {
    this.origin = origin;
    this.#app = { ...app, owner: this.user('berth-makers', 'Organization'), createdAt: this.now() };
    this.#privateKey = privateKey;
    this.appSlugs.add(app.slug);
  }

  /** The app that the world is seen with. */
  get app(): App {
    return this.#app;
  }

  get privateKey(): string {
    return this.#privateKey;
  }

  /** What its tokens are verified with, PEM. */
  get publicKey(): string {
    return createPublicKey(this.#privateKey).export({ type: 'spki', format: 'pem' }).toString();
  }

  /** Takes another app for the one that is installed and sent webhooks. */
  adopt(app: App, privateKey: string): void {
    this.#app = app;
    this.#privateKey = privateKey;
    this.installations.clear();
    this.tokens.clear();
    this.changed();
  }

  now(): Date {
    return new Date(Date.now() + this.#clockOffsetMs);
  }

  /** Sets how far GitHub's clock is ahead of this machine's. */
  set clockOffsetMs(offsetMs: number) {
    this.#clockOffsetMs = offsetMs;
    this.changed();
  }

  nextId(): number {
    this.#lastId += 1;
    return this.#lastId;
  }

  /** Tells everyone who waits that the state may have changed. */
  changed(): void {
    for (const listener of this.#listeners) listener();
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  api(path: string): string {
    return `${this.origin}/api/v3${path}`;
  }

  html(path: string): string {
    return `${this.origin}${path}`;
  }

  get bot(): User {
    return this.user(`${this.app.slug}[bot]`, 'Bot');
  }

  /** The account of that login, which comes into being when it is first named. */
  user(login: string, type: User['type'] = 'User'): User {
    const key = login.toLowerCase();
    let user = this.#users.get(key);
    if (!user) {
      user = { id: this.nextId() - 2_299_000_000, login, type };
      this.#users.set(key, user);
    }
    return user;
  }

  findUser(login: string): User | undefined {
    return this.#users.get(login.toLowerCase());
  }

  addRepository(
    owner: User,
    name: string,
    options: Pick<Repository, 'private' | 'defaultBranch'>,
    parent?: Repository,
  ): Repository {
    const taken = this.findRepository(`${owner.login}/${name}`);
    if (taken) throw new Error(`repository ${owner.login}/${name} exists already`);
    const at = this.now();
    const repository: Repository = {
      id: this.nextId() - 1_400_000_000,
      owner,
      name,
      private: options.private,
      defaultBranch: options.defaultBranch,
      parentId: parent?.id,
      createdAt: at,
      updatedAt: at,
      pushedAt: at,
      history: parent?.history ?? new History(),
      refs: new Map(),
      roles: new Map([[owner.login.toLowerCase(), 'admin']]),
      labels: new Map(),
      pullRequests: new Map(),
      comments: new Map(),
      checkRuns: new Map(),
      statuses: [],
      deployments: new Map(),
      environments: new Map(),
    };
    this.repositories.set(repository.id, repository);
    this.#formerNames.delete(nameKey(repository));
    return repository;
  }

  moveRepository(repository: Repository, owner: User, name: string): void {
    this.#formerNames.set(nameKey(repository), repository.id);
    repository.owner = owner;
    repository.name = name;
    repository.roles.set(owner.login.toLowerCase(), 'admin');
    repository.updatedAt = this.now();
    this.#formerNames.delete(nameKey(repository));
  }

  findRepository(name: RepositoryName): Repository | undefined {
    if (typeof name === 'number') return this.repositories.get(name);
    const key = name.toLowerCase();
    for (const repository of this.repositories.values()) if (nameKey(repository) === key) return repository;
    return undefined;
  }

  /** The repository that had this name before it was renamed or transferred. */
  findMoved(name: string): Repository | undefined {
    const id = this.#formerNames.get(name.toLowerCase());
    return id === undefined ? undefined : this.repositories.get(id);
  }

  repository(name: RepositoryName): Repository {
    const repository = this.findRepository(name);
    if (!repository) throw new Error(`the simulator has no repository ${name}`);
    return repository;
  }

  pullRequest(name: RepositoryName, number: number): PullRequest {
    const pullRequest = this.repository(name).pullRequests.get(number);
    if (!pullRequest) throw new Error(`the simulator has no pull request ${name}#${number}`);
    return pullRequest;
  }

  installationOf(account: User): Installation | undefined {
    for (const installation of this.installations.values()) if (installation.account === account) return installation;
    return undefined;
  }

  /** What the account may do in the repository; on a public one everybody may read. */
  role(repository: Repository, user: User): Role {
    return repository.roles.get(user.login.toLowerCase()) ?? (repository.private ? 'none' : 'read');
  }
}

export function fullName(repository: Repository): string {
  return `${repository.owner.login}/${repository.name}`;
}

function nameKey(repository: Repository): string {
  return fullName(repository).toLowerCase();
}
