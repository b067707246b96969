/** What a reconcile needs, and its limits. */
import type { Logger } from 'pino';
import type { PlanSettings } from '../domain/plan.ts';
import type {
  AlarmClock,
  Builder,
  Cluster,
  Forge,
  Queue,
  Redaction,
  Releaser,
  Secrets,
  Source,
  Store,
} from '../ports.ts';
import type { Telemetry } from '../telemetry.ts';

export interface Ports {
  readonly forge: Forge;
  readonly source: Source;
  readonly builder: Builder;
  readonly cluster: Cluster;
  readonly secrets: Secrets;
  readonly releaser: Releaser;
  readonly queue: Queue;
  readonly store: Store;
  readonly clock: AlarmClock;
  readonly telemetry: Telemetry;
  /** What is shown or kept goes through it. */
  readonly redaction: Redaction;
  readonly log: Logger;
}

export interface Limits {
  /** How long pods may take to become ready after a deployment. */
  readonly readyTimeoutMs: number;
  /** How long an image that is built elsewhere may take to appear. */
  readonly imageTimeoutMs: number;
  /** How long to watch a namespace go before saying that it is stuck. */
  readonly removalTimeoutMs: number;
  /** How long delete hooks may take before the namespace goes without them. */
  readonly uninstallTimeoutMs: number;
  /** How long a settled preview is believed at most before it is looked at again without anybody asking. */
  readonly resyncIntervalMs: number;
}

export interface ReconcileSettings {
  readonly plan: PlanSettings;
  readonly limits: Limits;
}
