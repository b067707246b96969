/** Takes jobs from the queue `builds`, and triggers everybody who waits for a build when it has ended. */
import type { Job } from 'bullmq';
import type { RedisClient } from './client.ts';
import type { Logger } from 'pino';
import { DiagnosedError, RetryLaterError } from '../../domain/errors.ts';
import type { Diagnosis, PreviewKey } from '../../domain/preview.ts';
import { keyId, parseKeyId } from '../../domain/preview.ts';
import type { QueueHandlers } from '../../ports.ts';
import type { BuildQueue, BuildRequest } from './builds.ts';
import { buildQueueName } from './builds.ts';
import type { BullWorker } from './bull.ts';
import { openBullWorker } from './bull.ts';
import type { BuildInterest } from './interest.ts';
import type { QueueOptions } from './options.ts';
import { retryDelayMs } from './options.ts';
import type { PreviewQueue } from './previews.ts';
import type { Run } from './run.ts';
import { Interrupted, Runs } from './run.ts';

export interface BuildWorkerParts {
  readonly builds: BuildQueue;
  readonly interest: BuildInterest;
  readonly previews: PreviewQueue;
  readonly options: QueueOptions;
  readonly log: Logger;
}

// A build that takes its worker down so often, e.g. by using up its memory, would do so for ever.
const maxCrashes = 5;

// What kept a build from being done is believed until a while into its next try.
const troubleTtlMs = 60_000;

export class BuildWorker {
  readonly #parts: BuildWorkerParts;
  readonly #build: QueueHandlers['build'];
  readonly #runs = new Runs<Run>();
  #bull: BullWorker | undefined;
  #isClosing = false;

  constructor(parts: BuildWorkerParts, build: QueueHandlers['build']) {
    this.#parts = parts;
    this.#build = build;
  }

  /** Resolves when jobs are being taken. */
  async start(client: RedisClient): Promise<void> {
    const { builds, options, log } = this.#parts;
    await builds.capTotal(options.totalBuilds);
    this.#bull = await openBullWorker<BuildRequest, 'build'>(
      buildQueueName,
      client,
      { concurrency: options.buildConcurrency, options, log },
      (job) => this.#process(job),
      (jobIds) => this.#runs.lost(jobIds),
    );
  }

  /** Stops the build if it runs here and nobody waits for it: who asked for it again meanwhile keeps it. */
  async cancel(ref: string): Promise<void> {
    const run = this.#runs.get(ref);
    if (run && (await this.#parts.interest.waiters(ref)).length === 0) run.abort('cancelled');
  }

  /** Cancellations may have been missed. */
  async cancelUnwanted(): Promise<void> {
    await Promise.all(this.#runs.names().map((ref) => this.cancel(ref)));
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    await this.#bull?.pause();
    const isDrained = await this.#runs.drain(this.#parts.options.closeTimeoutMs);
    await this.#bull?.close({ force: !isDrained });
  }

  async #process(job: Job<BuildRequest, void, 'build'>): Promise<void> {
    await this.#runs.alone(job.data.job.ref, job.id ?? '', itself, (run) =>
      this.#run(job.data, job.stalledCounter, run),
    );
  }

  // The order makes it safe to die anywhere: the job ends last, and the waiters are forgotten after their triggers are
  // stored. Done twice, it only triggers twice.
  async #run(request: BuildRequest, crashes: number, run: Run): Promise<void> {
    const { builds, interest } = this.#parts;
    const { job } = request;
    if (this.#isClosing) return builds.add(request);
    // After the run is registered: a cancellation from now on finds it.
    const waiters = await interest.waiters(job.ref);
    if (waiters.length === 0) return this.#settle(job.ref);
    if (crashes >= maxCrashes) return this.#fail(request, crashed(job.name, crashes));
    try {
      await this.#build(job, run.signal);
    } catch (error) {
      if (run.signal.aborted) return this.#interrupted(request, waiters, run.signal.reason);
      return this.#failed(request, error);
    }
    await this.#settle(job.ref);
  }

  async #interrupted(request: BuildRequest, waiters: readonly string[], reason: unknown): Promise<void> {
    const { builds, interest, log } = this.#parts;
    const { ref } = request.job;
    const why = reason instanceof Interrupted ? reason.why : 'cancelled';
    log.info({ ...fieldsOf(request), reason: why }, 'build interrupted');
    // While this job is active, the new one waits for its end.
    if ((await interest.waiters(ref)).length > 0) await builds.add(request);
    // Redis may have been emptied, and the waiters with it.
    if (why === 'lost') await this.#trigger(waiters);
  }

  async #failed(request: BuildRequest, error: unknown): Promise<void> {
    const { builds, options, log } = this.#parts;
    const { ref } = request.job;
    if (error instanceof DiagnosedError) return this.#fail(request, error.diagnosis);
    if (error instanceof RetryLaterError) {
      const delayMs = error.retryAt - Date.now();
      log.info({ ...fieldsOf(request), reason: error.message, retryInMs: delayMs }, 'build postponed');
      return builds.add(request, delayMs);
    }
    const failures = request.failures + 1;
    const delayMs = Math.round(retryDelayMs(failures, options.firstBuildRetryMs, Math.random()));
    const fields = { ...fieldsOf(request), failures, retryInMs: delayMs };
    log.warn({ err: error, ...fields }, 'build failed, will be tried again');
    if (failures >= options.buildAttempts) await this.#tellTrouble(ref, lineOf(error), delayMs);
    return builds.add({ ...request, failures }, delayMs);
  }

  async #fail(request: BuildRequest, diagnosis: Diagnosis): Promise<void> {
    const { interest, options, log } = this.#parts;
    const { ref } = request.job;
    log.info({ ...fieldsOf(request), reason: diagnosis.reason }, 'image cannot be built');
    await interest.saveDiagnosis(ref, diagnosis, options.diagnosisTtlMs);
    await this.#settle(ref);
  }

  /** No outage is an author's fault, nor does Berth give up; but it lasts, so whoever waits should know. */
  async #tellTrouble(ref: string, trouble: string, delayMs: number): Promise<void> {
    const { interest, previews } = this.#parts;
    await interest.saveTrouble(ref, trouble, delayMs + troubleTtlMs);
    // Not news that would end a preview's back-off.
    await Promise.all(keysOf(await interest.waiters(ref)).map((key) => previews.look(key)));
  }

  async #settle(ref: string): Promise<void> {
    const { interest } = this.#parts;
    const waiters = await interest.settle(ref);
    await this.#trigger(waiters);
    await interest.settled(ref, waiters);
  }

  async #trigger(keyIds: readonly string[]): Promise<void> {
    await Promise.all(keysOf(keyIds).map((key) => this.#parts.previews.tell(key)));
  }
}

const itself = (run: Run) => run;

/** What lines about a build say. The preview is the one that has asked first: others may wait for the same content. */
function fieldsOf({ job }: BuildRequest) {
  return { preview: keyId(job.key), revision: job.revision, image: job.name, ref: job.ref };
}

function keysOf(keyIds: readonly string[]): readonly PreviewKey[] {
  return keyIds.map(parseKeyId).filter((key) => key !== undefined);
}

function lineOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return (message.split('\n', 1)[0] ?? '').slice(0, 300);
}

function crashed(name: string, crashes: number): Diagnosis {
  return {
    reason: 'BuildFailed',
    message: `Image ${name} could not be built: its worker was killed ${crashes} times, perhaps for want of memory`,
  };
}
