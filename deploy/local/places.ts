import { homedir } from 'node:os';
import path from 'node:path';

/** Where the local stack keeps things: all of it outside the repository. */
export interface Places {
  /** Programs, keyed by version; kept by `down`. */
  readonly cache: string;
  /** Everything about the one running stack. */
  readonly state: string;
  /** One file per daemon and per noisy command. */
  readonly logs: string;
  /** Sockets and files that live as long as the daemons do; emptied by `up` and `down`. */
  readonly run: string;
  /** Data of daemons whose content is worthless after a restart; emptied by `up` and `down`. */
  readonly scratch: string;
  /** Certificates and tokens; kept, so that a kubeconfig outlives a restart. */
  readonly pki: string;
  /** The registry's content; kept. */
  readonly registry: string;
  /** Redis' append-only file; kept. */
  readonly redis: string;
  /** The description of the running stack, for other programs. */
  readonly description: string;
}

/** The places below `${XDG_CACHE_HOME:-~/.cache}/berth`. */
export function placesIn(env: NodeJS.ProcessEnv): Places {
  const cache = path.join(env['XDG_CACHE_HOME'] || path.join(homedir(), '.cache'), 'berth');
  const state = path.join(cache, 'local');
  return {
    cache,
    state,
    logs: path.join(state, 'logs'),
    run: path.join(state, 'run'),
    scratch: path.join(state, 'scratch'),
    pki: path.join(state, 'pki'),
    registry: path.join(state, 'registry'),
    redis: path.join(state, 'redis'),
    description: path.join(state, 'stack.json'),
  };
}
