import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { run } from '../../process.ts';

/** What a registry accepts as proof of who we are. */
export type Credentials =
  | { readonly kind: 'password'; readonly user: string; readonly password: string }
  | { readonly kind: 'identity token'; readonly token: string };

// Source: docs.docker.com/reference/cli/docker/#configuration-files
const config = z.object({
  auths: z
    .record(
      z.string(),
      z.object({
        auth: z.string().optional(),
        username: z.string().optional(),
        password: z.string().optional(),
        identitytoken: z.string().optional(),
      }),
    )
    .default({}),
  credHelpers: z.record(z.string(), z.string()).default({}),
  credsStore: z.string().optional(),
});

const helperAnswer = z.object({ Username: z.string(), Secret: z.string() });

/** What Docker Hub is called in Docker's configuration. */
export const dockerHub = 'https://index.docker.io/v1/';

/**
 * The credentials that `config.json` in a Docker configuration directory holds for a registry, read afresh; the same
 * that buildx uses. `undefined` when there are none.
 * @param host as in image references, e.g. `ghcr.io`; `docker.io` for Docker Hub.
 */
export async function credentialsFor(
  directory: string | undefined,
  host: string,
  signal: AbortSignal,
): Promise<Credentials | undefined> {
  if (directory === undefined) return undefined;
  const { auths, credHelpers, credsStore } = await read(path.join(directory, 'config.json'));
  const key = host === 'docker.io' ? dockerHub : host;
  const helper = credHelpers[host] ?? credHelpers[key];
  if (helper) return askHelper(helper, key, signal);
  const entry = Object.entries(auths).find(([name]) => name === key || hostOf(name) === host)?.[1];
  if (entry?.identitytoken) return { kind: 'identity token', token: entry.identitytoken };
  if (entry?.username && entry.password) return { kind: 'password', user: entry.username, password: entry.password };
  if (entry?.auth) {
    const [user = '', password = ''] = Buffer.from(entry.auth, 'base64').toString('utf8').split(/:(.*)/s);
    return { kind: 'password', user, password };
  }
  return credsStore ? askHelper(credsStore, key, signal) : undefined;
}

async function read(file: string): Promise<z.output<typeof config>> {
  try {
    return config.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return config.parse({});
    // Without the cause: the parser's message may quote the file.
    // oxlint-disable-next-line preserve-caught-error
    throw new Error(`reading ${file}: it is not a Docker configuration file`);
  }
}

/** Source: github.com/docker/docker-credential-helpers#development */
async function askHelper(name: string, key: string, signal: AbortSignal): Promise<Credentials | undefined> {
  const { code, stdout } = await run(`docker-credential-${name}`, ['get'], {
    signal,
    env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' },
    input: key,
    timeoutMs: 10_000,
    // Says that there are none.
    accept: [1],
  });
  if (code !== 0) return undefined;
  const answer = helperAnswer.parse(JSON.parse(stdout));
  return answer.Username === '<token>'
    ? { kind: 'identity token', token: answer.Secret }
    : { kind: 'password', user: answer.Username, password: answer.Secret };
}

function hostOf(name: string): string {
  return name.replace(/^https?:\/\//, '').replace(/\/.*$/, '');
}
