/** Helm as a `Releaser`. */
import { DiagnosedError } from '../../domain/errors.ts';
import { releaseName } from '../../domain/names.ts';
import type { Releaser } from '../../ports.ts';
import { builtInKeys } from './built-in-schema.ts';
import { failedHookJob, failureOf } from './failure.ts';
import { helmCommand } from './helm.ts';
import { defaultHelmOptions, type HelmOptions, helmSlackMs, seconds } from './options.ts';
import { unlock } from './unlock.ts';
import { upgrade } from './upgrade.ts';

const quickMs = 60_000;

type RequiredOption = 'helmPath' | 'cluster' | 'builtInChartPath' | 'directory';

/** Runs the `helm` program; options that are left out have the values of `defaultHelmOptions`. */
export function helmReleaser(given: Pick<HelmOptions, RequiredOption> & Partial<HelmOptions>): Releaser {
  const options: HelmOptions = { ...defaultHelmOptions, ...given };
  const helm = helmCommand(options);
  return {
    async upgrade(request, signal) {
      const { namespace, chart } = request;
      try {
        return await upgrade(helm, options, request, signal);
      } catch (error) {
        signal.throwIfAborted();
        const keys = await builtInKeys(options, chart);
        const failure = failureOf(`installing the release in ${namespace}`, error, chart, keys);
        throw await withHookLog(failure, options, namespace, signal);
      }
    },

    async unlock(namespace, signal) {
      try {
        await unlock(helm, namespace, { signal, timeoutMs: quickMs });
      } catch (cause) {
        signal.throwIfAborted();
        throw new Error(`unlocking the release in ${namespace}`, { cause });
      }
    },

    async uninstall(namespace, timeoutMs, signal) {
      const args = ['uninstall', releaseName, '--ignore-not-found', '--timeout', seconds(timeoutMs)];
      try {
        await helm.inNamespace(namespace, args, { signal, timeoutMs: timeoutMs + helmSlackMs });
      } catch (error) {
        signal.throwIfAborted();
        const failure = failureOf(`uninstalling the release in ${namespace}`, error, { kind: 'built-in' });
        // A hook that fails or hangs does not keep the namespace: what is left goes with it.
        if (failure instanceof DiagnosedError || failure.name === 'TimeoutError') return;
        throw failure;
      }
    },
  };
}

/** Puts what the hook's job said last in front of what Helm said about it. */
async function withHookLog(
  failure: Error,
  { jobLog }: HelmOptions,
  namespace: string,
  signal: AbortSignal,
): Promise<Error> {
  if (!(failure instanceof DiagnosedError) || jobLog === undefined) return failure;
  const job = failedHookJob(failure.diagnosis);
  if (job === undefined) return failure;
  // The job may be gone already, by its delete policy; the failure is worth telling without its log.
  const log = await jobLog(namespace, job, signal).catch(() => []);
  return log.length === 0 ? failure : new DiagnosedError({ ...failure.diagnosis, log }, { cause: failure.cause });
}
