/** Runs checks beside each other and tells what they find in a stable order. */
import { setTimeout as delay } from 'node:timers/promises';
import { type Finding, problem, type Report, reasonOf } from './finding.ts';

export interface Check {
  /** One word for what is looked at. */
  readonly name: string;
  readonly timeoutMs: number;
  /** What to do when the check fails or does not end: one sentence. */
  readonly todo: string;
  /** Reports what it finds as it goes. What it throws becomes a problem. Cleans up after itself, aborted or not. */
  run(report: Report, signal: AbortSignal): Promise<void>;
}

/** A finding and the check that made it. */
export type Found = Finding & { readonly check: string };

/** How long an aborted check may take to clean up. */
const cleanUpMs = 15_000;

/**
 * Starts every check at once. Findings come in the order of the checks, each as soon as it is known and everything before
 * it is told.
 */
export async function* runChecks(checks: readonly Check[], signal: AbortSignal): AsyncGenerator<Found> {
  const running = checks.map((check) => ({ name: check.name, findings: start(check, signal) }));
  for (const { name, findings } of running) {
    for await (const finding of findings) yield { check: name, ...finding };
  }
}

/** Starts at once; the findings wait until they are asked for. */
function start(check: Check, outer: AbortSignal): AsyncIterable<Finding> {
  const found: Finding[] = [];
  let ended = false;
  let wake = () => {};
  const report: Report = (finding) => {
    if (ended) return;
    found.push(finding);
    wake();
  };
  void runOne(check, report, outer).then(() => {
    ended = true;
    wake();
  });
  return {
    async *[Symbol.asyncIterator]() {
      for (let next = 0; ; ) {
        const finding = found[next];
        if (finding !== undefined) {
          next += 1;
          yield finding;
        } else if (ended) return;
        else await new Promise<void>((resolve) => (wake = resolve));
      }
    },
  };
}

/** Never rejects. */
async function runOne(check: Check, report: Report, outer: AbortSignal): Promise<void> {
  const timeout = AbortSignal.timeout(check.timeoutMs);
  const signal = AbortSignal.any([outer, timeout]);
  const { promise: overdue, resolve: giveUp } = Promise.withResolvers<void>();
  const onAbort = () => void delay(cleanUpMs, undefined, { ref: false }).then(giveUp);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    await Promise.race([check.run(report, signal), overdue]);
    signal.throwIfAborted();
  } catch (error) {
    if (outer.aborted) return;
    const late = `no result after ${check.timeoutMs / 1000} s`;
    report(problem(timeout.aborted ? late : reasonOf(error), check.todo));
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
