import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { spawn } from 'node:child_process';
import type { Files } from '../../contract/source.contract.ts';

/** A real repository behind a real smart-HTTP server on this machine. */
export interface GitRemote extends AsyncDisposable {
  readonly cloneUrl: string;
  /** The bare repository on disk. */
  readonly directory: string;
  /** Makes a commit with exactly these files and gives its SHA; the parent is the commit before. */
  commit(files: Files, branch?: string): Promise<string>;
  /** Paths and queries of the requests so far. */
  readonly requests: string[];
  /** Decides about each request before git sees it; by default all pass. */
  onRequest: (request: IncomingMessage, response: ServerResponse) => Promise<boolean> | boolean;
}

export async function startGitRemote(): Promise<GitRemote> {
  const root = await mkdtemp(path.join(tmpdir(), 'git-remote-'));
  const directory = path.join(root, 'shop.git');
  await git(root, ['init', '--quiet', '--bare', '--initial-branch=main', directory]);
  await git(directory, ['config', 'uploadpack.allowAnySHA1InWant', 'true']);
  let parent: string | undefined;
  const requests: string[] = [];
  const server = createServer((request, response) => void serve(request, response));
  const remote: GitRemote = {
    cloneUrl: '',
    directory,
    requests,
    onRequest: () => true,
    async commit(files, branch = 'main') {
      parent = await commitFiles(directory, files, parent);
      await git(directory, ['update-ref', `refs/heads/${branch}`, parent]);
      return parent;
    },
    async [Symbol.asyncDispose]() {
      await close(server);
      await rm(root, { recursive: true, force: true });
    },
  };

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, search } = new URL(request.url ?? '/', 'http://localhost');
    requests.push(`${request.method} ${pathname}${search}`);
    if (!(await remote.onRequest(request, response))) return;
    const backend = spawn('git', ['http-backend'], {
      stdio: ['pipe', 'pipe', 'ignore'],
      env: {
        PATH: process.env['PATH'],
        GIT_PROJECT_ROOT: root,
        GIT_HTTP_EXPORT_ALL: '1',
        REQUEST_METHOD: request.method,
        PATH_INFO: pathname,
        QUERY_STRING: search.slice(1),
        CONTENT_TYPE: request.headers['content-type'] ?? '',
        HTTP_CONTENT_ENCODING: request.headers['content-encoding'] ?? '',
        GIT_PROTOCOL: String(request.headers['git-protocol'] ?? ''),
      },
    });
    backend.stdin.on('error', () => undefined);
    request.pipe(backend.stdin);
    response.on('close', () => backend.kill());
    relay(backend.stdout, response);
  }

  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return Object.assign(remote, { cloneUrl: `http://127.0.0.1:${port}/shop.git` });
}

/** Turns CGI output into an answer: header lines, an empty line, the body. */
function relay(output: NodeJS.ReadableStream, response: ServerResponse): void {
  let head = Buffer.alloc(0);
  output.on('data', (chunk: Buffer) => {
    if (response.headersSent) return void response.write(chunk);
    head = Buffer.concat([head, chunk]);
    const end = head.indexOf('\r\n\r\n');
    if (end < 0) return;
    for (const line of head.toString('latin1', 0, end).split('\r\n')) {
      const [name = '', value = ''] = line.split(/: (.*)/s);
      if (name === 'Status') response.statusCode = Number.parseInt(value, 10);
      else response.setHeader(name, value);
    }
    response.write(head.subarray(end + 4));
  });
  output.on('end', () => response.end());
}

async function commitFiles(directory: string, files: Files, parent: string | undefined): Promise<string> {
  const lines = [
    'commit refs/heads/import',
    'committer Ada <ada@example.com> 1700000000 +0000',
    'data 1\nx',
    ...(parent ? [`from ${parent}`] : []),
    'deleteall',
  ];
  const chunks: Buffer[] = [Buffer.from(`${lines.join('\n')}\n`)];
  for (const [file, content] of Object.entries(files)) {
    const entry = typeof content === 'string' ? { content } : content;
    const name = JSON.stringify(file);
    if ('submodule' in entry) {
      chunks.push(Buffer.from(`M 160000 ${entry.submodule} ${name}\n`));
      continue;
    }
    const mode = 'link' in entry ? '120000' : 'executable' in entry ? '100755' : '100644';
    const data = Buffer.from('link' in entry ? entry.link : 'executable' in entry ? entry.executable : entry.content);
    chunks.push(Buffer.from(`M ${mode} inline ${name}\ndata ${data.length}\n`), data, Buffer.from('\n'));
  }
  await git(directory, ['fast-import', '--quiet', '--force'], Buffer.concat(chunks));
  return git(directory, ['rev-parse', 'refs/heads/import']);
}

/** Runs git in a folder and gives what it printed, trimmed. */
export function git(cwd: string, args: readonly string[], input?: Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    const env = { PATH: process.env['PATH'], GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1' };
    const child = execFile('git', args, { cwd, env, maxBuffer: 1 << 28 }, (error, stdout) =>
      error ? reject(error) : resolve(stdout.trim()),
    );
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(input);
  });
}

async function close(server: Server): Promise<void> {
  server.close();
  server.closeAllConnections();
  await once(server, 'close');
}
