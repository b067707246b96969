import { createAppAuth } from '@octokit/auth-app';
import { Octokit } from '@octokit/core';
import type { Simulator } from './simulator.ts';

const silent = () => undefined;
/** What octokit says of its own accord belongs in no test's output. */
const log = { debug: silent, info: silent, warn: silent, error: silent };

/** An octokit that speaks as the app. */
export function appClient(simulator: Simulator): Octokit {
  const { id, privateKey } = simulator.app;
  return new Octokit({
    baseUrl: simulator.apiUrl,
    log,
    authStrategy: createAppAuth,
    auth: { appId: id, privateKey },
  });
}

/** An octokit that speaks as the installation on an account, with a token it fetches when it needs one. */
export function installationClient(simulator: Simulator, owner: string): Octokit {
  const { id, privateKey } = simulator.app;
  const installationId = simulator.install(owner);
  return new Octokit({
    baseUrl: simulator.apiUrl,
    log,
    authStrategy: createAppAuth,
    auth: { appId: id, privateKey, installationId },
  });
}

/** An octokit with a token and nothing else. */
export function tokenClient(simulator: Simulator, token: string): Octokit {
  return new Octokit({ baseUrl: simulator.apiUrl, auth: token, log });
}

export interface Refused {
  readonly status: number;
  readonly message: string;
  readonly response?: { readonly headers: Readonly<Record<string, string>> };
}

/** The error that a request ends with; throws when it succeeds. */
export async function refusal(request: Promise<unknown>): Promise<Refused> {
  const outcome = await request.then(
    () => undefined,
    (error: unknown) => error as Refused,
  );
  if (!outcome) throw new Error('the request was meant to be refused and succeeded');
  return outcome;
}
