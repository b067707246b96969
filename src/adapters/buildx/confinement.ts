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

/**
 * Writes all of it into the directory of one run.
 * @param ownRegistry below which our images lie, host and path.
 */
export async function confine(
  runDirectory: string,
  dockerfilePath: string,
  ownRegistry: string,
  credentials: PushCredentials,
): Promise<Confinement> {
  const confinement = {
    configDirectory: path.join(runDirectory, 'docker'),
    policyPath: path.join(runDirectory, 'policy.json'),
    // buildx sends BuildKit whatever it asks for of the Dockerfile's folder, and newer ones run the policy that lies beside it.
    dockerfilePath: path.join(runDirectory, 'dockerfile', 'Dockerfile'),
  };
  await mkdir(confinement.configDirectory);
  await mkdir(path.dirname(confinement.dockerfilePath));
  const config = JSON.stringify(dockerConfig(ownRegistry, credentials));
  await writeFile(path.join(confinement.configDirectory, 'config.json'), config, { mode: 0o600 });
  await writeFile(confinement.policyPath, JSON.stringify(sourcePolicy(ownRegistry, credentials)));
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
 * What a stranger's build cannot have. Our registry's images are other teams' too. BuildKit holds every image against it that it resolves, whatever instruction, argument or
 * `ONBUILD` of a base image has named it; a password opens the whole registry, so that none of it may be named then.
 * Source: github.com/moby/buildkit/blob/master/sourcepolicy/pb/policy.proto
 */
export function sourcePolicy(registry: string, { kind }: Pick<PushCredentials, 'kind'>): object {
  const { host, path: below } = imageName(`${registry}/x`);
  const folder = kind === 'password' ? '' : below.slice(0, -1);
  const deny = (selector: object) => ({ action: 'DENY', selector });
  return {
    rules: [
      // The daemon itself fetches what `ADD` names, and follows redirects: to what only its own machine can reach, too.
      ...['http', 'https', 'git'].map((scheme) => deny({ identifier: `${scheme}://*` })),
      deny({ identifier: `docker-image://${host}/${folder}*` }),
      // The same whatever the case of the host's letters. Twice, for a BuildKit that does not know `match_type` ignores it.
      deny({ identifier: `^docker-image://(?i:${escaped(host)})/${escaped(folder)}`, match_type: 'REGEX' }),
    ],
  };
}

function escaped(text: string): string {
  return text.replace(/[^\w/-]/g, (character) => `\\${character}`);
}

function ignoreAbsence(error: unknown): void {
  if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
}
