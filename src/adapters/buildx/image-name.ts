import { parseImageReference } from '../../domain/image-reference.ts';

/** Where an image is found. */
export interface ImageName {
  /** As in references, e.g. `ghcr.io`, `localhost:5000`; `docker.io` for Docker Hub. */
  readonly host: string;
  readonly path: string;
  /** Tag or digest. */
  readonly version: string;
}

/** Splits as Docker does: a first part without dot, colon or `localhost` belongs to Docker Hub's path. @throws for what is none. */
export function imageName(ref: string): ImageName {
  const parsed = parseImageReference(ref);
  if (!parsed) throw new Error(`not an image reference: ${JSON.stringify(ref)}`);
  const version = parsed.digest ?? parsed.tag ?? 'latest';
  const [first = '', ...rest] = parsed.repository.split('/');
  if (rest.length > 0 && /[.:]|^localhost$/.test(first)) {
    const host = first === 'index.docker.io' ? 'docker.io' : first;
    return { host, path: hubPath(host, rest.join('/')), version };
  }
  return { host: 'docker.io', path: hubPath('docker.io', parsed.repository), version };
}

function hubPath(host: string, path: string): string {
  return host === 'docker.io' && !path.includes('/') ? `library/${path}` : path;
}
