import type { Snapshot } from '../../src/ports.ts';
import type { Ports } from '../../src/reconcile/ports.ts';

/** One call of the program to the outside. */
export interface Call {
  /** For example `cluster.observe`. */
  readonly name: string;
  readonly args: readonly unknown[];
}

/** Decides what becomes of a call; `effect` carries it out. */
export type Around = (call: Call, effect: () => Promise<unknown>) => Promise<unknown>;

type Method = (...args: readonly unknown[]) => unknown;

/** The ports with `around` in the way of each call, wherever the program waits for the outside. */
export function interposed(ports: Ports, around: Around): Ports {
  const over = <Port extends object>(name: string, port: Port): Port =>
    new Proxy(port, {
      get(target, property) {
        const member: unknown = Reflect.get(target, property);
        if (typeof member !== 'function' || typeof property !== 'string') return member;
        const called = `${name}.${property}`;
        const method = member as Method;
        return property === 'watchWorkloads'
          ? (...args: readonly unknown[]) => watched({ name: called, args }, method(...args) as AsyncIterable<unknown>)
          : async (...args: readonly unknown[]) => {
              const answer = await around({ name: called, args }, async () => method(...args));
              return called === 'source.at' ? over('snapshot', answer as Snapshot) : answer;
            };
      },
    });

  async function* watched(call: Call, states: AsyncIterable<unknown>): AsyncGenerator {
    const iterator = states[Symbol.asyncIterator]();
    try {
      for (;;) {
        const next = (await around(call, () => iterator.next())) as IteratorResult<unknown>;
        if (next.done) return;
        yield next.value;
      }
    } finally {
      // One that is still waiting ends with its signal.
      void iterator.return?.();
    }
  }

  return {
    forge: over('forge', ports.forge),
    source: over('source', ports.source),
    builder: over('builder', ports.builder),
    cluster: over('cluster', ports.cluster),
    secrets: over('secrets', ports.secrets),
    releaser: over('releaser', ports.releaser),
    queue: over('queue', ports.queue),
    store: over('store', ports.store),
    clock: ports.clock,
    telemetry: ports.telemetry,
    redaction: ports.redaction,
    log: ports.log,
  };
}
