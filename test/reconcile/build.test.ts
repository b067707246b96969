import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { pino } from 'pino';
import { DiagnosedError } from '../../src/domain/errors.ts';
import type { ImageBuild } from '../../src/domain/plan.ts';
import type { BuildJob, Store } from '../../src/ports.ts';
import { build } from '../../src/reconcile/build.ts';
import type { Files } from '../contract/source.contract.ts';
import { type FakeBuilder, fakeBuilder } from '../fakes/builder.ts';
import { fakeClock } from '../fakes/clock.ts';
import { type FakeForge, fakeForge } from '../fakes/forge.ts';
import { type FakeSource, fakeSource } from '../fakes/source.ts';
import { fakeSecrets } from '../fakes/secrets.ts';
import { fakeStore } from '../fakes/store.ts';
import { type FakeTelemetry, fakeTelemetry } from '../fakes/telemetry.ts';

const { signal } = new AbortController();
const log = pino({ level: 'silent' });
const repository = { id: 7, owner: 'acme', name: 'shop', cloneUrl: 'https://forge.test/acme/shop.git' };
const key = { repositoryId: 7, number: 1 };
const ref = 'registry.test/acme/shop/web:c-1';

describe('build', () => {
  let forge: FakeForge;
  let source: FakeSource;
  let builder: FakeBuilder;
  let store: Store;
  let telemetry: FakeTelemetry;
  const clock = fakeClock();
  const secrets = fakeSecrets();
  secrets.put('npm', { repositories: ['acme/shop'], data: { token: 'npm_1' } });

  beforeEach(() => {
    forge = fakeForge();
    source = fakeSource();
    builder = fakeBuilder();
    builder.images.set('base', { digest: 'sha256:0', labels: {}, env: [] });
    store = fakeStore(clock);
    telemetry = fakeTelemetry();
  });

  function jobFor(files: Files, change: Partial<ImageBuild> = {}): BuildJob {
    const revision = source.commit(repository.id, files);
    const imageBuild = { context: '', dockerfile: 'Dockerfile', target: undefined, args: {}, ...change };
    return { key, ref, name: 'web', repository, revision, trust: 'trusted', build: imageBuild };
  }
  const run = (job: BuildJob) => build({ forge, source, builder, secrets, store, clock, telemetry, log }, job, signal);

  it('pushes the image, labelled with its revision, and keeps the log', async () => {
    const job = jobFor({ Dockerfile: 'FROM base\nARG BERTH_REVISION\nENV AT=$BERTH_REVISION\nRUN echo hello\n' });
    await run(job);
    const image = builder.images.get(ref);
    assert.equal(image?.labels['org.opencontainers.image.revision'], job.revision);
    assert.deepEqual(image.env, [`AT=${job.revision}`]);
    assert.deepEqual(await store.log(ref), ['hello']);
  });

  it('keeps long logs in order', async () => {
    await run(jobFor({ Dockerfile: 'FROM base\nRUN seq 250\n' }));
    assert.deepEqual(
      await store.log(ref),
      Array.from({ length: 250 }, (_, index) => String(index + 1)),
    );
  });

  it('gives a build the values of its secrets by their ids', async () => {
    await run(jobFor({ Dockerfile: 'FROM base\n' }, { secrets: { npm: 'npm/token', again: 'npm/token' } }));
    assert.deepEqual(
      builder.builds[0]?.secrets,
      new Map([
        ['npm', 'npm_1'],
        ['again', 'npm_1'],
      ]),
    );
  });

  it('says which secret is missing, and builds nothing', async () => {
    const job = jobFor({ Dockerfile: 'FROM base\n' }, { secrets: { npm: 'npm/token', maven: 'maven/password' } });
    await assert.rejects(run(job), (error) => {
      assert.ok(error instanceof DiagnosedError);
      assert.equal(error.diagnosis.reason, 'SecretMissing');
      assert.match(error.message, /maven\/password/);
      return true;
    });
    assert.deepEqual(builder.builds, []);
  });

  it('takes a Dockerfile in the folder of its context', async () => {
    await run(
      jobFor(
        { 'app/Dockerfile': 'FROM base\nCOPY a .\n', 'app/a': '' },
        {
          context: 'app',
          dockerfile: 'app/Dockerfile',
        },
      ),
    );
    assert.ok(builder.images.has(ref));
  });

  for (const dockerfile of ['docker/web.Dockerfile', 'Dockerfile']) {
    it(`takes the Dockerfile ${dockerfile} from beside its context, and calls it by its path`, async () => {
      const files = { [dockerfile]: 'FROM base\nCOPY a .\nRUN exit 3\n', 'app/a': '' };
      const failure = await run(jobFor(files, { context: 'app', dockerfile })).catch((error: unknown) => error);
      assert.ok(failure instanceof DiagnosedError);
      assert.deepEqual(
        failure.diagnosis.places?.map(({ path, line }) => [path, line]),
        [[dockerfile, 3]],
      );
    });
  }

  it('keeps the log of a build that fails, and says why it does', async () => {
    const failing = run(jobFor({ Dockerfile: 'FROM base\nRUN echo hello && exit 3\n' }));
    await assert.rejects(failing, DiagnosedError);
    assert.deepEqual(await store.log(ref), ['hello']);
  });

  it('E5 refuses a context with a symbolic link that leads out of it', async () => {
    const files: Files = { 'app/Dockerfile': 'FROM base\n', 'app/out': { link: '../../etc/passwd' } };
    const failing = run(jobFor(files, { context: 'app', dockerfile: 'app/Dockerfile' }));
    await assert.rejects(failing, DiagnosedError);
    assert.deepEqual(builder.builds, []);
  });

  it('D7 does not touch untrusted code without an approval, and calls that no failure', async () => {
    const job = { ...jobFor({ Dockerfile: 'FROM base\n' }), trust: 'untrusted' } as const;
    await run(job);
    assert.deepEqual(source.asked, []);
    assert.deepEqual(builder.builds, []);
    assert.deepEqual(await store.log(ref), []);
  });

  it('goes on when the log cannot be stored, even for long', async () => {
    store.appendLog = () => Promise.reject(new Error('out of memory'));
    const { build: buildAtOnce } = builder;
    builder.build = async (request, onLog, itsSignal) => {
      for (let line = 0; line < 150; line += 1) onLog(String(line));
      // Time enough for a rejection that nobody handles to end the process.
      await setImmediate();
      return buildAtOnce(request, onLog, itsSignal);
    };
    await run(jobFor({ Dockerfile: 'FROM base\n' }));
    assert.ok(builder.images.has(ref));
  });

  it('ends with the reason of its signal', async () => {
    const job = jobFor({ Dockerfile: 'FROM base\nRUN sleep 60\n' });
    const cancelled = new AbortController();
    const failing = assert.rejects(
      build({ forge, source, builder, secrets, store, clock, telemetry, log }, job, cancelled.signal),
      /nobody waits/,
    );
    while (builder.builds.length === 0) await setImmediate();
    cancelled.abort(new Error('nobody waits'));
    await failing;
    assert.equal(builder.images.has(ref), false);
    assert.deepEqual(telemetry.builds, ['stopped']);
  });

  it('counts how builds end', async () => {
    await run(jobFor({ Dockerfile: 'FROM base\n' }));
    await assert.rejects(run(jobFor({ Dockerfile: 'FROM base\nRUN false\n' })), { name: 'DiagnosedError' });
    const { build: buildIt } = builder;
    builder.build = () => Promise.reject(new Error('no builder'));
    await assert.rejects(run(jobFor({ Dockerfile: 'FROM base\n' })), /no builder/);
    builder.build = buildIt;
    assert.deepEqual(telemetry.builds, ['built', 'refused', 'failed']);
  });
});
