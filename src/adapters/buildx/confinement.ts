/**
 * What keeps a build of a stranger's code in its box: buildx gets a Docker configuration that holds nothing but what the push takes,
 * BuildKit a policy that denies it our own images, and neither sees more of the repository's files beside the Dockerfile than needed.
 */
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { dockerHub } from './docker-config.ts';
import { imageName } from './image-name.ts';
import type { PushCredentials } from './registry-connection.ts';

export interface Confinement {
  readonly configDirectory: string;
  readonly policyPath: string;
  readonly dockerfilePath: string;
}

export interface Limits {
  /** Below which our images lie, host and path. */
  readonly ownRegistry: string;
  /** Hosts whose images a stranger's build may use, if anybody may pull them; that of `ownRegistry` is one of them. */
  readonly registries: readonly string[];
}

/** What a run is given in place of our Docker configuration. */
export interface Given {
  readonly credentials: PushCredentials;
  /** What it will take to push the result, by this run or a later one: what that denies is denied at once. */
  readonly pushTakes: PushCredentials['kind'];
}

/** Writes all of it into the directory of one run. */
export async function confine(
  runDirectory: string,
  dockerfilePath: string,
  limits: Limits,
  { credentials, pushTakes }: Given,
): Promise<Confinement> {
  const confinement = {
    configDirectory: path.join(runDirectory, 'docker'),
    policyPath: path.join(runDirectory, 'policy.json'),
    // buildx sends BuildKit whatever it asks for of the Dockerfile's folder, and newer ones run the policy that lies beside it.
    dockerfilePath: path.join(runDirectory, 'dockerfile', 'Dockerfile'),
  };
  await mkdir(confinement.configDirectory);
  await mkdir(path.dirname(confinement.dockerfilePath));
  const config = JSON.stringify(dockerConfig(limits.ownRegistry, credentials));
  await writeFile(path.join(confinement.configDirectory, 'config.json'), config, { mode: 0o600 });
  await writeFile(confinement.policyPath, JSON.stringify(sourcePolicy(limits, pushTakes)));
  await copyFile(dockerfilePath, confinement.dockerfilePath);
  await copyFile(`${dockerfilePath}.dockerignore`, `${confinement.dockerfilePath}.dockerignore`).catch(ignoreAbsence);
  return confinement;
}

/** Source: docs.docker.com/reference/cli/docker/#configuration-files */
function dockerConfig(registry: string, credentials: PushCredentials): object {
  const { host } = imageName(`${registry}/x`);
  const server = host === 'docker.io' ? dockerHub : host;
  switch (credentials.kind) {
    case 'none':
      return {};
    case 'token':
      return { auths: { [server]: { registrytoken: credentials.token } } };
    case 'password': {
      const auth = Buffer.from(`${credentials.user}:${credentials.password}`).toString('base64');
      return { auths: { [server]: { auth } } };
    }
  }
}

/**
 * What a stranger's build may name, whatever instruction or argument names it; of the rules that match, the last counts. Nothing that
 * the daemon would fetch by itself, following redirects to what only its own machine can reach. No image of an unknown registry: where
 * to ask for a token is the registry's to say, and it is buildx that asks, from our own network. None that we have built: they are
 * other teams' too. What the push takes is used for each pull from its
 * registry, too: a password would open all of it and a token nothing, so that none of it may be named then.
 * Source: github.com/moby/buildkit/blob/master/sourcepolicy/engine.go
 */
export function sourcePolicy({ ownRegistry, registries }: Limits, pushTakes: PushCredentials['kind']): object {
  const { host, path: below } = imageName(`${ownRegistry}/x`);
  const own = `docker-image://${host}/`;
  const deny = (identifier: string) => ({ action: 'DENY', selector: { identifier } });
  const allow = (identifier: string) => ({ action: 'ALLOW', selector: { identifier } });
  return {
    rules: [
      ...['http', 'https', 'git', 'docker-image'].map((scheme) => deny(`${scheme}://*`)),
      ...registries.map((registry) => allow(`docker-image://${registry}/*`)),
      ...(pushTakes === 'none' ? [allow(`${own}*`), deny(`${own}${below.slice(0, -1)}*`)] : [deny(`${own}*`)]),
    ],
  };
}

function ignoreAbsence(error: unknown): void {
  if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
}
