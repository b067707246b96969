import { spawn } from 'node:child_process';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { gunzipSync } from 'node:zlib';
import { Refusal } from '../http/answer.ts';
import { installationCaller } from '../http/credentials.ts';
import { covers } from '../http/route.ts';
import type { Repository } from '../world/entities.ts';
import type { World } from '../world/world.ts';
import type { GitDisk } from './disk.ts';

const gitPath = /^\/(?<owner>[^/]+)\/(?<name>[^/]+?)(?:\.git)?\/(?<rest>info\/refs|git-upload-pack|git-receive-pack)$/;

export interface GitRequest {
  readonly fullName: string;
  readonly rest: string;
}

export function gitRequestOf(path: string): GitRequest | undefined {
  const { owner, name, rest } = gitPath.exec(path)?.groups ?? {};
  if (owner === undefined || name === undefined || rest === undefined) return undefined;
  return { fullName: `${decodeURIComponent(owner)}/${decodeURIComponent(name)}`, rest };
}

export interface Served {
  readonly status: number;
  /** Commits that were asked for. */
  readonly wants: readonly string[];
}

/** Serves a clone or fetch with git's own `http-backend`. Throws a Refusal before anything is sent. */
export async function serveGit(
  world: World,
  disk: GitDisk,
  request: GitRequest,
  url: URL,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<Served> {
  const repository = world.findRepository(request.fullName);
  const moved = repository ? undefined : world.findMoved(request.fullName);
  if (moved) {
    const location = `${world.html(`/${moved.owner.login}/${moved.name}.git`)}/${request.rest}${url.search}`;
    throw new Refusal(301, 'Moved Permanently', undefined, { location });
  }
  authorizeGit(world, repository, incoming.headers.authorization);
  const service = url.searchParams.get('service') ?? request.rest;
  if (service !== 'git-upload-pack') throw new Refusal(403, 'Write access to repository not granted.');
  const folder = await disk.save(repository as Repository);
  // Who asked may have given up meanwhile: git would wait for the rest of the question for ever.
  if (outgoing.destroyed) return { status: 0, wants: [] };
  const wanted = wantedRevisions(incoming);
  const status = await runBackend(disk.root, `/${folder}/${request.rest}`, url, incoming, outgoing);
  return { status, wants: wanted() };
}

/** Listens to what is asked for; the answer is complete once all of it was read. */
function wantedRevisions(incoming: IncomingMessage): () => readonly string[] {
  const chunks: Buffer[] = [];
  incoming.on('data', (chunk: Buffer) => void chunks.push(chunk));
  return () => {
    const sent = Buffer.concat(chunks);
    const isCompressed = incoming.headers['content-encoding'] === 'gzip';
    const text = (isCompressed ? gunzipSync(sent) : sent).toString('latin1');
    return [...text.matchAll(/want ([0-9a-f]{40})/g)].map(([, sha = '']) => sha);
  };
}

/** GitHub asks strangers for credentials, and tells apart a missing repository from a hidden one for nobody. */
function authorizeGit(world: World, repository: Repository | undefined, authorization: string | undefined): void {
  const [scheme, encoded] = (authorization ?? '').split(' ');
  const unauthorized = new Refusal(401, 'Repository not found.', undefined, {
    'www-authenticate': 'Basic realm="GitHub"',
  });
  if (!encoded || scheme?.toLowerCase() !== 'basic') {
    if (repository && !repository.private) return;
    throw unauthorized;
  }
  const [user, password = ''] = Buffer.from(encoded, 'base64').toString('utf8').split(':');
  if (user !== 'x-access-token' || !world.tokens.has(password)) throw unauthorized;
  const caller = refusedAs(unauthorized, () => installationCaller(world, password));
  if (!repository) throw new Refusal(404, 'Repository not found.');
  if (!covers(caller, repository)) {
    if (repository.private) throw new Refusal(404, 'Repository not found.');
    return;
  }
  if (!caller.token.permissions['contents']) throw new Refusal(403, 'Write access to repository not granted.');
}

function refusedAs<T>(refusal: Refusal, action: () => T): T {
  try {
    return action();
  } catch {
    // Whatever is wrong with the token, git is asked for another one.
    throw refusal;
  }
}

function runBackend(
  root: string,
  path: string,
  url: URL,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<number> {
  const { headers } = incoming;
  const env: Record<string, string> = {
    PATH: process.env['PATH'] ?? '',
    HOME: root,
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_PROJECT_ROOT: root,
    GIT_HTTP_EXPORT_ALL: '1',
    PATH_INFO: path,
    QUERY_STRING: url.search.slice(1),
    REQUEST_METHOD: incoming.method ?? 'GET',
    REMOTE_ADDR: '127.0.0.1',
    CONTENT_TYPE: headers['content-type'] ?? '',
    ...(headers['content-length'] && { CONTENT_LENGTH: headers['content-length'] }),
    ...(headers['content-encoding'] && { HTTP_CONTENT_ENCODING: headers['content-encoding'] }),
    ...(headers['git-protocol'] && { GIT_PROTOCOL: String(headers['git-protocol']) }),
  };
  const child = spawn('git', ['http-backend'], { env, stdio: ['pipe', 'pipe', 'ignore'] });
  // A client may go away in the middle: the backend ends then, and its broken pipe is no news.
  child.stdin.on('error', () => undefined);
  outgoing.on('close', () => child.kill());
  incoming.pipe(child.stdin);
  return new Promise((resolve, reject) => {
    let head: Buffer | undefined = Buffer.alloc(0);
    let status = 200;
    child.on('error', reject);
    child.stdout.on('data', (chunk: Buffer) => {
      if (!head) {
        if (!outgoing.write(chunk)) child.stdout.pause();
        return;
      }
      head = Buffer.concat([head, chunk]);
      const end = head.indexOf('\r\n\r\n');
      if (end < 0) return;
      for (const line of head.subarray(0, end).toString('utf8').split('\r\n')) {
        const [name = '', value = ''] = line.split(/:\s*/, 2);
        if (name.toLowerCase() === 'status') status = Number.parseInt(value, 10);
        else outgoing.setHeader(name, value);
      }
      outgoing.writeHead(status);
      outgoing.write(head.subarray(end + 4));
      head = undefined;
    });
    outgoing.on('drain', () => child.stdout.resume());
    child.on('close', () => {
      outgoing.end();
      resolve(status);
    });
  });
}
