/** Ports whose words are shown or kept, without credentials in them. */
import { DiagnosedError } from '../domain/errors.ts';
import type { Builder, Queue, QueueHandlers, Redaction, Releaser, ReleaseRequest } from '../ports.ts';
import { RedactedLines } from './redacted-lines.ts';
import { redactedError } from './redacted.ts';

/** A builder whose log and whose errors hold no credentials. Its lines come later, all of them before `build` settles. */
export function redactedBuilder(builder: Builder, redaction: Redaction): Builder {
  return {
    ...builder,
    async build(request, onLog, signal) {
      const lines = new RedactedLines(redaction, onLog);
      try {
        return await builder.build(request, (line) => lines.push(line), signal);
      } catch (error) {
        lines.end();
        if (!(error instanceof DiagnosedError) || !error.diagnosis.log) throw redactedError(error, redaction);
        // The last lines of a step may begin in the middle of a credential.
        const log = lines.again(error.diagnosis.log);
        throw redactedError(new DiagnosedError({ ...error.diagnosis, log }, { cause: error }), redaction);
      } finally {
        lines.end();
      }
    },
  };
}

/** A releaser whose errors hold no credentials: what is in them is written down in the cluster. */
export function redactedReleaser(releaser: Releaser, redaction: Redaction): Releaser {
  return {
    upgrade: guarded((request: ReleaseRequest, signal: AbortSignal) => releaser.upgrade(request, signal), redaction),
    unlock: guarded((namespace: string, signal: AbortSignal) => releaser.unlock(namespace, signal), redaction),
    uninstall: guarded(
      (namespace: string, timeoutMs: number, signal: AbortSignal) => releaser.uninstall(namespace, timeoutMs, signal),
      redaction,
    ),
  };
}

/** A queue to which handlers fail without credentials: why they failed is kept in Redis. */
export function redactedQueue(queue: Queue, redaction: Redaction): Queue {
  return {
    ...queue,
    work(handlers: QueueHandlers) {
      return queue.work({
        reconcile: guarded((...run: Parameters<QueueHandlers['reconcile']>) => handlers.reconcile(...run), redaction),
        build: guarded((...job: Parameters<QueueHandlers['build']>) => handlers.build(...job), redaction),
      });
    },
  };
}

function guarded<A extends readonly unknown[], R>(
  work: (...args: A) => Promise<R>,
  redaction: Redaction,
): (...args: A) => Promise<R> {
  return async (...args) => {
    try {
      return await work(...args);
    } catch (error) {
      throw redactedError(error, redaction);
    }
  };
}
