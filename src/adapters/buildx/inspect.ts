/** What there is to know about buildx and a BuildKit before anything is built. */
import { mkdtemp, rm } from 'node:fs/promises';
import path from 'node:path';
import { run } from '../../process.ts';
import { createArguments, environment } from './command.ts';
import type { Endpoint } from './endpoint.ts';
import { whyUnreachable } from './reachable.ts';

export interface InspectOptions {
  readonly buildxPath: string;
  readonly configDirectory: string | undefined;
  /** Absolute; for temporary files; it exists. */
  readonly directory: string;
}

export interface EndpointInspection {
  /** Such as `v0.12.5`; `undefined` for builds that do not know theirs, as Debian's. */
  readonly version: string | undefined;
  /** Such as `linux/amd64`. */
  readonly platforms: readonly string[];
}

const programPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const timeoutMs = 15_000;

/** Such as `v0.31.1`. @throws when there is no such program. */
export async function buildxVersion({ buildxPath }: InspectOptions, signal: AbortSignal): Promise<string> {
  const env = { PATH: programPath, HOME: '/nonexistent' };
  const { stdout } = await run(buildxPath, ['version'], { signal, env, timeoutMs });
  return stdout.trim().split(/\s+/)[1] ?? 'of unknown version';
}

/** Asks a BuildKit about itself, as a build would reach it. @throws when it does not answer. */
export async function inspectEndpoint(
  endpoint: Endpoint,
  { buildxPath, configDirectory, directory }: InspectOptions,
  signal: AbortSignal,
): Promise<EndpointInspection> {
  const why = await whyUnreachable(endpoint, signal);
  if (why !== undefined) throw new Error(`${endpoint.url} does not answer: ${why}`);
  const runDirectory = await mkdtemp(path.join(directory, 'inspect-'));
  try {
    const options = { signal, env: environment(endpoint, runDirectory, { configDirectory }), timeoutMs };
    if (endpoint.kind === 'buildkit') await run(buildxPath, createArguments(endpoint), options);
    const { stdout } = await run(buildxPath, ['inspect'], options);
    return inspectionOf(stdout, endpoint);
  } finally {
    await rm(runDirectory, { recursive: true, force: true });
  }
}

/** buildx has no machine-readable form of it, and exits with 0 when there is no answer. */
function inspectionOf(text: string, { url }: Endpoint): EndpointInspection {
  const fields = new Map(
    text.split('\n').map((line) => {
      const [name = '', value = ''] = line.split(/:\s+(.*)/s);
      return [name.trim().toLowerCase(), value.trim()] as const;
    }),
  );
  const platforms = fields.get('platforms');
  if (platforms === undefined) throw new Error(`${url}: ${fields.get('error') ?? 'buildx cannot tell what it is'}`);
  const version = fields.get('buildkit version') ?? fields.get('buildkit') ?? '';
  return {
    version: /^v?0\.0\.0/.test(version) || version === '' ? undefined : version,
    // An asterisk marks what was chosen by hand.
    platforms: platforms.split(/,\s*/).map((each) => each.replace(/\*$/, '')),
  };
}
