import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { DiagnosedError, RetryLaterError } from '../../src/domain/errors.ts';
import type { BuildJob, Queue, QueueWorkers } from '../../src/ports.ts';
import { probe } from './queue-probe.ts';

export interface QueueSubject {
  /** The queue as one more process sees it. */
  open(): Queue;
  now(): number;
  /** Lets time pass. */
  elapse(ms: number): Promise<void>;
  /** Resolves when nothing is queued or running; what is delayed does not count. */
  idle(): Promise<void>;
  close(): Promise<void>;
}

/** How subjects must be set up. */
export const contractOptions = { firstRetryMs: 400, firstBuildRetryMs: 400, buildAttempts: 2 } as const;

const key = { repositoryId: 7, number: 1 };
const other = { repositoryId: 7, number: 2 };
const diagnosis = { reason: 'BuildFailed', message: 'Line 3 of Dockerfile fails', log: ['exit 1'] } as const;

const job = (name: string): BuildJob => ({
  key,
  ref: `registry.test:5000/acme/shop/${name}:abc`,
  name,
  repository: { id: 7, owner: 'acme', name: 'shop', cloneUrl: 'https://github.test/acme/shop.git' },
  revision: 'a'.repeat(40),
  trust: 'trusted',
  build: { context: '', dockerfile: 'Dockerfile', target: 'runtime', args: {} },
});

export function describeQueueContract(name: string, makeSubject: () => Promise<QueueSubject>): void {
  describe(`Queue contract: ${name}`, { timeout: 60_000 }, () => {
    let subject: QueueSubject;
    let queue: Queue;
    const workers: QueueWorkers[] = [];

    const work = async (on: Queue = queue) => {
      const calls = probe();
      const started = await on.work(calls.handlers);
      workers.push(started);
      return { ...calls, close: () => started.close() };
    };

    beforeEach(async () => {
      subject = await makeSubject();
      queue = subject.open();
    });

    afterEach(async () => {
      await Promise.all(workers.splice(0).map((worker) => worker.close()));
      await subject.close();
    });

    describe('triggers', () => {
      it('A10 makes one run of a hundred triggers in parallel', async () => {
        await Promise.all(Array.from({ length: 100 }, () => queue.trigger(key)));
        const worker = await work();
        (await worker.run()).finish();
        await subject.idle();
        assert.equal(worker.started.runs, 1);
      });

      it('F3 runs exactly once more after any number of triggers during a run', async () => {
        const worker = await work();
        await queue.trigger(key);
        const first = await worker.run();
        await Promise.all(Array.from({ length: 20 }, () => queue.trigger(key)));
        assert.equal(worker.started.runs, 1);
        first.finish();
        (await worker.run()).finish();
        await subject.idle();
        assert.equal(worker.started.runs, 2);
      });

      it('tells when the first event came that the run is about', async () => {
        const before = subject.now();
        await queue.trigger(key);
        const between = subject.now();
        await subject.elapse(50);
        await queue.trigger(key);
        const worker = await work();
        const run = await worker.run();
        assert.ok(run.since !== undefined && run.since >= before && run.since <= between, `${run.since}`);
        await subject.elapse(50);
        const later = subject.now();
        await queue.trigger(key);
        run.finish();
        const next = await worker.run();
        assert.ok(next.since !== undefined && next.since >= later, 'the next run is about what came since');
        next.finish();
        await subject.idle();
        await queue.trigger(key, { by: 'sweep' });
        const found = await worker.run();
        assert.equal(found.since, undefined);
        found.finish();
      });

      it('still knows when the event came after a failure', async () => {
        await queue.trigger(key);
        const worker = await work();
        const first = await worker.run();
        first.fail(new Error('outage'));
        const next = worker.run();
        await subject.idle();
        await subject.elapse(contractOptions.firstRetryMs);
        const again = await next;
        assert.equal(again.since, first.since);
        again.finish();
      });

      it('tells the run about a trigger, whichever process sent it', async () => {
        const worker = await work();
        await queue.trigger(key);
        const run = await worker.run();
        await subject.open().trigger(key);
        await run.triggered;
        run.finish();
        (await worker.run()).finish();
        await subject.idle();
      });

      it('runs different previews side by side', async () => {
        const worker = await work();
        await Promise.all([queue.trigger(key), queue.trigger(other)]);
        const runs = [await worker.run(), await worker.run()];
        assert.deepEqual(
          runs.map((run) => run.key).sort((a, b) => a.number - b.number),
          [key, other],
        );
        for (const run of runs) run.finish();
        await subject.idle();
      });

      it('never runs one preview twice at once, with several workers', async () => {
        const running = new Set<number>();
        let runs = 0;
        const reconcile = async ({ number }: { readonly number: number }) => {
          assert.ok(!running.has(number), `preview ${number} runs twice at once`);
          running.add(number);
          runs += 1;
          await new Promise((resolve) => setImmediate(resolve));
          running.delete(number);
        };
        for (const on of [subject.open(), subject.open()])
          workers.push(await on.work({ reconcile, build: unexpected }));
        const numbers = Array.from({ length: 300 }, (_, index) => (index % 5) + 1);
        await Promise.all(numbers.map((number) => queue.trigger({ repositoryId: 7, number })));
        await subject.idle();
        assert.ok(runs >= 5 && runs <= 300);
      });

      it('tries a failed run again, later and later', async () => {
        const worker = await work();
        await queue.trigger(key);
        (await worker.run()).fail(new Error('cluster is away'));
        await subject.idle();
        assert.equal(worker.started.runs, 1);
        await subject.elapse(contractOptions.firstRetryMs);
        (await worker.run()).fail(new Error('cluster is away'));
        const failedAt = subject.now();
        const retried = worker.run().then((run) => ({ run, at: subject.now() }));
        await subject.elapse(2 * contractOptions.firstRetryMs);
        const retry = await retried;
        assert.ok(retry.at - failedAt >= 1.6 * contractOptions.firstRetryMs - 50, `after ${retry.at - failedAt} ms`);
        retry.run.finish();
        await subject.idle();
        assert.equal(worker.started.runs, 3);
      });

      it('tells a run who asked for it: somebody, if anybody did', async () => {
        await queue.trigger(key, { by: 'sweep' });
        const worker = await work();
        const found = await worker.run();
        assert.equal(found.by, 'sweep');
        await queue.trigger(key, { by: 'sweep' });
        await queue.trigger(key);
        await queue.trigger(key, { by: 'sweep' });
        found.finish();
        const told = await worker.run();
        assert.equal(told.by, 'event');
        await queue.trigger(key, { by: 'sweep' });
        told.finish();
        const again = await worker.run();
        assert.equal(again.by, 'sweep');
        again.finish();
        await subject.idle();
        assert.equal(worker.started.runs, 3);
      });

      it('remembers that somebody asked until it has succeeded', async () => {
        const worker = await work();
        await queue.trigger(key);
        (await worker.run()).fail(new Error('cluster is away'));
        await subject.idle();
        await subject.elapse(contractOptions.firstRetryMs);
        const retry = await worker.run();
        assert.equal(retry.by, 'event');
        retry.finish();
        await subject.idle();
        await queue.trigger(key, { by: 'sweep' });
        const found = await worker.run();
        assert.equal(found.by, 'sweep');
        found.fail(new Error('cluster is away'));
        await subject.idle();
        await subject.elapse(contractOptions.firstRetryMs);
        const foundAgain = await worker.run();
        assert.equal(foundAgain.by, 'sweep');
        foundAgain.finish();
        await subject.idle();
      });

      it('leaves a preview that waits for its next try to its clock when the sweep comes by', async () => {
        const worker = await work();
        await queue.trigger(key);
        (await worker.run()).fail(new RetryLaterError('rate limit', subject.now() + 800));
        await subject.idle();
        await queue.trigger(key, { by: 'sweep' });
        await queue.trigger(key, { by: 'sweep', delayMs: 1 });
        await subject.elapse(300);
        await subject.idle();
        assert.equal(worker.started.runs, 1);
        await subject.elapse(500);
        (await worker.run()).finish();
        await subject.idle();
        assert.equal(worker.started.runs, 2);
      });

      it('begins the back-off anew when somebody tells, and drops the wait', async () => {
        const worker = await work();
        await queue.trigger(key);
        for (const wait of [1, 2]) {
          (await worker.run()).fail(new Error('cluster is away'));
          await subject.idle();
          await subject.elapse(wait * contractOptions.firstRetryMs);
        }
        (await worker.run()).fail(new Error('cluster is away'));
        await subject.idle();
        await queue.trigger(key);
        (await worker.run()).fail(new Error('cluster is away'));
        await subject.idle();
        // Were it the fourth failure, the wait would be eight times as long.
        await subject.elapse(contractOptions.firstRetryMs);
        (await worker.run()).finish();
        await subject.idle();
        // The wait after the third failure would end now.
        await subject.elapse(4 * contractOptions.firstRetryMs);
        await subject.idle();
        assert.equal(worker.started.runs, 5);
      });

      it('begins the back-off anew after a success', async () => {
        const worker = await work();
        for (let round = 0; round < 3; round += 1) {
          await queue.trigger(key, { by: 'sweep' });
          (await worker.run()).fail(new Error('cluster is away'));
          await subject.idle();
          await subject.elapse(contractOptions.firstRetryMs);
          (await worker.run()).finish();
          await subject.idle();
        }
      });

      it('runs at once when triggered while a failed run waits for its retry', async () => {
        const worker = await work();
        await queue.trigger(key);
        (await worker.run()).fail(new RetryLaterError('rate limit', subject.now() + 25_000));
        await subject.idle();
        await queue.trigger(key);
        (await worker.run()).finish();
        await subject.idle();
      });

      it('runs at once when the run that failed was triggered meanwhile', async () => {
        const worker = await work();
        await queue.trigger(key);
        const run = await worker.run();
        await queue.trigger(key);
        run.fail(new RetryLaterError('rate limit', subject.now() + 25_000));
        (await worker.run()).finish();
        await subject.idle();
      });

      it('comes back when the outside asked for it', async () => {
        const worker = await work();
        await queue.trigger(key);
        (await worker.run()).fail(new RetryLaterError('rate limit', subject.now() + 700));
        await subject.elapse(300);
        assert.equal(worker.started.runs, 1);
        await subject.elapse(400);
        (await worker.run()).finish();
        await subject.idle();
      });

      it('runs when a delayed trigger is due, not before', async () => {
        const worker = await work();
        await queue.trigger(key, { delayMs: 600 });
        const startedAt = subject.now();
        const started = worker.run().then((run) => ({ run, afterMs: subject.now() - startedAt }));
        await subject.elapse(600);
        const { run, afterMs } = await started;
        assert.ok(afterMs >= 550 && afterMs < 900, `after ${afterMs} ms`);
        run.finish();
        await subject.idle();
      });

      it('never lets a delayed trigger hold an immediate one back', async () => {
        const worker = await work();
        await queue.trigger(key);
        const run = await worker.run();
        await queue.trigger(key);
        await queue.trigger(key, { delayMs: 25_000 });
        run.finish();
        (await worker.run()).finish();
        await queue.trigger(key, { delayMs: 25_000 });
        await queue.trigger(key);
        (await worker.run()).finish();
        await subject.idle();
        assert.equal(worker.started.runs, 3);
      });

      it('hands an interrupted run to the next worker when it closes', async () => {
        const worker = await work();
        await queue.trigger(key);
        const run = await worker.run();
        await worker.close();
        await run.aborted;
        const successor = await work();
        (await successor.run()).finish();
        await subject.idle();
        assert.equal(successor.started.runs, 1);
      });
    });

    describe('builds', () => {
      it('builds once for everybody who waits, and triggers them all', async () => {
        const worker = await work();
        await queue.startBuilds(key, [job('web')]);
        await subject.open().startBuilds(other, [job('web')]);
        const build = await worker.build();
        assert.deepEqual(build.job, job('web'));
        assert.deepEqual(
          [...(await queue.builds([job('web').ref, job('api').ref]))],
          [[job('web').ref, { state: 'building' }]],
        );
        assert.deepEqual(await queue.waitingFor(other), [job('web').ref]);
        build.finish();
        const runs = [await worker.run(), await worker.run()];
        assert.deepEqual(runs.map((run) => run.key.number).sort(), [1, 2]);
        for (const run of runs) run.finish();
        await subject.idle();
        assert.deepEqual(await queue.waitingFor(key), []);
        assert.deepEqual([...(await queue.builds([job('web').ref]))], []);
        assert.deepEqual(worker.started, { runs: 2, builds: 1 });
      });

      it('keeps the diagnosis of a failed build until it is asked for again', async () => {
        const worker = await work();
        worker.finishRuns();
        await queue.startBuilds(key, [job('web')]);
        (await worker.build()).fail(new DiagnosedError(diagnosis));
        assert.deepEqual((await worker.run()).key, key);
        await subject.idle();
        assert.deepEqual(
          await queue.builds([job('web').ref]),
          new Map([[job('web').ref, { state: 'failed', diagnosis }]]),
        );
        assert.equal(worker.started.builds, 1);

        await queue.startBuilds(key, [job('web')]);
        const again = await worker.build();
        assert.deepEqual(await queue.builds([job('web').ref]), new Map([[job('web').ref, { state: 'building' }]]));
        again.finish();
        await worker.run();
        await subject.idle();
      });

      it('tries again after an outage for as long as it takes, and tells those who wait what it is', async () => {
        const worker = await work();
        worker.finishRuns();
        const { ref } = job('web');
        await queue.startBuilds(key, [job('web')]);
        (await worker.build()).fail(new Error('registry is away'));
        await subject.elapse(contractOptions.firstBuildRetryMs);
        const second = await worker.build();
        assert.deepEqual(await queue.builds([ref]), new Map([[ref, { state: 'building' }]]));
        second.fail(new Error('registry is away\nat 10.0.0.1'));
        assert.deepEqual((await worker.run()).key, key);
        await subject.idle();
        const trouble = { state: 'building', trouble: 'registry is away' };
        assert.deepEqual(await queue.builds([ref]), new Map([[ref, trouble]]));
        assert.deepEqual(await queue.waitingFor(key), [ref]);
        await subject.elapse(2 * contractOptions.firstBuildRetryMs);
        (await worker.build()).finish();
        await worker.run();
        await subject.idle();
        assert.deepEqual([...(await queue.builds([ref]))], []);
        assert.deepEqual(worker.started, { runs: 2, builds: 3 });
      });

      it('tries a build at once that waits for its next try when somebody else asks for it', async () => {
        const worker = await work();
        worker.finishRuns();
        await queue.startBuilds(key, [job('web')]);
        (await worker.build()).fail(new RetryLaterError('rate limit', subject.now() + 25_000));
        await subject.idle();
        await queue.startBuilds(other, [job('web')]);
        (await worker.build()).finish();
        assert.deepEqual([await worker.run(), await worker.run()].map((run) => run.key.number).sort(), [1, 2]);
        await subject.idle();
      });

      it('waits as long as the outside asks, without counting it as a failure', async () => {
        const worker = await work();
        worker.finishRuns();
        await queue.startBuilds(key, [job('web')]);
        for (let round = 0; round <= contractOptions.buildAttempts; round += 1) {
          (await worker.build()).fail(new RetryLaterError('rate limit', subject.now() + 100));
          await subject.elapse(150);
        }
        (await worker.build()).finish();
        await worker.run();
        await subject.idle();
      });

      it('does not build what was cancelled while it was queued', async () => {
        await queue.startBuilds(key, [job('web'), job('api')]);
        await queue.cancelBuilds(key, [job('api').ref]);
        assert.deepEqual(await queue.waitingFor(key), [job('api').ref]);
        assert.deepEqual([...(await queue.builds([job('web').ref, job('api').ref])).keys()], [job('api').ref]);
        const worker = await work();
        worker.finishRuns();
        const build = await worker.build();
        assert.equal(build.job.name, 'api');
        build.finish();
        await worker.run();
        await subject.idle();
        assert.equal(worker.started.builds, 1);
      });

      it('stops a running build that nobody waits for, wherever it runs', async () => {
        const worker = await work();
        await queue.startBuilds(key, [job('web')]);
        const build = await worker.build();
        await subject.open().cancelBuilds(key, []);
        await build.aborted;
        await subject.idle();
        assert.deepEqual(worker.started, { runs: 0, builds: 1 });
        assert.deepEqual([...(await queue.builds([job('web').ref]))], []);
      });

      it('goes on with a build that somebody else waits for', async () => {
        const worker = await work();
        worker.finishRuns();
        await queue.startBuilds(key, [job('web')]);
        await queue.startBuilds(other, [job('web')]);
        const build = await worker.build();
        await queue.cancelBuilds(key, []);
        build.finish();
        assert.deepEqual((await worker.run()).key, other);
        await subject.idle();
        assert.deepEqual(worker.started, { runs: 1, builds: 1 });
      });

      it('builds what is asked for again right after it was cancelled', async () => {
        const worker = await work();
        worker.finishRuns();
        await queue.startBuilds(key, [job('web')]);
        const build = await worker.build();
        for (let round = 0; round < 5; round += 1) {
          await queue.cancelBuilds(key, []);
          await queue.startBuilds(key, [job('web')]);
        }
        // Stopped and started anew, or never stopped: either way there is one build that ends well.
        build.finish();
        worker.finishBuilds();
        assert.deepEqual((await worker.run()).key, key);
        await subject.idle();
        assert.deepEqual(await queue.waitingFor(key), []);
      });

      it('hands an interrupted build to the next worker when it closes', async () => {
        const worker = await work();
        await queue.startBuilds(key, [job('web')]);
        const build = await worker.build();
        await worker.close();
        await build.aborted;
        const successor = await work();
        successor.finishRuns();
        (await successor.build()).finish();
        assert.deepEqual((await successor.run()).key, key);
        await subject.idle();
      });
    });
  });
}

async function unexpected(): Promise<void> {
  throw new Error('nothing should be built');
}
