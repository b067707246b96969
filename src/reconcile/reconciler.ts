/** The loop: observe, decide, act one step, report; again, until there is nothing left to do but wait for somebody else. */
import { intentOf } from '../domain/desired.ts';
import { FencedError, RetryLaterError } from '../domain/errors.ts';
import { nextStep } from '../domain/next-step.ts';
import {
  keyId,
  type Desired,
  type Diagnosis,
  type Observed,
  type PreviewKey,
  type PullRequest,
  type Step,
} from '../domain/preview.ts';
import { type Bounded, statusOf } from '../domain/status-of.ts';
import type { QueueHandlers, ReconcileRun } from '../ports.ts';
import type { PassOutcome } from '../telemetry.ts';
import { act, type Pass } from './actions.ts';
import { mayStillRun } from './approval.ts';
import { lookAtFence } from './fence.ts';
import { type Journey, journeyTo } from './journey.ts';
import { believeMissing, forgetMissing } from './missing.ts';
import { observe } from './observe.ts';
import type { Ports, ReconcileSettings } from './ports.ts';
import { type ReclaimCounter, reclaimCounter } from './reclaims.ts';
import { reporterFor } from './reporter.ts';
import { settledKey, settledTtlMs, settledValue } from './settled.ts';
import { lookAtTarget } from './target.ts';
import { giveUp, patienceFor, wait, waitingKey } from './wait.ts';

/** The handler for the queue: brings one preview to what its pull request asks for, or as far as it goes now. */
export function reconcilerFor(ports: Ports, settings: ReconcileSettings): QueueHandlers['reconcile'] {
  return async (key, run) => {
    const superseded = new AbortController();
    const signal = AbortSignal.any([run.signal, superseded.signal]);
    const startedAt = performance.now();
    const ended = (outcome: PassOutcome) => ports.telemetry.passed(outcome, performance.now() - startedAt);
    try {
      const outcome = await reconcileOnce(ports, settings, key, run, signal, (intent) => {
        run.onTrigger(abortWhenChanged(ports, key, intent, superseded, run.signal));
      });
      ended(outcome);
    } catch (error) {
      ended(run.signal.aborted ? 'interrupted' : superseded.signal.aborted ? 'superseded' : outcomeOf(error));
      run.signal.throwIfAborted();
      // The trigger that superseded this run has queued the next one.
      if (!superseded.signal.aborted) throw error;
      ports.log.debug({ preview: keyId(key) }, 'superseded');
    }
  };
}

function outcomeOf(error: unknown): PassOutcome {
  if (error instanceof RetryLaterError) return 'postponed';
  return error instanceof FencedError ? 'fenced' : 'failed';
}

/**
 * What to do with triggers in the middle of a run: when the pull request asks for something else by now, the run ends.
 * One look at a time; those that come during a look lead to one more.
 */
function abortWhenChanged(
  { forge, log }: Pick<Ports, 'forge' | 'log'>,
  key: PreviewKey,
  intent: string,
  superseded: AbortController,
  signal: AbortSignal,
): () => void {
  let isLooking = false;
  let again = false;
  const look = async (): Promise<void> => {
    isLooking = true;
    do {
      again = false;
      try {
        const pullRequest = await forge.pullRequest(key, signal);
        // One that is not found is asked for again by the run that follows.
        if (pullRequest && intentOf(pullRequest) !== intent) superseded.abort(new Error('superseded'));
      } catch (err) {
        // The run that follows asks again; this one goes on as if the trigger had come a moment later.
        log.debug({ err, preview: keyId(key) }, 'trigger not looked at');
      }
    } while (again && !superseded.signal.aborted && !signal.aborted);
    isLooking = false;
  };
  return () => {
    if (isLooking) again = true;
    else void look();
  };
}

async function reconcileOnce(
  ports: Ports,
  settings: ReconcileSettings,
  key: PreviewKey,
  { by, since }: Pick<ReconcileRun, 'by' | 'since'>,
  signal: AbortSignal,
  onIntent: (intent: string) => void,
): Promise<PassOutcome> {
  const fence = await lookAtFence(ports.cluster, key, signal);
  const target = await lookAtTarget(ports, settings.plan, key, fence.namespace, signal, onIntent);
  const { pullRequest, desired, name } = target;
  const log = ports.log.child({ preview: keyId(key), revision: pullRequest?.head.revision });
  await (pullRequest ? forgetMissing : believeMissing)(ports, key);
  const reclaimed = reclaimCounter({ ...ports, log }, by);
  const journey = await journeyTo({ ...ports, log }, { key, ...target }, since);
  journey.reached('started');
  const onReported = () => journey.reached('reported');
  const reporter = reporterFor(ports, { name, mayWrite: fence.check, reclaimed, onReported }, signal);
  const pass: Pass = { ...target, key, digests: new Map(), limits: settings.limits, signal, fence };
  const report: Report = (observed, step, overdue) => {
    // A pull request that the forge does not know cannot be written to.
    if (pullRequest) reporter.report(statusOf({ key, pullRequest, desired, observed, step, overdue }));
  };
  let end: End;
  try {
    end = await converge({ ...ports, log }, pass, report, reclaimed, journey);
  } catch (error) {
    await reporter.flush().catch((err: unknown) => {
      // What the work failed with says more, and both are tried again.
      if (!signal.aborted) log.warn({ err }, 'status not reported');
    });
    await journey.keep();
    throw error;
  }
  try {
    await reporter.flush();
  } finally {
    await journey.keep();
  }
  if (!fence.isWatched) await lookAgainIfChanged(ports, key, pullRequest, signal);
  if (end.outcome === 'settled') await settle(ports, pass, end.observed);
  return end.outcome;
}

/**
 * A pass that outlived its lock unnoticed may have had the last word, or made the namespace, of a pull request that has
 * changed since. Whoever told the news did so after it changed, so to look after having spoken is enough.
 */
async function lookAgainIfChanged(
  { forge, queue }: Pick<Ports, 'forge' | 'queue'>,
  key: PreviewKey,
  pullRequest: PullRequest | undefined,
  signal: AbortSignal,
): Promise<void> {
  if (intentOf(await forge.pullRequest(key, signal)) !== intentOf(pullRequest)) await queue.trigger(key);
}

type Report = (observed: Observed, step: Step, overdue?: Diagnosis) => void;

/** How far a pass has come. */
type End = { readonly outcome: 'settled'; readonly observed: Observed } | { readonly outcome: 'waiting' | 'stalled' };
const waiting: End = { outcome: 'waiting' };
const stalled: End = { outcome: 'stalled' };

/** Step by step to where nothing is left to do but wait for somebody else. */
async function converge(
  ports: Ports,
  pass: Pass,
  report: Report,
  reclaimed: ReclaimCounter,
  journey: Journey,
): Promise<End> {
  const { key, desired, digests, signal } = pass;
  const { log } = ports;
  const acted = new Set<string>();
  let overdue: Bounded | undefined;
  let isFirstLook = true;
  for (;;) {
    const observation = await observe(ports, pass, digests, signal);
    const { observed } = observation;
    const step = nextStep(desired, observed);
    noteStages(journey, step, observed);
    if (isFirstLook && journey.isNew) countImages(ports, desired, observed);
    isFirstLook = false;
    switch (step.do) {
      case 'nothing':
        report(observed, step);
        return { outcome: 'settled', observed };
      case 'stall':
        report(observed, step);
        log.info({ step: step.do, reason: step.diagnosis.reason }, step.diagnosis.message);
        return stalled;
      case 'wait': {
        const awaited = step.for;
        if (awaited === 'builds') {
          report(observed, step);
          // Each build triggers everybody who waits for it when it ends.
          return waiting;
        }
        const patience = await patienceFor(ports, pass, awaited, observed);
        // What was waited for in vain has been looked at once more by now: it may just have come, or say what holds it.
        if (patience.leftMs <= 0 || overdue === awaited) {
          report(observed, step, await giveUp(ports, pass, awaited, observed, patience));
          return stalled;
        }
        report(observed, step);
        const outcome = await wait(ports, pass, awaited, observed, patience.leftMs);
        if (outcome === 'later') return waiting;
        overdue = outcome === 'overdue' ? awaited : undefined;
        break;
      }
      default: {
        // A build that was refused has told whoever waits for it to look again, and that look will find the same.
        if (step.do === 'start builds' && acted.has(step.do) && (await isRefused(ports, pass))) return waiting;
        if (acted.has(step.do)) throw new Error(`reconciling ${keyId(key)}: the step "${step.do}" changed nothing`);
        acted.add(step.do);
        report(observed, step);
        const startedAt = performance.now();
        log.debug({ step: step.do }, 'step started');
        await act(ports, pass, step, observation);
        if (step.do === 'delete namespace') reclaimed('namespace');
        if (step.do === 'unlock release') reclaimed('release');
        const durationMs = performance.now() - startedAt;
        ports.telemetry.stepped(step.do, durationMs);
        if (step.do === 'delete namespace') journey.reached('removing');
        if (step.do === 'record revision') journey.reached('ready');
        log.info({ step: step.do, durationMs: Math.round(durationMs) }, 'step done');
      }
    }
  }
}

/** What a look tells of the way so far. */
function noteStages(journey: Journey, step: Step, { namespace, release }: Observed): void {
  switch (step.do) {
    case 'upgrade release':
      journey.reached('built');
      return;
    case 'wait':
      if (step.for === 'workloads' && release.state === 'deployed') journey.reached('deployed');
      return;
    case 'record revision':
      journey.reached('deployed');
      return;
    case 'nothing':
      if (namespace.state === 'absent' && journey.has('removing')) journey.reached('removed');
      return;
    case 'cancel builds':
    case 'create namespace':
    case 'start builds':
    case 'unlock release':
    case 'delete namespace':
    case 'stall':
      return;
  }
}

/** Which of the images that are built here are in the registry already. */
function countImages({ telemetry }: Pick<Ports, 'telemetry'>, desired: Desired, { images }: Observed): void {
  if (desired.state !== 'present') return;
  for (const { kind, name } of desired.plan.images) {
    if (kind === 'build') telemetry.imageNeeded(images.get(name)?.state === 'built');
  }
}

/** Whether what was approved when the pass began may not run any more. */
async function isRefused({ forge }: Pick<Ports, 'forge'>, { key, desired, signal }: Pass): Promise<boolean> {
  if (desired.state !== 'present' || desired.trust === 'trusted') return false;
  return !(await mayStillRun(forge, key, desired.revision, signal));
}

async function settle(
  { store }: Pick<Ports, 'store'>,
  { key, pullRequest, limits }: Pass,
  { namespace }: Observed,
): Promise<void> {
  const uid = namespace.state === 'active' ? namespace.uid : undefined;
  const ttlMs = settledTtlMs(key, pullRequest, limits.resyncIntervalMs);
  await store.forget(waitingKey(key));
  await store.set(settledKey(key), settledValue(pullRequest, uid), ttlMs);
}
