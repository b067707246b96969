import type { History } from '../git/history.ts';

export type Role = 'admin' | 'maintain' | 'write' | 'triage' | 'read' | 'none';
export type Access = 'read' | 'write';
/** Permissions of an app's installation or token, such as `{ contents: 'read' }`. */
export type Permissions = Readonly<Record<string, Access>>;

export interface User {
  readonly id: number;
  readonly login: string;
  readonly type: 'User' | 'Organization' | 'Bot';
}

export interface App {
  readonly id: number;
  readonly clientId: string;
  readonly slug: string;
  readonly name: string;
  readonly owner: User;
  readonly permissions: Permissions;
  readonly events: readonly string[];
  readonly createdAt: Date;
}

export interface Installation {
  readonly id: number;
  readonly account: User;
  readonly createdAt: Date;
  suspendedAt: Date | undefined;
}

export interface Token {
  readonly value: string;
  readonly installationId: number;
  readonly permissions: Permissions;
  /** `undefined` means every repository of the installation. */
  readonly repositoryIds: ReadonlySet<number> | undefined;
  readonly expiresAt: Date;
}

interface Label {
  readonly id: number;
  readonly name: string;
}

export interface Comment {
  readonly id: number;
  readonly issue: number;
  readonly user: User;
  body: string;
  /** Set when it was written with an app's token. */
  readonly viaApp: boolean;
  readonly createdAt: Date;
  updatedAt: Date;
}

export interface Side {
  /** `undefined` once the repository is deleted. */
  repositoryId: number | undefined;
  readonly owner: User;
  ref: string;
  sha: string;
}

export interface PullRequest {
  readonly id: number;
  readonly number: number;
  title: string;
  body: string | null;
  readonly user: User;
  state: 'open' | 'closed';
  draft: boolean;
  readonly labels: Set<string>;
  readonly head: Side;
  readonly base: Side;
  /** Every commit its head has been at, oldest first. */
  readonly heads: string[];
  readonly createdAt: Date;
  updatedAt: Date;
  closedAt: Date | undefined;
  mergedAt: Date | undefined;
  mergedBy: User | undefined;
  mergeCommitSha: string | undefined;
  /** GitHub works mergeability out after somebody asked for it; until then it says null. */
  mergeability: 'unknown' | 'clean' | 'dirty';
}

export interface CheckAction {
  readonly label: string;
  readonly description: string;
  readonly identifier: string;
}

export interface Annotation {
  readonly path: string;
  readonly start_line: number;
  readonly end_line: number;
  readonly annotation_level: string;
  readonly message: string;
  readonly title?: string;
  readonly raw_details?: string;
}

export interface CheckRun {
  readonly id: number;
  readonly suiteId: number;
  readonly sha: string;
  readonly createdAt: Date;
  name: string;
  externalId: string;
  detailsUrl: string | undefined;
  status: string;
  conclusion: string | null;
  startedAt: string;
  completedAt: string | null;
  output: { title: string | null; summary: string | null; text: string | null };
  readonly annotations: Annotation[];
  actions: readonly CheckAction[];
}

export interface CommitStatus {
  readonly id: number;
  readonly sha: string;
  readonly state: string;
  readonly context: string;
  readonly description: string | null;
  readonly targetUrl: string | null;
  readonly creator: User;
  readonly createdAt: Date;
}

export interface DeploymentStatus {
  readonly id: number;
  readonly state: string;
  readonly description: string;
  readonly environment: string;
  readonly environmentUrl: string;
  readonly logUrl: string;
  readonly creator: User;
  readonly createdAt: Date;
}

export interface Deployment {
  readonly id: number;
  readonly sha: string;
  readonly ref: string;
  readonly task: string;
  readonly payload: unknown;
  readonly environment: string;
  readonly description: string | null;
  readonly transient: boolean;
  readonly production: boolean;
  readonly creator: User;
  readonly createdAt: Date;
  updatedAt: Date;
  /** Oldest first. */
  readonly statuses: DeploymentStatus[];
}

export interface Repository {
  readonly id: number;
  owner: User;
  name: string;
  readonly private: boolean;
  readonly defaultBranch: string;
  readonly parentId: number | undefined;
  readonly createdAt: Date;
  updatedAt: Date;
  pushedAt: Date;
  readonly history: History;
  /** Full names such as `refs/heads/main` to SHAs. */
  readonly refs: Map<string, string>;
  readonly roles: Map<string, Role>;
  readonly labels: Map<string, Label>;
  readonly pullRequests: Map<number, PullRequest>;
  readonly comments: Map<number, Comment>;
  readonly checkRuns: Map<number, CheckRun>;
  readonly statuses: CommitStatus[];
  readonly deployments: Map<number, Deployment>;
  readonly environments: Map<string, { readonly id: number; readonly createdAt: Date }>;
}
