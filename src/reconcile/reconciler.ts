/** The loop: observe, decide, act one step, report; again, until there is nothing left to do but wait for somebody else. */
import { intentOf } from '../domain/desired.ts';
import { nextStep } from '../domain/next-step.ts';
import {
  keyId,
  type Diagnosis,
  type Observed,
  type PreviewKey,
  type PullRequest,
  type Step,
} from '../domain/preview.ts';
import { type Bounded, statusOf } from '../domain/status-of.ts';
import type { QueueHandlers, TriggeredBy } from '../ports.ts';
import { act, type Pass } from './actions.ts';
import { mayStillRun } from './approval.ts';
import { lookAtFence } from './fence.ts';
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
    try {
      await reconcileOnce(ports, settings, key, run.by, signal, (intent) => {
        run.onTrigger(abortWhenChanged(ports, key, intent, superseded, run.signal));
      });
    } catch (error) {
      run.signal.throwIfAborted();
      // The trigger that superseded this run has queued the next one.
      if (!superseded.signal.aborted) throw error;
      ports.log.debug({ preview: keyId(key) }, 'superseded');
    }
  };
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
  by: TriggeredBy,
  signal: AbortSignal,
  onIntent: (intent: string) => void,
): Promise<void> {
  const fence = await lookAtFence(ports.cluster, key, signal);
  const target = await lookAtTarget(ports, settings.plan, key, fence.namespace, signal, onIntent);
  const { pullRequest, desired, name } = target;
  const log = ports.log.child({ preview: keyId(key), revision: pullRequest?.head.revision });
  await (pullRequest ? forgetMissing : believeMissing)(ports, key);
  const reclaimed = reclaimCounter({ ...ports, log }, by);
  const reporter = reporterFor(ports, { name, mayWrite: fence.check, reclaimed }, signal);
  const pass: Pass = { ...target, key, digests: new Map(), limits: settings.limits, signal, fence };
  const report: Report = (observed, step, overdue) => {
    // A pull request that the forge does not know cannot be written to.
    if (pullRequest) reporter.report(statusOf({ key, pullRequest, desired, observed, step, overdue }));
  };
  let settled: Observed | undefined;
  try {
    settled = await converge({ ...ports, log }, pass, report, reclaimed);
  } catch (error) {
    await reporter.flush().catch((err: unknown) => {
      // What the work failed with says more, and both are tried again.
      if (!signal.aborted) log.warn({ err }, 'status not reported');
    });
    throw error;
  }
  await reporter.flush();
  if (!fence.isWatched) await lookAgainIfChanged(ports, key, pullRequest, signal);
  if (settled) await settle(ports, pass, settled);
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

/** Step by step to where nothing is left to do but wait for somebody else. Gives what it has settled on, if it has. */
async function converge(
  ports: Ports,
  pass: Pass,
  report: Report,
  reclaimed: ReclaimCounter,
): Promise<Observed | undefined> {
  const { key, desired, digests, signal } = pass;
  const { log } = ports;
  const acted = new Set<string>();
  let overdue: Bounded | undefined;
  for (;;) {
    const observation = await observe(ports, pass, digests, signal);
    const { observed } = observation;
    const step = nextStep(desired, observed);
    switch (step.do) {
      case 'nothing':
        report(observed, step);
        return observed;
      case 'stall':
        report(observed, step);
        log.info({ step: step.do, reason: step.diagnosis.reason }, step.diagnosis.message);
        return undefined;
      case 'wait': {
        const awaited = step.for;
        if (awaited === 'builds') {
          report(observed, step);
          // Each build triggers everybody who waits for it when it ends.
          return undefined;
        }
        const patience = await patienceFor(ports, pass, awaited, observed);
        // What was waited for in vain has been looked at once more by now: it may just have come, or say what holds it.
        if (patience.leftMs <= 0 || overdue === awaited) {
          report(observed, step, await giveUp(ports, pass, awaited, observed, patience));
          return undefined;
        }
        report(observed, step);
        const outcome = await wait(ports, pass, awaited, observed, patience.leftMs);
        if (outcome === 'later') return undefined;
        overdue = outcome === 'overdue' ? awaited : undefined;
        break;
      }
      default: {
        // A build that was refused has told whoever waits for it to look again, and that look will find the same.
        if (step.do === 'start builds' && acted.has(step.do) && (await isRefused(ports, pass))) return undefined;
        if (acted.has(step.do)) throw new Error(`reconciling ${keyId(key)}: the step "${step.do}" changed nothing`);
        acted.add(step.do);
        report(observed, step);
        const startedAt = performance.now();
        log.debug({ step: step.do }, 'step started');
        await act(ports, pass, step, observation);
        if (step.do === 'delete namespace') reclaimed('namespace');
        if (step.do === 'unlock release') reclaimed('release');
        log.info({ step: step.do, durationMs: Math.round(performance.now() - startedAt) }, 'step done');
      }
    }
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
