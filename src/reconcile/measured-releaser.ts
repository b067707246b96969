import { DiagnosedError } from '../domain/errors.ts';
import type { Releaser } from '../ports.ts';
import type { HelmOperation, HelmOutcome, Telemetry } from '../telemetry.ts';

/** The same releaser, whose runs are counted and timed. */
export function measuredReleaser(telemetry: Pick<Telemetry, 'helmRan'>, releaser: Releaser): Releaser {
  async function measured<T>(operation: HelmOperation, signal: AbortSignal, run: () => Promise<T>): Promise<T> {
    const startedAt = performance.now();
    const ended = (outcome: HelmOutcome) => telemetry.helmRan(operation, outcome, performance.now() - startedAt);
    try {
      const result = await run();
      ended('done');
      return result;
    } catch (error) {
      ended(signal.aborted ? 'stopped' : error instanceof DiagnosedError ? 'refused' : 'failed');
      throw error;
    }
  }

  return {
    upgrade: (request, signal) => measured('upgrade', signal, () => releaser.upgrade(request, signal)),
    unlock: (namespace, signal) => measured('unlock', signal, () => releaser.unlock(namespace, signal)),
    uninstall: (namespace, timeoutMs, signal) =>
      measured('uninstall', signal, () => releaser.uninstall(namespace, timeoutMs, signal)),
  };
}
