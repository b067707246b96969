import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { DiagnosedError } from '../../src/domain/errors.ts';
import type { Diagnosis } from '../../src/domain/preview.ts';
import type { Builder, BuildRequest, StoredImage } from '../../src/ports.ts';

export interface BuilderSubject extends AsyncDisposable {
  readonly builder: Builder;
  /** Another Berth's, with the same registry. */
  readonly other: Builder;
  /** An image with a shell that Dockerfiles can start from. */
  readonly base: string;
  /** Registry and path for the images of this subject alone. */
  readonly registry: string;
  /** A path below it, without the image's name. */
  readonly repository: string;
  /** Somebody gives an image one more tag. */
  tag(ref: string, tag: string): Promise<void>;
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
      const image = { ref: build.ref, digest: `sha256:${'0'.repeat(64)}` };
      await assert.rejects(async () => subject.builder.removeImage(image, aborted), { message: 'closed' });
      await assert.rejects(
        async () => {
          for await (const { ref } of subject.builder.storedImages(subject.registry, aborted)) assert.fail(ref);
        },
        { message: 'closed' },
      );
    });

    /** A reference to an image of this subject with a content key for a tag. */
    function contentRef(name = 'web'): string {
      return `${subject.repository}/${name}:c-${randomBytes(16).toString('hex')}`;
    }

    async function built(ref: string, by: Builder = subject.builder): Promise<StoredImage> {
      const file = randomBytes(8).toString('hex');
      const build = await request([`FROM ${subject.base}`, 'COPY file /file'], { ref, files: { file } });
      const { digest } = await by.build(build, () => undefined, signal);
      return { ref, digest };
    }

    async function stored(by: Builder = subject.builder, registry = subject.registry): Promise<readonly StoredImage[]> {
      const images: StoredImage[] = [];
      for await (const image of by.storedImages(registry, signal)) images.push(image);
      return images;
    }

    it('lists the images that it has built, each with its digest', async () => {
      const first = await built(contentRef('listed'));
      const second = await built(contentRef('listed'));
      const elsewhere = await built(contentRef('listed-too'));
      const listed = await stored();
      for (const image of [first, second, elsewhere]) {
        assert.deepEqual(
          listed.filter(({ ref }) => ref === image.ref),
          [image],
        );
      }
      assert.ok(listed.every(({ ref }) => ref.startsWith(`${subject.registry}/`)));
      assert.deepEqual(await stored(subject.builder, `${subject.registry}/sho`), []);
      assert.ok((await stored(subject.builder, subject.repository)).some(({ ref }) => ref === first.ref));
    });

    it('lists nothing that another Berth has built, nothing that has another tag', async () => {
      const others = await built(contentRef('shared'), subject.other);
      const ours = await built(contentRef('shared'));
      const named = await built(`${subject.repository}/shared:v1`);
      const refs = (await stored()).map(({ ref }) => ref);
      assert.ok(refs.includes(ours.ref));
      assert.ok(!refs.includes(others.ref));
      assert.ok(!refs.includes(named.ref));
      assert.ok((await stored(subject.other)).some(({ ref }) => ref === others.ref));
    });

    it('lists no image that somebody else has given a tag', async () => {
      const kept = await built(contentRef('kept'));
      const plain = await built(contentRef('kept'));
      await subject.tag(kept.ref, 'latest');
      const refs = (await stored()).map(({ ref }) => ref);
      assert.ok(refs.includes(plain.ref));
      assert.ok(!refs.includes(kept.ref));
    });

    it('removes an image, once and again, and nothing but that', async () => {
      const gone = await built(contentRef('removed'));
      const stays = await built(contentRef('removed'));
      await subject.builder.removeImage(gone, signal);
      await subject.builder.removeImage(gone, signal);
      assert.equal(await subject.builder.digestOf(gone.ref, signal), undefined);
      assert.equal(await subject.builder.digestOf(stays.ref, signal), stays.digest);
      const refs = (await stored()).map(({ ref }) => ref);
      assert.deepEqual([refs.includes(gone.ref), refs.includes(stays.ref)], [false, true]);
      await subject.builder.removeImage(stays, signal);
      assert.ok((await stored()).every(({ ref }) => ref !== stays.ref));
      const again = await built(gone.ref);
      assert.equal(await subject.builder.digestOf(gone.ref, signal), again.digest);
    });

    it('removes an image with all its tags', async () => {
      const ref = contentRef('twice');
      const image = await built(ref);
      const other = contentRef('twice');
      await subject.tag(ref, other.split(':').at(-1) ?? '');
      assert.equal((await stored()).filter(({ digest }) => digest === image.digest).length, 2);
      await subject.builder.removeImage(image, signal);
      assert.equal(await subject.builder.digestOf(other, signal), undefined);
    });

    it('knows no digest of what is not there', async () => {
      assert.equal(await subject.builder.digestOf(`${subject.repository}/never-built:1`, signal), undefined);
    });
  });
}
