import type { Step } from './domain/preview.ts';
import type { Phase } from './domain/status.ts';

/**
 * What operators count. Nothing here waits or fails: it costs a pass nothing to tell. A reclaim is a defect to look into:
 * something was lost or left behind before. Only images come to their end in this way.
 */
export interface Telemetry {
  /** Something left behind was found and removed. */
  reclaimed(kind: LeakKind, count?: number): void;
  /** A sweep has ended: what it has seen, `undefined` when it failed. */
  swept(outcome: Swept | undefined): void;
  /** How long after the event that asked for it a preview has come so far. */
  reached(stage: Stage, afterMs: number): void;
  /** A look at a preview has ended. */
  passed(outcome: PassOutcome, durationMs: number): void;
  /** One step of a pass is done. */
  stepped(step: ActingStep, durationMs: number): void;
  /** A revision that is new to us needs an image: whether the registry had it already. */
  imageNeeded(isThere: boolean): void;
  /** A build has ended. */
  built(outcome: BuildOutcome, durationMs: number): void;
  /** A Helm run has ended. */
  helmRan(operation: HelmOperation, outcome: HelmOutcome, durationMs: number): void;
  /** GitHub was asked. */
  forgeAsked(outcome: ForgeOutcome, durationMs: number): void;
  /** What GitHub says about the requests it still takes from us. */
  forgeBudget(caller: string, budget: ForgeBudget): void;
  /** A request to the webhooks' address was answered; `event` only when it was signed. */
  delivered(event: string | undefined, statusCode: number, durationMs: number): void;
  /** Any other request to that server was refused. */
  refused(statusCode: number): void;
  /** A visitor was answered; `waitMs` is the time until the first byte of the preview's answer, if it gave one. */
  visited(outcome: VisitOutcome, waitMs?: number): void;
}

/**
 * Where a preview comes by on its way: `started`, its pass; `reported`, the first word on the pull request; `build started`;
 * `built`, its last image; `deployed`, by Helm; `ready`; `removing`, its namespace was deleted; `removed`, the namespace is gone.
 */
export const stages = [
  'started',
  'reported',
  'build started',
  'built',
  'deployed',
  'ready',
  'removing',
  'removed',
] as const;
export type Stage = (typeof stages)[number];

/**
 * `settled`: nothing is left to do. `waiting`: for a build or a later look. `stalled`: a person must change something.
 * `superseded`: by newer events. `postponed`: until a time that the outside has named. `fenced`: taken over by another worker.
 * `interrupted`: the process ends or has lost the job. `failed`: an outage or a defect; tried again.
 */
export const passOutcomes = [
  'settled',
  'waiting',
  'stalled',
  'superseded',
  'postponed',
  'fenced',
  'interrupted',
  'failed',
] as const;
export type PassOutcome = (typeof passOutcomes)[number];

type ActingStep = Exclude<Step['do'], 'nothing' | 'stall' | 'wait'>;

/** `refused`: by the repository's fault. `stopped`: nobody wants it any more. `failed`: an outage or a defect; tried again. */
export const buildOutcomes = ['built', 'refused', 'stopped', 'failed'] as const;
export type BuildOutcome = (typeof buildOutcomes)[number];

export type HelmOperation = 'upgrade' | 'unlock' | 'uninstall';
/** As for builds. */
export const helmOutcomes = ['done', 'refused', 'stopped', 'failed'] as const;
export type HelmOutcome = (typeof helmOutcomes)[number];

/**
 * `unchanged`: answered 304, which is free. `refused`: GitHub said no. `limited`: it said "too much". `failed`: no answer, or one
 * that tells of an outage.
 */
export const forgeOutcomes = ['answered', 'unchanged', 'refused', 'limited', 'failed'] as const;
export type ForgeOutcome = (typeof forgeOutcomes)[number];

export interface ForgeBudget {
  /** Requests in an hour, and how many of them are left. */
  readonly limit: number;
  readonly remaining: number;
  /** Milliseconds since the epoch. */
  readonly resetAt: number;
}

/**
 * `served`: by the preview. `tunnelled`: to it, such as WebSockets. `page`: one of ours that says why there is no preview.
 * `unreachable`: the preview did not answer. `limited`: too many requests from one address. `malformed`: refused as it was.
 */
export const visitOutcomes = ['served', 'tunnelled', 'page', 'unreachable', 'limited', 'malformed'] as const;
export type VisitOutcome = (typeof visitOutcomes)[number];

/** How much there is in a queue. Ages are of the oldest job in that state, 0 without one. */
export interface QueueLoad {
  readonly queue: string;
  readonly waiting: number;
  readonly waitingMs: number;
  readonly active: number;
  readonly activeMs: number;
  readonly delayed: number;
}

/** Numbers of what a sweep has seen. */
export interface Swept {
  /** Open pull requests. */
  readonly open: number;
  /** Namespaces of ours, and how many of them are terminating. */
  readonly namespaces: number;
  readonly terminating: number;
  /** Terminating ones that something holds for longer than removal may take. */
  readonly stuck: number;
  /** Previews that were not as last settled. */
  readonly triggered: number;
  /** How many previews are in which phase, as last reported; those that are removed left out. */
  readonly phases: Readonly<Record<LivePhase, number>>;
}

export const livePhases = ['Building', 'Deploying', 'Ready', 'Failed', 'Held', 'Removing'] as const;
export type LivePhase = Exclude<Phase, 'Removed'>;

/**
 * `namespace` and `deployment` (GitHub's): of a pull request that wants none, without anybody having told us. `release`: left
 * pending by a Helm that was killed. `image`: in the registry, referred to by nothing. `process`, `directory`: left by a
 * Berth that was killed. `delivery`: a webhook that had to be asked for again.
 */
export const leakKinds = ['namespace', 'deployment', 'release', 'image', 'process', 'directory', 'delivery'] as const;
export type LeakKind = (typeof leakKinds)[number];
