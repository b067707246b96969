import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { DiagnosedError } from '../../src/domain/errors.ts';
import type { Diagnosis } from '../../src/domain/preview.ts';
import type { Builder, BuildRequest } from '../../src/ports.ts';

export interface BuilderSubject extends AsyncDisposable {
  readonly builder: Builder;
  /** An image with a shell that Dockerfiles can start from. */
  readonly base: string;
  /** Registry and path for the images of this subject alone. */
  readonly repository: string;
  /** What the registry says about an image. */
  inspect(ref: string): Promise<{
    readonly digest: string;
    readonly labels: Readonly<Record<string, string>>;
    /** `NAME=value` */
    readonly env: readonly string[];
  }>;
}

const { signal } = new AbortController();

export function describeBuilderContract(name: string, makeSubject: () => Promise<BuilderSubject>): void {
  describe(`Builder: ${name}`, { timeout: 120_000 }, () => {
    let subject: BuilderSubject;
    let folder: string;
    let contexts = 0;
    before(async () => {
      subject = await makeSubject();
      folder = await mkdtemp(path.join(tmpdir(), 'builder-'));
    });
    after(async () => {
      await rm(folder, { recursive: true, force: true });
      await subject[Symbol.asyncDispose]();
    });

    /** A request for a context of these files, the Dockerfile among them unless it is named. */
    async function request(
      dockerfile: readonly string[] | undefined,
      more: Partial<BuildRequest> & { readonly files?: Readonly<Record<string, string>> } = {},
    ): Promise<BuildRequest> {
      contexts += 1;
      const { files = {}, ...rest } = more;
      const contextPath = path.join(folder, `context-${contexts}`);
      await mkdir(contextPath, { recursive: true });
      const all = dockerfile ? { ...files, Dockerfile: `${dockerfile.join('\n')}\n` } : files;
      for (const [file, content] of Object.entries(all)) {
        await mkdir(path.dirname(path.join(contextPath, file)), { recursive: true });
        await writeFile(path.join(contextPath, file), content);
      }
      return {
        ref: `${subject.repository}/web:test-${contexts}`,
        contextPath,
        dockerfilePath: path.join(contextPath, 'Dockerfile'),
        target: undefined,
        args: {},
        labels: {},
        trust: 'trusted',
        ...rest,
      };
    }

    async function diagnosisOf(build: BuildRequest): Promise<Diagnosis> {
      const error = await subject.builder
        .build(build, () => undefined, signal)
        .then(
          () => assert.fail('the build was expected to fail'),
          (reason: unknown) => reason,
        );
      assert.ok(error instanceof DiagnosedError, String(error));
      assert.equal(error.diagnosis.reason, 'BuildFailed');
      assert.equal(await subject.builder.digestOf(build.ref, signal), undefined);
      return error.diagnosis;
    }

    it('builds and pushes: the digest is the registry’s', async () => {
      const build = await request([`FROM ${subject.base}`, 'COPY file /file'], { files: { file: 'x' } });
      assert.equal(await subject.builder.digestOf(build.ref, signal), undefined);
      const { digest } = await subject.builder.build(build, () => undefined, signal);
      assert.match(digest, /^sha256:[0-9a-f]{64}$/);
      assert.equal(await subject.builder.digestOf(build.ref, signal), digest);
      assert.equal((await subject.inspect(build.ref)).digest, digest);
    });

    it('gives the same digest when nothing has changed, another one when something has', async () => {
      const dockerfile = [`FROM ${subject.base}`, 'COPY file /file'];
      const build = async (file: string) =>
        (await subject.builder.build(await request(dockerfile, { files: { file } }), () => undefined, signal)).digest;
      const first = await build('1');
      assert.equal(await build('1'), first);
      assert.notEqual(await build('2'), first);
    });

    it('honours target, arguments and labels, whatever characters are in them', async () => {
      const build = await request(
        [
          `FROM ${subject.base} AS first`,
          'ARG TEXT=default',
          'ENV TEXT=$TEXT',
          'FROM first AS second',
          'ENV STAGE=second',
        ],
        { target: 'first', args: { TEXT: 'a "b" $(id) = é' }, labels: { 'org.example/title': "it's, = $HOME" } },
      );
      await subject.builder.build(build, () => undefined, signal);
      const image = await subject.inspect(build.ref);
      assert.ok(image.env.includes('TEXT=a "b" $(id) = é'), String(image.env));
      assert.ok(!image.env.includes('STAGE=second'));
      assert.equal(image.labels['org.example/title'], "it's, = $HOME");
    });

    it('takes a Dockerfile from elsewhere', async () => {
      const elsewhere = path.join(folder, 'Elsewhere.Dockerfile');
      await writeFile(elsewhere, `FROM ${subject.base}\nCOPY file /file\nENV FROM_ELSEWHERE=1\n`);
      const build = await request(undefined, { dockerfilePath: elsewhere, files: { file: 'x' } });
      await subject.builder.build(build, () => undefined, signal);
      assert.ok((await subject.inspect(build.ref)).env.includes('FROM_ELSEWHERE=1'));
    });

    it('passes the output on, line by line', async () => {
      const lines: string[] = [];
      const build = await request([`FROM ${subject.base}`, `RUN echo one-${subject.repository} && echo two`]);
      await subject.builder.build(build, (line) => lines.push(line), signal);
      assert.ok(
        lines.some((line) => line.endsWith(`one-${subject.repository}`)),
        lines.join('\n'),
      );
      assert.ok(lines.every((line) => !line.includes('\n')));
    });

    it('says which line failed, with the last lines of what it printed', async () => {
      const build = await request([`FROM ${subject.base}`, '', 'RUN seq 30 && exit 7']);
      const diagnosis = await diagnosisOf(build);
      assert.equal(
        diagnosis.message,
        'Building the image `web` failed in `Dockerfile` line 3: `RUN seq 30 && exit 7` exited with 7',
      );
      assert.deepEqual(
        diagnosis.log,
        Array.from({ length: 20 }, (_, index) => String(index + 11)),
      );
      const [place] = diagnosis.places ?? [];
      assert.deepEqual([place?.path, place?.line, place?.column], ['Dockerfile', 3, 1]);
    });

    it('calls the Dockerfile what people call it', async () => {
      const build = await request([`FROM ${subject.base}`, 'RUN exit 3'], { dockerfileName: 'apps/web/Dockerfile' });
      const diagnosis = await diagnosisOf(build);
      assert.match(diagnosis.message, /in `apps\/web\/Dockerfile` line 2/);
      assert.equal(diagnosis.places?.[0]?.path, 'apps/web/Dockerfile');
    });

    const faults = [
      {
        fault: 'an instruction that does not exist',
        dockerfile: ['FROM base', 'COPPY file /file'],
        want: /in `Dockerfile` line 2: unknown instruction: COPPY/,
        line: 2,
      },
      {
        fault: 'a file that is not in the context',
        dockerfile: ['FROM base', 'COPY nofile /file'],
        want: /in `Dockerfile` line 2: `COPY nofile \/file`: "\/nofile": not found$/,
        line: 2,
      },
      {
        fault: 'a base image that does not exist',
        dockerfile: ['', 'FROM missing', 'RUN true'],
        want: /in `Dockerfile` line 2: the image `\S+\/nowhere:1` does not exist or may not be read$/,
        line: 2,
      },
      {
        fault: 'a target that does not exist',
        dockerfile: ['FROM base AS runtime'],
        target: 'prod',
        want: /in `Dockerfile`: it has no stage `prod`$/,
        line: 1,
      },
      { fault: 'an empty Dockerfile', dockerfile: [''], want: /in `Dockerfile`: it has no FROM instruction$/, line: 1 },
      {
        fault: 'a Dockerfile without FROM, which ends some Docker daemons',
        dockerfile: ['ARG BASE'],
        want: /in `Dockerfile`: it has no FROM instruction$/,
        line: 1,
      },
      {
        fault: 'a missing Dockerfile',
        dockerfile: undefined,
        want: /in `Dockerfile`: there is no such file$/,
        line: 1,
      },
    ] as const;
    for (const { fault, dockerfile, want, line, ...rest } of faults) {
      it(`diagnoses ${fault}`, async () => {
        const lines = dockerfile?.map((text) =>
          text
            .replace(/^FROM base/, `FROM ${subject.base}`)
            .replace(/^FROM missing/, `FROM ${subject.repository}/nowhere:1`),
        );
        const diagnosis = await diagnosisOf(await request(lines, rest));
        assert.match(diagnosis.message, want);
        assert.equal(diagnosis.places?.[0]?.line, line);
      });
    }

    it('stops when aborted, and rejects with the reason', async () => {
      const abort = new AbortController();
      const build = await request([`FROM ${subject.base}`, `RUN echo running-${subject.repository} && sleep 60`]);
      const startedAt = performance.now();
      const onLog = (line: string) => {
        if (line.endsWith(`running-${subject.repository}`)) abort.abort(new Error('superseded'));
      };
      await assert.rejects(subject.builder.build(build, onLog, abort.signal), { message: 'superseded' });
      assert.ok(performance.now() - startedAt < 30_000);
      assert.equal(await subject.builder.digestOf(build.ref, signal), undefined);
    });

    it('does nothing when it is aborted already', async () => {
      const aborted = AbortSignal.abort(new Error('closed'));
      const build = await request([`FROM ${subject.base}`]);
      await assert.rejects(
        subject.builder.build(build, () => undefined, aborted),
        { message: 'closed' },
      );
      await assert.rejects(subject.builder.digestOf(build.ref, aborted), { message: 'closed' });
    });

    it('knows no digest of what is not there', async () => {
      assert.equal(await subject.builder.digestOf(`${subject.repository}/never-built:1`, signal), undefined);
    });
  });
}
