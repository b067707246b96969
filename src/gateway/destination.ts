/** Finds what a preview's host stands for. */
import type { Status } from '../domain/status.ts';
import type { ServiceDirectory, Store } from '../ports.ts';
import { noSuchPreviewPage, noSuchRoutePage, type Page, statusPage, unknownPage, unreachablePage } from './page.ts';

export interface Upstream {
  readonly host: string;
  readonly port: number;
  /** How the route is reached from outside, whatever terminates TLS in front of the gateway. */
  readonly publicProtocol: 'http' | 'https';
  readonly namespace: string;
  /** For messages: `service "web" on port 80`. */
  readonly description: string;
}

export type Destination =
  | { readonly kind: 'upstream'; readonly upstream: Upstream }
  | { readonly kind: 'page'; readonly page: Page };

export interface Sources {
  readonly directory: ServiceDirectory;
  readonly statuses: Pick<Store, 'status'>;
  readonly onError: (error: unknown) => void;
}

/**
 * The service behind `<label>.<preview domain>`, or the page that says why there is none. What is served does not
 * depend on the status: a preview that is being updated keeps its routes.
 */
export async function destinationOf(
  label: string,
  namespace: string,
  sources: Sources,
  signal: AbortSignal,
): Promise<Destination> {
  const preview = sources.directory.preview(namespace);
  if (!preview || preview.terminating || preview.routes.length === 0) {
    const status = await statusOf(namespace, sources);
    if (status === 'unreadable') return pageFor(unknownPage);
    return pageFor(status ? statusPage(status) : noSuchPreviewPage);
  }
  const route = preview.routes.find(({ host }) => host === label);
  if (!route) return pageFor(noSuchRoutePage(readable(await statusOf(namespace, sources))));
  const description = `service "${route.service}" on port ${route.port}`;
  const address = await sources.directory.address(namespace, route.service, route.port, signal);
  if (!address) {
    const problem = `The preview's chart has no ${description}, which the route "${route.name}" names.`;
    return pageFor(unreachablePage(readable(await statusOf(namespace, sources)), problem));
  }
  const publicProtocol = route.url.startsWith('https:') ? 'https' : 'http';
  return { kind: 'upstream', upstream: { ...address, publicProtocol, namespace, description } };
}

/** The page for an upstream that was found and does not answer; `problem` completes "The … ". */
export async function failurePage(upstream: Upstream, problem: string, sources: Sources): Promise<Page> {
  const status = readable(await statusOf(upstream.namespace, sources));
  return unreachablePage(status, `The preview's ${upstream.description} ${problem}.`);
}

/** Statuses may be forgotten or out of reach; neither may keep a request from being answered. */
async function statusOf(namespace: string, sources: Sources): Promise<Status | undefined | 'unreadable'> {
  try {
    return await sources.statuses.status(namespace);
  } catch (error) {
    sources.onError(error);
    return 'unreadable';
  }
}

function readable(status: Status | undefined | 'unreadable'): Status | undefined {
  return status === 'unreadable' ? undefined : status;
}

function pageFor(page: Page): Destination {
  return { kind: 'page', page };
}
