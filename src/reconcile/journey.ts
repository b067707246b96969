/** Measures how a preview comes along after the event that asked for it. What is lost here loses a figure and nothing else. */
import { intentOf } from '../domain/desired.ts';
import { keyId, type Desired, type PreviewKey, type PullRequest } from '../domain/preview.ts';
import type { Stage } from '../telemetry.ts';
import type { Ports } from './ports.ts';
import { isSettledAs, settledKey } from './settled.ts';

type JourneyPorts = Pick<Ports, 'store' | 'clock' | 'telemetry' | 'log'>;

/** Longer than previews take; of what takes longer, the rest is not measured. */
const journeyTtlMs = 7 * 86_400_000;

export interface Journey {
  /** Whether this pass is the first one that sees what is asked for now. */
  readonly isNew: boolean;
  /** The preview has come so far; only the first time counts. */
  reached(stage: Stage): void;
  has(stage: Stage): boolean;
  /** Remembers it for the next pass. Never rejects. */
  keep(): Promise<void>;
}

interface Travelled {
  /** `undefined` when no event told of it: it was found by ourselves, so that nobody knows when it was asked for. */
  readonly since: number | undefined;
  readonly destination: string;
  readonly stages: readonly Stage[];
}

/**
 * The journey to what is wanted now: the one that an earlier pass began, or a new one when the pull request asks for something
 * else. `since`: when the event came that led to this pass. Never rejects.
 */
export async function journeyTo(
  { store, clock, telemetry, log }: JourneyPorts,
  { key, pullRequest, desired }: { key: PreviewKey; pullRequest: PullRequest | undefined; desired: Desired },
  since: number | undefined,
): Promise<Journey> {
  // An approval is another beginning: what comes after it has not taken as long as people have.
  const destination = `${desired.state === 'held' ? 'held ' : ''}${intentOf(pullRequest)}`;
  const lost = (err: unknown) => log.debug({ err }, 'journey not kept');
  let travelled: Travelled = { since, destination, stages: [] };
  let isNew = false;
  try {
    const known = parsed(await store.get(journeyKey(key)));
    if (known?.destination === destination) travelled = known;
    else if (pullRequest && isSettledAs(await store.get(settledKey(key)), pullRequest, 'any')) {
      // It has arrived already, and the store has forgotten how.
      travelled = { since: undefined, destination, stages: [] };
    } else {
      isNew = true;
      await store.set(journeyKey(key), textOf(travelled), journeyTtlMs);
    }
  } catch (err) {
    lost(err);
  }
  const done = new Set(travelled.stages);
  return {
    isNew,
    reached(stage) {
      if (done.has(stage)) return;
      done.add(stage);
      const afterMs = travelled.since === undefined ? undefined : Math.max(clock.now() - travelled.since, 0);
      if (afterMs !== undefined) telemetry.reached(stage, afterMs);
      if (stage === 'ready') log.info({ afterMs }, 'preview ready');
      if (stage === 'removed') log.info({ afterMs }, 'preview removed');
    },
    has: (stage) => done.has(stage),
    async keep() {
      if (done.size === travelled.stages.length) return;
      await store.set(journeyKey(key), textOf({ ...travelled, stages: [...done] }), journeyTtlMs).catch(lost);
    },
  };
}

/** A build for that revision of the preview has begun, in whatever process; of several, the first one counts. */
export async function buildBegun(
  { store, clock, telemetry }: Pick<Ports, 'store' | 'clock' | 'telemetry'>,
  key: PreviewKey,
  revision: string,
): Promise<void> {
  const now = clock.now();
  const known = parsed(await store.get(journeyKey(key)));
  if (known?.since === undefined || !known.destination.includes(revision)) return;
  const isFirst = (await store.claim(`build-begun:${keyId(key)}:${revision}`, journeyTtlMs)) !== undefined;
  if (isFirst) telemetry.reached('build started', Math.max(now - known.since, 0));
}

function journeyKey(key: PreviewKey): string {
  return `journey:${keyId(key)}`;
}

/** A line each: since when, where to, and the stages so far. */
function textOf({ since, destination, stages }: Travelled): string {
  return [since ?? '', destination, ...stages].join('\n');
}

function parsed(text: string | undefined): Travelled | undefined {
  const [since, destination, ...stages] = text?.split('\n') ?? [];
  if (since === undefined || destination === undefined) return undefined;
  return { since: since === '' ? undefined : Number(since), destination, stages: stages as Stage[] };
}
