import { readFile } from 'node:fs/promises';
import { get } from 'node:https';
import type { IncomingMessage } from 'node:http';
import type { Pki, User } from './pki.ts';

interface Kubeconfig {
  readonly clusters: readonly [
    { readonly cluster: { readonly server: string; readonly 'certificate-authority-data': string } },
  ];
  readonly users: readonly [{ readonly user: { readonly token: string } }];
}

/** What a request to the API server needs. */
export interface ApiAccess {
  readonly server: string;
  readonly ca: Buffer;
  readonly token: string;
}

/** Reads one of the JSON kubeconfigs that `ensurePki` wrote. */
export async function apiAccess(kubeconfig: string): Promise<ApiAccess> {
  const { clusters, users } = JSON.parse(await readFile(kubeconfig, 'utf8')) as Kubeconfig;
  const { server, 'certificate-authority-data': ca } = clusters[0].cluster;
  return { server, ca: Buffer.from(ca, 'base64'), token: users[0].user.token };
}

/** Sends a GET and gives the answer once its head is there; the body is still to be read. */
export function apiGet(access: ApiAccess, resource: string, signal?: AbortSignal): Promise<IncomingMessage> {
  const { server, ca, token } = access;
  return new Promise((resolve, reject) => {
    const options = { ca, headers: { authorization: `Bearer ${token}` }, ...(signal ? { signal } : {}) };
    get(`${server}${resource}`, options, resolve).once('error', reject);
  });
}

/** Reads an answer to its end as JSON; throws when it is not a success. */
export async function jsonOf<T>(answer: IncomingMessage): Promise<T> {
  answer.setEncoding('utf8');
  let body = '';
  for await (const chunk of answer) body += String(chunk);
  if (answer.statusCode !== 200) throw new Error(`the API server answered ${answer.statusCode}: ${body.slice(0, 300)}`);
  return JSON.parse(body) as T;
}

/** Whether the API server says 200 to that resource. */
export async function apiAnswers(pki: Pki, resource: string, user: User = 'admin'): Promise<boolean> {
  const access = await apiAccess(pki.kubeconfig(user));
  const answer = await apiGet(access, resource, AbortSignal.timeout(3000));
  answer.resume();
  return answer.statusCode === 200;
}
