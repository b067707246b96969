import { randomUUID } from 'node:crypto';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { GitDisk } from '../git/disk.ts';
import { gitRequestOf, serveGit } from '../git/smart-http.ts';
import type { World } from '../world/world.ts';
import { type Answer, Refusal } from './answer.ts';
import type { Faults } from './faults.ts';
import { newAppAnswer } from './new-app-pages.ts';
import { pullRequestPageAnswer } from './pages.ts';
import type { LoggedRequest } from './request-log.ts';
import type { createRest } from './rest.ts';

export interface ServerOptions {
  readonly world: World;
  readonly disk: GitDisk;
  readonly rest: ReturnType<typeof createRest>;
  readonly faults: Faults;
  readonly log: (request: LoggedRequest) => void;
  readonly wait: (ms: number) => Promise<void>;
  /** Answers `POST /_control/<operation>`; left out, there is no such path. */
  readonly control: ((operation: string, body: Buffer) => Promise<Answer>) | undefined;
}

/** One port for everything: the API below `/api/v3`, git and pages below the root. */
export function createGitHub(options: ServerOptions): RequestListener {
  return (incoming, outgoing) => {
    answer(options, incoming, outgoing).catch((error: unknown) => {
      // A bug of the simulator must not look like a quiet failure of GitHub.
      const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
      if (!outgoing.headersSent)
        send(outgoing, options.world.now(), { status: 500, body: { message: `simulator: ${message}` } });
      else outgoing.destroy();
    });
  };
}

async function answer(options: ServerOptions, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  const url = new URL(incoming.url ?? '/', 'http://simulator');
  const git = gitRequestOf(url.pathname);
  if (git) return answerGit(options, git, url, incoming, outgoing);
  const body = await read(incoming);
  if (url.pathname.startsWith('/api/v3')) {
    const given = await options.rest(incoming, url, body);
    if (given) send(outgoing, options.world.now(), given);
    else incoming.socket.destroy();
    return;
  }
  if (options.control && incoming.method === 'POST' && url.pathname.startsWith('/_control/')) {
    return send(outgoing, options.world.now(), await options.control(url.pathname.slice('/_control/'.length), body));
  }
  send(
    outgoing,
    options.world.now(),
    newAppAnswer(options.world, incoming.method ?? 'GET', url, body) ??
      pullRequestPageAnswer(options.world, url.pathname) ?? { status: 404, body: { message: 'Not Found' } },
  );
}

async function answerGit(
  { world, disk, faults, log, wait }: ServerOptions,
  git: NonNullable<ReturnType<typeof gitRequestOf>>,
  url: URL,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
): Promise<void> {
  const method = incoming.method ?? 'GET';
  const fault = faults.strike({ method, path: url.pathname, template: 'git', operation: undefined });
  if (fault?.delayMs) await wait(fault.delayMs);
  if (fault?.until) {
    world.changed();
    await fault.until;
  }
  let body: unknown;
  let status = fault?.status ?? 0;
  if (fault?.dropConnection) incoming.socket.destroy();
  else if (fault?.status !== undefined)
    send(outgoing, world.now(), { status, headers: fault.headers ?? {}, body: fault.body ?? {} });
  else {
    try {
      const served = await serveGit(world, disk, git, url, incoming, outgoing);
      status = served.status;
      body = { wants: served.wants };
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      status = error.status;
      send(outgoing, world.now(), {
        status,
        headers: error.headers,
        text: { type: 'text/plain; charset=utf-8', content: error.message },
      });
    }
  }
  const { pathname: path, search: query } = url;
  log({
    at: world.now(),
    method,
    path,
    route: 'git',
    operation: undefined,
    query,
    body,
    status,
    counted: false,
  });
  world.changed();
}

function send(outgoing: ServerResponse, now: Date, { status, body, headers, text }: Answer): void {
  const content = text?.content ?? (body === undefined ? '' : JSON.stringify(body));
  const type = text?.type ?? 'application/json; charset=utf-8';
  outgoing.writeHead(status, {
    ...headers,
    date: now.toUTCString(),
    'x-github-request-id': randomUUID().slice(0, 23).toUpperCase(),
    'x-github-media-type': 'github.v3; format=json',
    server: 'github.com',
    ...(content.length > 0 && { 'content-type': type, 'content-length': Buffer.byteLength(content) }),
  });
  outgoing.end(content);
}

async function read(incoming: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
