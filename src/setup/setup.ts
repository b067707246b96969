/** `berth setup`: shows the pages, waits for the person, keeps what GitHub gives. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { hostname } from 'node:os';
import type { Logger } from 'pino';
import { newAppOf } from '../adapters/github/new-app.ts';
import type { Destination } from './destination.ts';
import { type Standing, setupFlow } from './flow.ts';
import { type GitHubHost, isLoopback } from './github-host.ts';
import { nextSteps, nextStepsText } from './next-steps.ts';
import type { Answers } from './registration.ts';
import { sentenceOf } from './sentence.ts';
import { setupSite } from './site.ts';
import { forwardingAdvice } from './ssh.ts';

export interface SetupOptions {
  readonly host: GitHubHost;
  readonly answers: Answers;
  readonly destination: Destination;
  /** The namespace that Berth will be in. */
  readonly namespace: string;
  readonly listen: { readonly host: string; readonly port: number };
  /** Whether what an earlier set-up has written may be lost. */
  readonly force: boolean;
  /** `SSH_CONNECTION`, as the SSH server sets it. */
  readonly sshConnection: string | undefined;
  /** Writes to the terminal, a line or more at a time. Never sees a secret. */
  readonly write: (text: string) => void;
  readonly log: Pick<Logger, 'error' | 'debug'>;
}

/** @returns the code that the process exits with. */
export async function runSetup(options: SetupOptions, signal: AbortSignal): Promise<number> {
  const { destination, write } = options;
  try {
    const refusal = await obstacle(options, signal);
    if (refusal !== undefined) {
      write(refusal);
      return 1;
    }
    return await serve(options, signal);
  } catch (error) {
    if (signal.aborted) return 1;
    write(sentenceOf(error instanceof Error ? error.message : String(error)));
    return 1;
  } finally {
    await destination.close();
  }
}

/** What makes it pointless to begin: an App would be made whose credentials cannot be kept. */
async function obstacle(options: SetupOptions, signal: AbortSignal): Promise<string | undefined> {
  const { destination, force } = options;
  const found = await destination.look(signal);
  if (found.state === 'foreign') {
    return `There is ${destination.label} already, and \`berth setup\` has not made it: name another one, or remove it.`;
  }
  if (found.state === 'ours' && !force)
    return `${existing(options, found.app)}\nTo make another App and lose these credentials: --force.`;
  await destination.tryOut(signal);
  return undefined;
}

function existing(options: SetupOptions, appUrl: string | undefined): string {
  const { destination } = options;
  if (appUrl === undefined) return `There are credentials in ${destination.label} already.`;
  return `There is an App already: ${appUrl}\nIts credentials are in ${destination.label}.\n\n${nextStepsText(stepsOf(options, { name: appUrl, htmlUrl: appUrl }))}`;
}

function stepsOf(
  { host, destination, namespace }: SetupOptions,
  app: { readonly name: string; readonly htmlUrl: string },
) {
  const helmArguments = destination.helmArguments(host.apiUrl);
  return nextSteps({ appName: app.name, appUrl: app.htmlUrl, namespace, helmArguments });
}

async function serve(options: SetupOptions, signal: AbortSignal): Promise<number> {
  const { host, destination, write } = options;
  const state = randomBytes(24).toString('base64url');
  // Others on this machine can connect to the port, and must not send us their App in place of ours.
  const base = `/${randomBytes(12).toString('base64url')}`;
  const flow = setupFlow({ state, apiUrl: host.apiUrl, exchange: newAppOf, destination });
  const ended = new AbortController();
  const site = setupSite({
    context: { host, destination: destination.label, base },
    answers: options.answers,
    state,
    flow,
    nextSteps: (app) => stepsOf(options, app),
    onStanding(standing) {
      if (standing.at === 'kept') ended.abort();
      else write(`${sentence(standing)} The page in your browser says what to do.`);
    },
    log: options.log,
    signal,
  });
  try {
    const { host: address, port } = options.listen;
    await site.listen({ host: address, port }).catch((cause: NodeJS.ErrnoException) => {
      if (cause.code !== 'EADDRINUSE') throw cause;
      throw new Error(`port ${port} is taken: choose another one with --listen ${address}:PORT`, { cause });
    });
    write(invitation(options, base, (site.server.address() as AddressInfo).port));
    await Promise.race([once(ended.signal, 'abort'), once(signal, 'abort')]);
  } finally {
    await site.close();
  }
  if (!ended.signal.aborted) {
    write(farewell(options, flow.unkept));
    return 1;
  }
  const standing = await flow.keepAgain(signal);
  if (standing?.at !== 'kept') return 1;
  const { app } = standing;
  write(`The App ${app.name} exists: ${app.htmlUrl}\nIts credentials are in ${destination.label}.\n`);
  write(nextStepsText(stepsOf(options, app)));
  return 0;
}

function invitation({ listen, sshConnection }: SetupOptions, base: string, port: number): string {
  const isPrivate = isLoopback(listen.host) || listen.host === '::1';
  const everywhere = listen.host === '0.0.0.0' || listen.host === '::';
  const name = everywhere ? hostname() : listen.host.includes(':') ? `[${listen.host}]` : listen.host;
  const url = `http://${name}:${port}${base}/`;
  const ssh = isPrivate ? forwardingAdvice(sshConnection, port) : undefined;
  return [
    ...(ssh === undefined ? [] : [`You are here over SSH. On your own machine, forward the port first:\n\n  ${ssh}\n`]),
    `Open this address in a browser that is signed in to GitHub:\n\n  ${url}\n`,
    ...(isPrivate
      ? []
      : ['Others in the network can reach it, and nothing encrypts it: show the address to nobody.\n']),
    'Waiting for you there. Ctrl-C ends it.\n',
  ].join('\n');
}

function farewell(
  { destination }: SetupOptions,
  unkept: { readonly name: string; readonly htmlUrl: string } | undefined,
) {
  if (unkept === undefined) return `Ended: nothing was written to ${destination.label}.`;
  return `Ended. The App ${unkept.name} exists, and its key is lost with this set-up: delete the App in its settings, and begin again. ${unkept.htmlUrl}`;
}

function sentence(standing: Exclude<Standing, { readonly at: 'kept' }>): string {
  switch (standing.at) {
    case 'not ours':
      return 'Somebody came back from GitHub with the state of another form; that was refused.';
    case 'code refused':
      return `GitHub gave no credentials: ${standing.message}.`;
    case 'no answer':
      return sentenceOf(standing.message);
    case 'not kept':
      return sentenceOf(standing.message);
  }
}
