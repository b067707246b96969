/** What the gateway says itself, when there is nothing to pass a request to. */
import { shortRevision } from '../domain/comment.ts';
import type { Phase, Status } from '../domain/status.ts';

export interface Page {
  readonly statusCode: 400 | 404 | 429 | 431 | 502 | 503;
  /** Machine-readable, for the JSON form: a phase, or why there is no preview to show. */
  readonly state:
    | Phase
    | 'BadRequest'
    | 'TooManyRequests'
    | 'NoSuchPreview'
    | 'NoSuchRoute'
    | 'Unreachable'
    | 'Unknown';
  readonly title: string;
  /** One or two sentences. */
  readonly message: string;
  /** Look again after this long; `undefined` when time alone changes nothing. */
  readonly refreshSeconds: number | undefined;
  readonly status: Status | undefined;
}

export const badRequestPage: Page = {
  statusCode: 400,
  state: 'BadRequest',
  title: 'Bad request',
  message: 'This request does not say which preview it is for.',
  refreshSeconds: undefined,
  status: undefined,
};

export const tooManyHeadersPage: Page = {
  ...badRequestPage,
  statusCode: 431,
  message: 'This request has more headers than a preview is sent.',
};

/** Shown to an address that has asked too much. */
export function tooManyRequestsPage(waitSeconds: number): Page {
  return {
    statusCode: 429,
    state: 'TooManyRequests',
    title: 'Too many requests',
    message: 'Too many requests have come from your address. This page looks again by itself.',
    refreshSeconds: waitSeconds,
    status: undefined,
  };
}

export const noSuchPreviewPage: Page = {
  statusCode: 404,
  state: 'NoSuchPreview',
  title: 'No such preview',
  message: 'There is no preview at this address. It may have been removed because its pull request was closed.',
  refreshSeconds: undefined,
  status: undefined,
};

/** Shown when the status cannot be read: nothing may be claimed about the preview then. */
export const unknownPage: Page = {
  statusCode: 503,
  state: 'Unknown',
  title: 'One moment',
  message: 'The state of this preview cannot be read right now. This page looks again by itself.',
  refreshSeconds: 5,
  status: undefined,
};

/** The preview is there, but none of its routes has this host. */
export function noSuchRoutePage(status: Status | undefined): Page {
  return {
    statusCode: 404,
    state: 'NoSuchRoute',
    title: 'No such route',
    message: 'The preview is there, but none of its routes has this address.',
    refreshSeconds: undefined,
    status,
  };
}

/**
 * The preview should answer, and does not. While it is changing that is expected, so its phase is shown instead;
 * `problem` is one sentence.
 */
export function unreachablePage(status: Status | undefined, problem: string): Page {
  if (status && status.phase !== 'Ready') return statusPage(status);
  return {
    statusCode: 502,
    state: 'Unreachable',
    title: 'The preview does not answer',
    message: problem,
    refreshSeconds: 10,
    status,
  };
}

/** Where the preview stands, while nothing of it is served. */
export function statusPage(status: Status): Page {
  const message = status.diagnosis?.message ?? status.message;
  return { ...phasePages[status.phase], state: status.phase, message, status };
}

const phasePages: Readonly<Record<Phase, Pick<Page, 'statusCode' | 'title' | 'refreshSeconds'>>> = {
  Building: { statusCode: 503, title: 'Building', refreshSeconds: 2 },
  Deploying: { statusCode: 503, title: 'Starting', refreshSeconds: 1 },
  // Ready says the worker, and this gateway has not seen the namespace yet: a moment's lag.
  Ready: { statusCode: 503, title: 'Starting', refreshSeconds: 1 },
  Held: { statusCode: 503, title: 'Waiting for approval', refreshSeconds: 15 },
  Failed: { statusCode: 502, title: 'This preview failed', refreshSeconds: 15 },
  Removing: { statusCode: 404, title: 'Being removed', refreshSeconds: undefined },
  Removed: { statusCode: 404, title: 'Removed', refreshSeconds: undefined },
};

/** The page for programs. */
export function jsonOf(page: Page): string {
  const { status } = page;
  return JSON.stringify({
    state: page.state,
    message: page.message,
    ...(status?.revision !== undefined && { revision: status.revision }),
    ...(status?.diagnosis && { reason: status.diagnosis.reason, log: status.diagnosis.log ?? [] }),
    ...(status && { pullRequest: status.pullRequest.url, urls: status.urls }),
  });
}

/** Title of the browser's tab. */
export function tabTitle(page: Page): string {
  const { status } = page;
  if (!status) return page.title;
  const revision = status.revision === undefined ? '' : ` ${shortRevision(status.revision)}`;
  return `${page.title}${revision} · ${status.pullRequest.repository} #${status.key.number}`;
}
