/**
 * Whether images find their way: each BuildKit builds a tiny one and pushes it, we find it in the registry, and a node of
 * the cluster pulls it (`trial.ts`, which also removes it). Those for forks must also refuse to start from it.
 */
import { mkdir } from 'node:fs/promises';
import { type Endpoint, parseEndpoint } from '../adapters/buildx/endpoint.ts';
import { buildxVersion, inspectEndpoint } from '../adapters/buildx/inspect.ts';
import type { StoredImage } from '../ports.ts';
import type { Trust } from '../domain/preview.ts';
import { type Finding, note, ok, problem, type Report, reasonOf, warning } from './finding.ts';
import type { Check } from './run-checks.ts';
import { type ImageOptions, removeImages, tryBuild, tryConfinement } from './tiny-image.ts';
import { isOlder } from './version.ts';

/** The oldest that Berth was run with. */
const minimumBuildx = [0, 13] as const;

/** The endpoints of one variable. */
interface Pool {
  readonly variable: string;
  readonly trust: Trust;
}

const trustedPool: Pool = { variable: 'BERTH_BUILDKIT', trust: 'trusted' };
const untrustedPool: Pool = { variable: 'BERTH_BUILDKIT_UNTRUSTED', trust: 'untrusted' };

const noUntrusted = note('pull requests from forks are not built: BERTH_BUILDKIT_UNTRUSTED names no builder for them');

function sharedEndpoint(text: string): Finding {
  return warning(
    `${text} builds what strangers bring and what you trust: its cache is shared between them, and a stranger who gets out of a build ` +
      'step has all of it',
    'Let BERTH_BUILDKIT_UNTRUSTED name another BuildKit than BERTH_BUILDKIT.',
  );
}

/** What was pushed, for whoever wants to pull it. */
export interface Pushed {
  /** The first image; `undefined` when there is none. */
  readonly image: Promise<StoredImage | undefined>;
  /** Removes every image from the registry, once no more are pushed. Whoever has made the check must call it. */
  remove(report: Report): Promise<void>;
}

/** The check, and its images, which stay in the registry until they are removed. */
export function imagesCheck(options: ImageOptions): { readonly check: Check; readonly pushed: Pushed } {
  const images: StoredImage[] = [];
  const { promise: image, resolve: onPushed } = Promise.withResolvers<StoredImage | undefined>();
  const { promise: ended, resolve: end } = Promise.withResolvers<void>();
  const check: Check = {
    name: 'images',
    timeoutMs: 120_000,
    todo: 'See whether BERTH_DATA_DIR can be written, and whether BuildKit and the registry have too much to do.',
    async run(report, signal) {
      try {
        await buildxFinding(options, report, signal);
        await mkdir(options.directory, { recursive: true });
        const keep = (made: StoredImage) => images.push(made);
        for (const text of options.endpoints) {
          const built = await tryEndpoint(text, trustedPool, options, keep, report, signal);
          if (built !== undefined) onPushed(built);
        }
        onPushed(undefined);
        if (options.untrustedEndpoints.length === 0) report(noUntrusted);
        for (const text of options.untrustedEndpoints) {
          if (options.endpoints.includes(text)) report(sharedEndpoint(text));
          const built = await tryEndpoint(text, untrustedPool, options, keep, report, signal);
          if (built !== undefined) await tryConfinement(parseEndpoint(text), built, options, keep, report, signal);
        }
      } finally {
        onPushed(undefined);
        end();
      }
    },
  };
  const remove = async (report: Report) => {
    await ended;
    if (images.length > 0) await removeImages(images, options, report);
  };
  return { check, pushed: { image, remove } };
}

async function buildxFinding(options: ImageOptions, report: Report, signal: AbortSignal): Promise<void> {
  try {
    const version = await buildxVersion(options, signal);
    report(
      isOlder(version, minimumBuildx)
        ? problem(`buildx is ${version}`, 'Install buildx 0.13 or later.')
        : ok(`buildx ${version}`),
    );
  } catch (error) {
    report(problem(`cannot run buildx: ${reasonOf(error)}`, 'Let BERTH_BUILDX name the docker-buildx program.'));
  }
}

/**
 * @param keep is told of everything that is made, whatever becomes of it.
 * @returns the image that was pushed.
 */
async function tryEndpoint(
  text: string,
  { variable, trust }: Pool,
  options: ImageOptions,
  keep: (made: StoredImage) => void,
  report: Report,
  signal: AbortSignal,
): Promise<StoredImage | undefined> {
  let endpoint: Endpoint;
  try {
    endpoint = parseEndpoint(text);
  } catch (error) {
    report(problem(reasonOf(error), `Correct ${variable}.`));
    return undefined;
  }
  try {
    const { version, platforms } = await inspectEndpoint(endpoint, options, signal);
    const forWhom = trust === 'untrusted' ? ' for forks' : '';
    const seen = `BuildKit ${version === undefined ? '' : `${version} `}at ${endpoint.url}${forWhom}`;
    if (!platforms.includes(options.platform)) {
      report(
        problem(
          `${seen} builds for ${platforms.join(', ')}, not ${options.platform}`,
          'Let BERTH_PLATFORM be one of these, or use another BuildKit.',
        ),
      );
      return undefined;
    }
    report(ok(`${seen} builds for ${options.platform}`));
  } catch (error) {
    signal.throwIfAborted();
    report(
      problem(
        `BuildKit: ${reasonOf(error)}`,
        `Start it, or take it out of ${variable}: builds lose two seconds on it each time.`,
      ),
    );
    return undefined;
  }
  if (!options.tryOut) return undefined;
  return await tryBuild(endpoint, trust, options, keep, report, signal);
}
