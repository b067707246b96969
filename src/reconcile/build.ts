import { join, posix } from 'node:path';
import { DiagnosedError } from '../domain/errors.ts';
import { keyId } from '../domain/preview.ts';
import type { BuildJob } from '../ports.ts';
import type { BuildOutcome } from '../telemetry.ts';
import { mayStillRun } from './approval.ts';
import { buildBegun } from './journey.ts';
import type { Ports } from './ports.ts';

type BuildPorts = Pick<Ports, 'forge' | 'source' | 'builder' | 'secrets' | 'store' | 'clock' | 'telemetry' | 'log'>;

/** How many log lines are gathered before they are stored in one go. */
const linesPerWrite = 100;

/**
 * Builds one image and pushes it, keeping its log. Untrusted code that may not run any more, now that its turn has come, is
 * not built: whoever waits for it then decides anew.
 * @throws DiagnosedError when the repository is at fault, the signal's reason when nobody wants the image any more.
 */
export async function build(ports: BuildPorts, job: BuildJob, signal: AbortSignal): Promise<void> {
  const startedAt = performance.now();
  const ended = (outcome: BuildOutcome) => ports.telemetry.built(outcome, performance.now() - startedAt);
  try {
    ended((await buildImage(ports, job, signal)) ? 'built' : 'stopped');
  } catch (error) {
    ended(signal.aborted ? 'stopped' : error instanceof DiagnosedError ? 'refused' : 'failed');
    throw error;
  }
}

/** @returns false when it may not be built any more. */
async function buildImage(ports: BuildPorts, job: BuildJob, signal: AbortSignal): Promise<boolean> {
  const { forge, source, builder, store } = ports;
  const log = ports.log.child({ preview: keyId(job.key), revision: job.revision });
  const startedAt = performance.now();
  const fields = { image: job.name, ref: job.ref };
  if (job.trust === 'untrusted' && !(await mayStillRun(forge, job.key, job.revision, signal))) {
    log.info(fields, 'build not started, its revision may not run any more');
    return false;
  }
  const secrets = await secretsOf(ports, job, signal);
  const snapshot = await source.at(job.repository, job.revision, signal);
  await using context = await snapshot.export(job.build.context, signal);
  const { dockerfile } = job.build;
  const inContext = posix.relative(job.build.context, dockerfile);
  // A Dockerfile may stand beside its context; its folder is then written out on its own.
  await using elsewhere = inContext.startsWith('..') ? await snapshot.export(folderOf(dockerfile), signal) : undefined;
  const dockerfilePath = elsewhere ? join(elsewhere.path, posix.basename(dockerfile)) : join(context.path, inContext);

  log.info(fields, 'build started');
  const measured = buildBegun(ports, job.key, job.revision).catch((err: unknown) =>
    log.debug({ err }, 'beginning of the build not measured'),
  );
  let lines: string[] = [];
  let stored = Promise.resolve();
  const flushLines = () => {
    const batch = lines;
    lines = [];
    // The log may be lost, the build may not.
    stored = stored
      .then(() => store.appendLog(job.ref, batch))
      .catch((err: unknown) => log.warn({ err, ref: job.ref }, 'build log not stored'));
  };
  try {
    const { digest } = await builder.build(
      {
        ref: job.ref,
        contextPath: context.path,
        dockerfilePath,
        dockerfileName: dockerfile,
        target: job.build.target,
        // Not part of the content key: an image knows the commit it was built from, and equal content is not rebuilt.
        args: { BERTH_REVISION: job.revision, ...job.build.args },
        labels: { 'org.opencontainers.image.revision': job.revision },
        secrets,
        trust: job.trust,
      },
      (line) => {
        if (lines.push(line) >= linesPerWrite) flushLines();
      },
      signal,
    );
    log.info({ ...fields, digest, durationMs: msSince(startedAt) }, 'image built');
    return true;
  } catch (error) {
    const reason = error instanceof DiagnosedError ? error.diagnosis.reason : undefined;
    log.info({ ...fields, reason, durationMs: msSince(startedAt) }, signal.aborted ? 'build stopped' : 'build failed');
    throw error;
  } finally {
    if (lines.length > 0) flushLines();
    await Promise.all([stored, measured]);
  }
}

/** The values of the build's secrets by their ids: read when it is built, and kept nowhere. */
async function secretsOf(
  { secrets }: Pick<Ports, 'secrets'>,
  { repository, trust, build: { secrets: names = {} } }: BuildJob,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, string>> {
  if (trust === 'untrusted' || Object.keys(names).length === 0) return new Map();
  const values = await secrets.values(repository, Object.values(names), signal);
  return new Map(Object.entries(names).map(([id, name]) => [id, values.get(name) ?? ''] as const));
}

/** The folder of a path in a repository, `''` for the root. */
function folderOf(path: string): string {
  const folder = posix.dirname(path);
  return folder === '.' ? '' : folder;
}

function msSince(startedAt: number): number {
  return Math.round(performance.now() - startedAt);
}
