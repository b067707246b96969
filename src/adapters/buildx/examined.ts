/** A look at what is to be built before BuildKit gets it: some of it BuildKit must not see, some is sure to fail there. */
import { open } from 'node:fs/promises';
import path from 'node:path';
import { DiagnosedError } from '../../domain/errors.ts';
import { parseImageReference } from '../../domain/image-reference.ts';
import type { BuildRequest } from '../../ports.ts';
import { buildFailed } from './diagnosis.ts';
import { frontendOf, hasFrom, isDockersFrontend } from './dockerfile.ts';

export interface Build {
  readonly request: BuildRequest;
  /** The image's name in the manifest. */
  readonly image: string;
  readonly dockerfile: { readonly path: string; readonly text: string };
  readonly withoutCache: boolean;
  readonly onLog: (line: string) => void;
  readonly signal: AbortSignal;
}

/** BuildKit tells every step's whole text again and again. */
const maxDockerfileBytes = 256 * 1024;

/** @throws DiagnosedError when nothing can come of it. */
export async function examined(
  request: BuildRequest,
  onLog: (line: string) => void,
  signal: AbortSignal,
): Promise<Build> {
  const image = hostAndPath(request.ref).split('/').at(-1) ?? request.ref;
  const inContext = path.relative(request.contextPath, request.dockerfilePath);
  const byDefault = inContext.startsWith('..') ? path.basename(request.dockerfilePath) : inContext;
  const shown = request.dockerfileName ?? byDefault;
  const { text, problem } = await dockerfileAt(request.dockerfilePath, signal);
  const fault = problem ?? problemOf(text, request.trust);
  if (fault) throw new DiagnosedError(buildFailed(image, shown, fault, [], []));
  return { request, image, dockerfile: { path: shown, text }, withoutCache: false, onLog, signal };
}

/** A reference without tag and digest. @throws for what is no reference: it must not become part of an option. */
export function hostAndPath(ref: string): string {
  const parsed = parseImageReference(ref);
  if (!parsed?.tag) throw new Error(`not an image reference with a tag: ${JSON.stringify(ref)}`);
  return parsed.repository;
}

function problemOf(dockerfile: string, trust: BuildRequest['trust']): string | undefined {
  const frontend = frontendOf(dockerfile);
  const known = frontend === undefined || isDockersFrontend(frontend);
  if (!known && trust === 'untrusted') {
    // A frontend of one's own decides what BuildKit runs, with which caches of whom.
    return 'a pull request from a fork can only have `docker/dockerfile` as its `# syntax=`';
  }
  return known && !hasFrom(dockerfile) ? 'it has no FROM instruction' : undefined;
}

/** The text of the file, of which no more is read than may be. */
async function dockerfileAt(file: string, signal: AbortSignal): Promise<{ text: string; problem?: string }> {
  signal.throwIfAborted();
  try {
    await using handle = await open(file);
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(maxDockerfileBytes + 1), 0, maxDockerfileBytes + 1, 0);
    if (bytesRead <= maxDockerfileBytes) return { text: buffer.toString('utf8', 0, bytesRead) };
    return { text: '', problem: `it is larger than ${maxDockerfileBytes / 1024} KiB` };
  } catch (error) {
    if (error instanceof Error && 'code' in error && ['ENOENT', 'ENOTDIR', 'EISDIR'].includes(String(error.code))) {
      return { text: '', problem: 'there is no such file' };
    }
    throw error;
  }
}
