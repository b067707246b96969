/** Where BuildKit listens. */
import { createHash } from 'node:crypto';

/**
 * - `docker`: the BuildKit inside a Docker daemon. `url` is what `DOCKER_HOST` would be.
 * - `buildkit`: a BuildKit daemon of its own.
 */
export interface Endpoint {
  readonly kind: 'docker' | 'buildkit';
  /** `unix:///absolute/path` or `tcp://host:port`. */
  readonly url: string;
  /** Directory with `ca.pem`, `cert.pem` and `key.pem` for mutual TLS; `undefined` for none. */
  readonly tls: string | undefined;
}

/**
 * Reads `docker:<url>`, `tcp://host:port` or `unix:///path`; `?tls=/directory` at the end asks for mutual TLS.
 * @throws for anything else.
 */
export function parseEndpoint(text: string): Endpoint {
  const match = /^(docker:)?((?:unix:\/\/\/[^?]+)|(?:tcp:\/\/[^/?]+:\d{1,5}))(?:\?tls=(\/[^?&]+))?$/.exec(text);
  if (!match?.[2]) {
    throw new Error(
      `"${text}" is no BuildKit: use docker:unix:///path, docker:tcp://host:port, unix:///path or tcp://host:port`,
    );
  }
  return { kind: match[1] ? 'docker' : 'buildkit', url: match[2], tls: match[3] };
}

/**
 * The endpoints in the order in which to try them for an image: the same image starts at the same endpoint, where its
 * layers are cached, and an endpoint that comes or goes moves only its own share (rendezvous hashing).
 */
export function rankEndpoints(endpoints: readonly Endpoint[], imageRepository: string): readonly Endpoint[] {
  const score = ({ url }: Endpoint) => createHash('sha256').update(`${url}\n${imageRepository}`).digest('hex');
  return endpoints
    .map((endpoint) => ({ endpoint, score: score(endpoint) }))
    .toSorted((a, b) => (a.score < b.score ? -1 : 1))
    .map(({ endpoint }) => endpoint);
}
