/** Turns what a failed build has said into what a pull request's author can act upon. */
import type { Diagnosis, Place } from '../../domain/preview.ts';
import { instructionsOf, stagesOf } from './dockerfile.ts';
import { clipped, type Vertex } from './progress.ts';
import { isLostLayer, isOutage } from './step-outage.ts';

export interface FailedBuild {
  /** The image's name in the manifest. */
  readonly image: string;
  readonly dockerfile: { readonly path: string; readonly text: string };
  readonly target: string | undefined;
  readonly vertices: readonly Vertex[];
  /** What buildx has printed at the end. */
  readonly text: readonly string[];
}

export type Verdict =
  | { readonly kind: 'fault'; readonly diagnosis: Diagnosis }
  /** The Dockerfile names this image and it could not be read: the registry knows whose fault that is. */
  | { readonly kind: 'image'; readonly ref: string; readonly ifAbsent: Diagnosis }
  /** Everything that uses BuildKit's cache of these steps fails from now on. */
  | { readonly kind: 'lost layer'; readonly message: string }
  | { readonly kind: 'outage'; readonly message: string };

/**
 * Tells the author's faults from outages. BuildKit's facts decide: which step failed, and whether it points into the
 * Dockerfile; its words only where there is nothing else.
 */
export function judge(build: FailedBuild): Verdict {
  const error = finalError(build.text);
  const places = placesIn(build.text, build.dockerfile.path, error);
  const fault = (what: string, log: readonly string[] = []): Verdict => ({
    kind: 'fault',
    diagnosis: buildFailed(build.image, build.dockerfile.path, what, places, log),
  });
  const refused = refusal(error);
  if (refused !== undefined) return fault(refused);
  // A failing step makes BuildKit cancel others, which then fail as well; the error at the end is the first one's.
  const failed = build.vertices.find((vertex) => vertex.state === 'failed' && isAbout(error, vertex.error));
  if (!failed) {
    const target = build.target?.toLowerCase();
    const stages = stagesOf(instructionsOf(build.dockerfile.text));
    if (places.length > 0) return fault(readable(error));
    if (target !== undefined && !stages.includes(target))
      return fault(`it has no stage \`${plain(build.target ?? '')}\``);
    return { kind: isLostLayer(error) ? 'lost layer' : 'outage', message: error };
  }
  if (isLostLayer(failed.error)) return { kind: 'lost layer', message: `${failed.name}: ${error}` };
  const ref = /^(?:\[internal\] load metadata for |resolve image config for docker-image:\/\/)(\S+)$/.exec(
    failed.name,
  )?.[1];
  if (ref !== undefined) {
    // The image is there, but not for this machine: BuildKit has no better way to say so.
    if (/no match for platform/.test(failed.error)) return fault(`the image \`${ref}\` is not made for this platform`);
    const what = `the image \`${ref}\` does not exist or may not be read`;
    return { kind: 'image', ref, ifAbsent: buildFailed(build.image, build.dockerfile.path, what, places, []) };
  }
  if (/^\[internal\] load build context$/.test(failed.name) && /excludepatterns/.test(failed.error)) {
    return fault('its `.dockerignore` has a pattern that cannot be read');
  }
  const instruction = userStep(failed);
  if (instruction === undefined || isOutage(instruction, failed.error)) {
    return { kind: 'outage', message: `${failed.name}: ${error}` };
  }
  return fault(whatFailed(instruction, failed.error), failed.log);
}

/** What to say about a build that took too long: the step that was running, and what it said last. */
export function timedOut(image: string, timeoutMs: number, vertices: readonly Vertex[]): Diagnosis {
  // Ending the build makes the steps that were running fail.
  const running = vertices.findLast(
    (vertex) => ['running', 'failed'].includes(vertex.state) && userStep(vertex) !== undefined,
  );
  const minutes = Math.max(1, Math.round(timeoutMs / 60_000));
  const during = running ? `, during \`${shortened(userStep(running) ?? '')}\`` : '';
  return {
    reason: 'BuildTimedOut',
    message: `Building the image \`${image}\` took longer than ${minutes} ${minutes === 1 ? 'minute' : 'minutes'}${during}`,
    ...(running && running.log.length > 0 ? { log: running.log } : {}),
  };
}

/** `what` completes "Building the image failed in the Dockerfile: …". */
export function buildFailed(
  image: string,
  path: string,
  what: string,
  places: readonly Place[],
  log: readonly string[],
): Diagnosis {
  const line = places[0] ? ` line ${places[0].line}` : '';
  return {
    reason: 'BuildFailed',
    message: `Building the image \`${image}\` failed in \`${plain(path)}\`${line}: ${what}`,
    ...(log.length > 0 ? { log } : {}),
    places:
      places.length > 0
        ? places.map((place) => ({ ...place, message: what }))
        : [{ path, line: 1, column: 1, message: what }],
  };
}

/** The instruction behind a step such as `[base 2/3] RUN make`; `undefined` for what BuildKit does by itself. */
function userStep({ name }: Vertex): string | undefined {
  const instruction = /^\[(?:\S+ )*\d+\/\d+\] (.+)$/s.exec(name)?.[1];
  // What fails in a FROM is the transfer of the image.
  return instruction?.startsWith('FROM ') ? undefined : instruction;
}

function whatFailed(instruction: string, error: string): string {
  const code = /did not complete successfully: exit code: (\d+)/.exec(error)?.[1];
  const step = `\`${shortened(instruction)}\``;
  if (code === '137') return `${step} was killed, most likely for using too much memory (exit code 137)`;
  return code === undefined ? `${step}: ${readable(error)}` : `${step} exited with ${code}`;
}

/** What BuildKit does for nobody, and what it does not do for strangers. It names no step for either. */
function refusal(error: string): string | undefined {
  const image = /source "docker-image:\/\/([^"\s]+)" denied by policy: source denied by policy$/.exec(error)?.[1];
  if (image !== undefined) {
    const why = "it is one of Berth's own, or its registry is not in BERTH_UNTRUSTED_REGISTRIES";
    return `the image \`${shortened(image)}\` is not for pull requests from forks: ${why}`;
  }
  const url = /source "((?:https?|git):\/\/[^"\s]+)" denied by policy: source denied by policy$/.exec(error)?.[1];
  if (url !== undefined) {
    return `\`ADD\` of \`${shortened(url)}\` is not for pull requests from forks: let a \`RUN\` download it`;
  }
  const right = /(?:^|: )(network\.host|security\.insecure) is not allowed$/.exec(error)?.[1];
  return right === undefined ? undefined : `a step wants \`${right}\`, which no build is allowed`;
}

/** The last error that buildx prints, without its prefixes. */
function finalError(text: readonly string[]): string {
  const start = text.findLastIndex((line) => line.startsWith('ERROR: '));
  const whole = text.slice(start < 0 ? -1 : start).join('\n');
  return clipped(whole.replace(/^ERROR: (failed to solve: )?/, ''));
}

/** Whether the last error is that of a step. Of long ones only the ends are there to compare. */
function isAbout(error: string, stepError: string): boolean {
  return error.includes(stepError.length > 1_000 ? stepError.slice(-1_000) : stepError);
}

/** Each excerpt is headed by `<file name>:<line>` and a rule. */
function placesIn(text: readonly string[], path: string, message: string): readonly Place[] {
  const places: Place[] = [];
  for (const [index, line] of text.entries()) {
    const number = /^.*:(\d+)$/.exec(line)?.[1];
    if (number !== undefined && /^-{10,}$/.test(text[index + 1] ?? '')) {
      places.push({ path, line: Number(number), column: 1, message });
    }
  }
  return places;
}

/** Without what only means something inside BuildKit. */
function readable(error: string): string {
  const text = error
    .replace(/^dockerfile parse error on line \d+: /, '')
    .replace(/failed to (compute cache key|calculate checksum of ref \S+|load cache key): /g, '')
    .replace(/^process ".*" did not complete successfully: /s, '')
    .replace(/\S*\/buildkit-mount\d+/g, '');
  return shortened(text, 300);
}

function shortened(text: string, maxLength = 100): string {
  const line = plain(text.replace(/\s+/g, ' ').trim());
  return line.length > maxLength ? `${line.slice(0, maxLength - 1)}…` : line;
}

/** Fit to stand between backticks. */
function plain(text: string): string {
  return text.replaceAll('`', "'");
}
