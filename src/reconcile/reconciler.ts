/** The loop: observe, decide, act one step, report; again, until there is nothing left to do but wait for somebody else. */
import { intentOf } from '../domain/desired.ts';
import { nextStep } from '../domain/next-step.ts';
import { keyId, type Desired, type Diagnosis, type Observed, type PreviewKey, type Step } from '../domain/preview.ts';
import { overdueDiagnosis, statusOf } from '../domain/status-of.ts';
import type { QueueHandlers } from '../ports.ts';
import { act, type Pass } from './actions.ts';
import { fenceFor } from './fence.ts';
import { observe, type Observation } from './observe.ts';
import type { Ports, ReconcileSettings } from './ports.ts';
import { reporterFor } from './reporter.ts';
import { settledKey, settledTtlMs, settledValue } from './settled.ts';
import { lookAtTarget } from './target.ts';
import { waitForImages, waitForNamespace, waitForWorkloads, waitingKey } from './wait.ts';

/** The handler for the queue: brings one preview to what its pull request asks for, or as far as it goes now. */
export function reconcilerFor(ports: Ports, settings: ReconcileSettings): QueueHandlers['reconcile'] {
  return async (key, run) => {
    const superseded = new AbortController();
    const signal = AbortSignal.any([run.signal, superseded.signal]);
    try {
      await reconcileOnce(ports, settings, key, signal, (intent) => {
        run.onTrigger(() => void abortWhenChanged(ports, key, intent, superseded, run.signal));
      });
    } catch (error) {
      run.signal.throwIfAborted();
      // The trigger that superseded this run has queued the next one.
      if (!superseded.signal.aborted) throw error;
      ports.log.debug({ preview: keyId(key) }, 'superseded');
    }
  };
}

/** A trigger came in the middle of a run: when the pull request asks for something else by now, the run ends. */
async function abortWhenChanged(
  { forge, log }: Pick<Ports, 'forge' | 'log'>,
  key: PreviewKey,
  intent: string,
  superseded: AbortController,
  signal: AbortSignal,
): Promise<void> {
  try {
    if (intentOf(await forge.pullRequest(key, signal)) !== intent) superseded.abort(new Error('superseded'));
  } catch (err) {
    // The run that follows asks again; this one goes on as if the trigger had come a moment later.
    log.debug({ err, preview: keyId(key) }, 'trigger not looked at');
  }
}

async function reconcileOnce(
  ports: Ports,
  settings: ReconcileSettings,
  key: PreviewKey,
  signal: AbortSignal,
  onIntent: (intent: string) => void,
): Promise<void> {
  const target = await lookAtTarget(ports, settings.plan, key, signal, onIntent);
  const { pullRequest, desired, name } = target;
  const log = ports.log.child({ preview: keyId(key), revision: pullRequest?.head.revision });
  const fence = fenceFor(ports.cluster, signal);
  const reporter = reporterFor(ports, name, fence.check, signal);
  const digests = new Map<string, string>();
  const pass: Pass = { ...target, key, digests, limits: settings.limits, signal, fence };
  const plan = desired.state === 'present' ? desired.plan : undefined;
  const acted = new Set<string>();
  const report = (observed: Observed, step: Step, overdue?: Diagnosis) => {
    // A pull request that the forge does not know cannot be written to.
    if (pullRequest) reporter.report(statusOf({ key, pullRequest, desired, observed, step, overdue }));
  };
  try {
    for (;;) {
      const observation = await observe(ports, key, name, plan, digests, signal);
      const { observed } = observation;
      const step = nextStep(desired, observed);
      report(observed, step);
      switch (step.do) {
        case 'nothing':
          await reporter.flush();
          await settle(ports, target, key, observed);
          return;
        case 'stall':
          log.info({ step: step.do, reason: step.diagnosis.reason }, step.diagnosis.message);
          return;
        case 'wait': {
          const outcome = await wait(ports, settings, pass, step, observation);
          if (outcome === 'changed') continue;
          if (outcome !== 'later') report(observed, step, overdueDiagnosis(step, observed, outcome.after));
          return;
        }
        default: {
          if (acted.has(step.do)) throw new Error(`reconciling ${keyId(key)}: the step "${step.do}" changed nothing`);
          acted.add(step.do);
          const startedAt = performance.now();
          log.debug({ step: step.do }, 'step started');
          await act(ports, pass, step, observation);
          log.info({ step: step.do, durationMs: Math.round(performance.now() - startedAt) }, 'step done');
        }
      }
    }
  } finally {
    await reporter.flush();
  }
}

/** Waits, or says that somebody else wakes us (`later`), or that it has taken too long. */
async function wait(
  ports: Ports,
  { limits }: ReconcileSettings,
  pass: Pass,
  step: Step & { readonly do: 'wait' },
  { observed }: Observation,
): Promise<'changed' | 'later' | { readonly after: string }> {
  const { namespace } = observed;
  switch (step.for) {
    case 'builds':
      // Each build triggers everybody who waits for it when it ends.
      return 'later';
    case 'images':
      return waitForImages(ports, pass.key, missingImages(pass.desired, observed), limits.imageTimeoutMs);
    case 'workloads':
      if (namespace.state !== 'active') return 'changed';
      return waitForWorkloads(ports, namespace.name, pass, limits.readyTimeoutMs);
    case 'namespace':
      if (namespace.state !== 'terminating') return 'changed';
      return waitForNamespace(ports, namespace, limits.removalTimeoutMs, pass.signal);
  }
}

function missingImages(desired: Desired, observed: Observed): readonly string[] {
  if (desired.state !== 'present') return [];
  return desired.plan.images.filter(({ name }) => observed.images.get(name)?.state !== 'built').map(({ ref }) => ref);
}

async function settle(
  { store }: Pick<Ports, 'store'>,
  { pullRequest }: Pick<Pass, 'pullRequest'>,
  key: PreviewKey,
  { namespace }: Observed,
): Promise<void> {
  const uid = namespace.state === 'active' ? namespace.uid : undefined;
  await store.forget(waitingKey(key));
  await store.set(settledKey(key), settledValue(pullRequest, uid), settledTtlMs);
}
