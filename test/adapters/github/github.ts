/** The adapter in front of a GitHub of our own. */
import { githubForge, type GithubForgeOptions } from '../../../src/adapters/github/forge.ts';
import type { Clock, Forge, Store } from '../../../src/ports.ts';
import { fakeStore } from '../../fakes/store.ts';
import { type Simulator, type SimulatorOptions, startSimulator } from '../../simulator/simulator.ts';

export interface Github extends AsyncDisposable {
  readonly simulator: Simulator;
  readonly cache: Pick<Store, 'get' | 'set' | 'forget'>;
  /** A cache whose time the test owns. */
  cacheWith(clock: Clock): Github['cache'];
  /** What was logged, by message. */
  readonly logged: readonly string[];
  /** A new adapter: what one remembers by itself, the next does not. */
  forge(options?: Partial<GithubForgeOptions>): Forge;
  /** How many requests other than GET, tokens aside. */
  writes(): number;
  /** Requests since the last call, as `METHOD operation`. */
  requests(): readonly string[];
}

export const systemClock: Clock = { now: () => Date.now() };

export async function startGithub(options: SimulatorOptions = {}): Promise<Github> {
  const simulator = await startSimulator(options);
  const cache = fakeStore(systemClock);
  const logged: string[] = [];
  const log = (_fields: unknown, message?: string) => void logged.push(message ?? '');
  let seen = 0;
  return {
    simulator,
    cache,
    logged,
    cacheWith: fakeStore,
    forge: (changed = {}) =>
      githubForge({
        apiUrl: simulator.apiUrl,
        appId: simulator.app.id,
        privateKey: simulator.app.privateKey,
        cache,
        clock: systemClock,
        log: { debug: log, info: log, warn: log },
        environment: 'preview',
        writes: { burst: 1_000, perSecond: 1_000 },
        ...changed,
      }),
    writes: () =>
      simulator.requests.filter(({ method, path }) => method !== 'GET' && !path.endsWith('/access_tokens')).length,
    requests() {
      const fresh = simulator.requests.slice(seen).map(({ method, operation }) => `${method} ${operation}`);
      seen = simulator.requests.length;
      return fresh;
    },
    [Symbol.asyncDispose]: () => simulator.close(),
  };
}
