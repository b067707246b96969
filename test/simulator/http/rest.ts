import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Contract } from '../description/contract.ts';
import type { Violations } from '../description/violations.ts';
import type { Stage } from '../operations/stage.ts';
import type { Access, Repository } from '../world/entities.ts';
import { type Answer, notFound, Refusal } from './answer.ts';
import { type Caller, callerOf } from './credentials.ts';
import { type Fault, type Faults } from './faults.ts';
import type { RateLimit } from './rate-limit.ts';
import type { LoggedRequest } from './request-log.ts';
import { covers, type Route } from './route.ts';
import type { Matched, Router } from './router.ts';

export interface RestOptions {
  readonly stage: Stage;
  readonly router: Router;
  readonly contract: Contract | undefined;
  readonly violations: Violations;
  readonly faults: Faults;
  readonly rateLimit: RateLimit;
  readonly tokenLifetimeMs: () => number;
  readonly log: (request: LoggedRequest) => void;
  readonly wait: (ms: number) => Promise<void>;
}

interface Located {
  /** The path by name, also for a request by repository id. */
  readonly path: string;
  readonly repository: Repository | undefined;
  readonly moved: Repository | undefined;
}

/** The REST API: answers one request, or gives `undefined` when the connection is to be dropped. */
export function createRest(options: RestOptions) {
  const { stage, router, contract, violations, faults, rateLimit } = options;
  const { world } = stage;

  return async function answerRequest(incoming: IncomingMessage, url: URL, bytes: Buffer): Promise<Answer | undefined> {
    const method = incoming.method ?? 'GET';
    const path = url.pathname.replace(/^\/api\/v3/, '') || '/';
    const located = locate(path);
    const matched = router.match(method, located.path);
    const target = { method, path, template: matched?.operation.path, operation: matched?.operation.id };
    const fault = faults.strike(target);
    const body = parsed(bytes);
    let counted = false;
    let answer: Answer | undefined;
    if (fault?.delayMs) await options.wait(fault.delayMs);
    if (fault?.until) {
      world.changed();
      await fault.until;
    }
    if (fails(fault) && !fault?.afterCommit) {
      answer = failure(fault);
    } else {
      const result = await perform(incoming, url, located, matched, body);
      counted = result.counted;
      answer = fails(fault) ? failure(fault) : (fault?.change?.(result.answer) ?? result.answer);
      if (!fault && matched) checkAnswer(matched, answer as Answer);
    }
    if (answer) answer = conditional(incoming, answer);
    options.log({
      at: world.now(),
      method,
      path,
      route: target.template ?? path,
      operation: target.operation,
      query: url.search,
      body,
      status: answer?.status ?? 0,
      counted,
    });
    world.changed();
    return answer;
  };

  async function perform(
    incoming: IncomingMessage,
    url: URL,
    located: Located,
    matched: Matched | undefined,
    body: unknown,
  ): Promise<{ answer: Answer; counted: boolean }> {
    let key: string | undefined;
    try {
      if (!incoming.headers['user-agent']) throw new Refusal(403, 'Request forbidden by administrative rules.');
      if (!matched) throw unknownRoute(incoming.method ?? 'GET', located.path);
      const read = readRequest(matched, url, body);
      const anyone = { kind: 'anyone' } as const;
      const isOpen = matched.route.caller === 'anyone';
      const caller = isOpen ? anyone : callerOf(world, incoming.headers.authorization);
      key = caller.kind === 'installation' ? `installation ${caller.installation.id}` : caller.kind;
      if (!matched.route.free && !rateLimit.take(key)) throw exceeded(key);
      if (located.moved) throw movedTo(located.moved, located.path, url, incoming.method);
      authorize(matched.route, caller, located.repository, located.path);
      const rest = located.repository ? located.path.split('/').slice(4).join('/') : '';
      const answer = await matched.route.handle({
        ...stage,
        caller,
        params: read.params,
        query: read.query,
        body,
        accept: incoming.headers.accept ?? '',
        listUrl: world.api(located.repository ? `/repositories/${located.repository.id}/${rest}` : located.path),
        searchParams: url.searchParams,
        repository: located.repository,
        rateLimit: () => rateLimit.state(key as string),
        tokenLifetimeMs: options.tokenLifetimeMs(),
      });
      return finished(incoming, answer, key, matched.route);
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      return { answer: withHeaders(error.answer(), key), counted: key !== undefined };
    }
  }

  /** A client that has this answer already gets 304, and the request costs nothing. */
  function finished(
    incoming: IncomingMessage,
    answer: Answer,
    key: string,
    route: Route,
  ): { answer: Answer; counted: boolean } {
    const fresh =
      incoming.method === 'GET' && answer.status === 200 && incoming.headers['if-none-match'] === etag(answer);
    if (fresh && !route.free) rateLimit.refund(key);
    return { answer: withHeaders(answer, key), counted: !fresh && !route.free };
  }

  function withHeaders(answer: Answer, key: string | undefined): Answer {
    return key === undefined ? answer : { ...answer, headers: { ...rateLimit.headers(key), ...answer.headers } };
  }

  function readRequest(matched: Matched, url: URL, body: unknown) {
    const unchecked = { params: matched.params, query: Object.fromEntries(url.searchParams), problems: [] };
    if (body instanceof SyntaxError) {
      violations.add({ kind: 'request', about: matched.operation.id, message: 'the body is not JSON' });
      throw new Refusal(400, 'Problems parsing JSON');
    }
    const read = contract?.readRequest(matched.operation, matched.params, url.searchParams, body) ?? unchecked;
    for (const message of read.problems) violations.add({ kind: 'request', about: matched.operation.id, message });
    if (read.problems.length > 0) throw new Refusal(422, `Invalid request.\n\n${read.problems.join('\n')}`, []);
    return read;
  }

  function checkAnswer({ operation }: Matched, answer: Answer): void {
    const type = answer.text?.type ?? (answer.body === undefined ? undefined : 'application/json');
    for (const message of contract?.answerProblems(operation, answer.status, type, answer.body) ?? []) {
      violations.add({ kind: 'answer', about: operation.id, message });
    }
  }

  function unknownRoute(method: string, path: string): Refusal {
    const described = router.describedOperation(method, path);
    const message = described
      ? `GitHub has ${described} there, but the simulator does not`
      : 'GitHub describes no such route';
    violations.add({ kind: 'route', about: `${method} ${path}`, message });
    return notFound();
  }

  /** Finds the repository a path is about. `/repositories/{id}/…` means the same as `/repos/{owner}/{repo}/…`. */
  function locate(path: string): Located {
    const byId = /^\/repositories\/(\d+)(\/.*)?$/.exec(path);
    if (byId) {
      const repository = world.findRepository(Number(byId[1]));
      const name = repository ? `${repository.owner.login}/${repository.name}` : '-/-';
      return { path: `/repos/${name}${byId[2] ?? ''}`, repository, moved: undefined };
    }
    const [, owner, name] = /^\/repos\/([^/]+)\/([^/]+)/.exec(path) ?? [];
    if (owner === undefined || name === undefined) return { path, repository: undefined, moved: undefined };
    const fullName = `${decodeURIComponent(owner)}/${decodeURIComponent(name)}`;
    const repository = world.findRepository(fullName);
    return { path, repository, moved: repository ? undefined : world.findMoved(fullName) };
  }

  function movedTo(repository: Repository, path: string, url: URL, method: string | undefined): Refusal {
    const rest = path.split('/').slice(4).join('/');
    const location = world.api(`/repositories/${repository.id}${rest && `/${rest}`}${url.search}`);
    // A write must arrive as the write it was: 307 keeps method and body, 301 would not.
    return new Refusal(method === 'GET' ? 301 : 307, 'Moved Permanently', undefined, { location });
  }

  function exceeded(key: string): Refusal {
    return new Refusal(403, `API rate limit exceeded for ${key}.`, undefined, rateLimit.headers(key));
  }
}

function authorize(route: Route, caller: Caller, repository: Repository | undefined, path: string): void {
  if (route.caller === 'app' && caller.kind !== 'app') throw new Refusal(401, 'A JSON web token could not be decoded');
  if (route.caller === 'installation' && caller.kind === 'app') throw new Refusal(401, 'Bad credentials');
  const aboutRepository = path.startsWith('/repos/');
  if (aboutRepository && !repository) throw notFound();
  if (caller.kind !== 'installation') return;
  const needs = route.needs ?? [];
  if (repository && !covers(caller, repository)) {
    if (repository.private) throw notFound();
    // Anybody may read what is public; nobody may write where the app is not installed.
    const reading =
      needs.length === 0 || needs.some((need) => Object.values(need).every((access) => access === 'read'));
    if (!reading) throw new Refusal(403, 'Resource not accessible by integration');
    return;
  }
  if (needs.length > 0 && !needs.some((need) => grants(caller.token.permissions, need))) {
    throw new Refusal(403, 'Resource not accessible by integration');
  }
}

function grants(granted: Readonly<Record<string, Access>>, need: Readonly<Record<string, Access>>): boolean {
  return Object.entries(need).every(([name, access]) => granted[name] === 'write' || granted[name] === access);
}

function fails(fault: Fault | undefined): boolean {
  return fault?.status !== undefined || fault?.dropConnection === true;
}

function failure(fault: Fault | undefined): Answer | undefined {
  if (!fault || fault.dropConnection || fault.status === undefined) return undefined;
  const body = fault.body ?? { message: 'Server Error', documentation_url: 'https://docs.github.com/rest' };
  return { status: fault.status, headers: fault.headers ?? {}, body };
}

function parsed(bytes: Buffer): unknown {
  if (bytes.length === 0) return undefined;
  try {
    return JSON.parse(bytes.toString('utf8')) as unknown;
  } catch (error) {
    return error;
  }
}

function etag(answer: Answer): string {
  const content = answer.text?.content ?? JSON.stringify(answer.body);
  return `W/"${createHash('sha256').update(content).digest('hex')}"`;
}

function conditional(incoming: IncomingMessage, answer: Answer): Answer {
  if (incoming.method !== 'GET' || answer.status !== 200) return answer;
  const tag = etag(answer);
  const headers = { ...answer.headers, etag: tag, 'cache-control': 'private, max-age=60, s-maxage=60' };
  return incoming.headers['if-none-match'] === tag ? { status: 304, headers } : { ...answer, headers };
}
