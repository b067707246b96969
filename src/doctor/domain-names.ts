/** Whether browsers find previews: a name below the preview domain resolves, and our gateway answers there. */
import { randomBytes } from 'node:crypto';
import { lookup } from 'node:dns/promises';
import { type Finding, note, ok, problem, type Report, reasonOf, warning } from './finding.ts';
import type { Check } from './run-checks.ts';

export interface DomainOptions {
  readonly domain: string;
  readonly scheme: 'http' | 'https';
  readonly port: number | undefined;
}

const timeoutMs = 5_000;

export function domainCheck({ domain, scheme, port }: DomainOptions): Check {
  return {
    name: 'previews',
    timeoutMs: 20_000,
    todo: `Look at the DNS of ${domain}.`,
    async run(report, signal) {
      // Nobody has asked for it before, so that no cache answers, and no record but a wildcard matches.
      const host = `doctor-${randomBytes(4).toString('hex')}.${domain}`;
      const addresses = await addressesOf(host);
      if (addresses.length === 0) return report(unresolved(domain));
      report(ok(`*.${domain} resolves to ${addresses.join(', ')}`));
      await askGateway(`${scheme}://${host}${port === undefined ? '' : `:${port}`}/`, report, signal);
    },
  };
}

async function addressesOf(host: string): Promise<readonly string[]> {
  try {
    const found = await lookup(host, { all: true });
    return [...new Set(found.map(({ address }) => address))];
  } catch (error) {
    if (error instanceof Error && 'code' in error && ['ENOTFOUND', 'ENODATA'].includes(String(error.code))) return [];
    throw error;
  }
}

function unresolved(domain: string): Finding {
  // Source: RFC 6761, 6.3
  if (domain === 'localhost' || domain.endsWith('.localhost')) {
    return note(`*.${domain} is this machine for browsers, and nothing for the programs on it`);
  }
  return problem(
    `*.${domain} does not resolve`,
    `Add a wildcard DNS record for *.${domain} that points to the gateway.`,
  );
}

async function askGateway(url: string, report: Report, signal: AbortSignal): Promise<void> {
  try {
    const headers = { accept: 'application/json' };
    const bounded = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
    const response = await fetch(url, { headers, redirect: 'manual', signal: bounded });
    const answer: unknown = await response.json().catch(() => undefined);
    // What the gateway says of a preview that it does not have.
    const isOurs =
      typeof answer === 'object' && answer !== null && 'state' in answer && answer.state === 'NoSuchPreview';
    if (isOurs) return report(ok(`Berth's gateway answers at ${url}`));
    report(
      warning(
        `something else than Berth's gateway answers at ${url} (${response.status})`,
        'Point the record, or the load balancer behind it, to BERTH_GATEWAY_LISTEN.',
      ),
    );
  } catch (error) {
    signal.throwIfAborted();
    report(note(`nothing answers at ${url} now (${reasonOf(error)}), which is right until Berth runs`));
  }
}
