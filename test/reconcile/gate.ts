import type { Fakes } from './world.ts';

/** Holds up whatever passes it, until it is opened for good. */
export interface Gate {
  /** How many wait at it. */
  readonly waiting: number;
  /** @throws the signal's reason when it is aborted meanwhile. */
  pass(signal: AbortSignal): Promise<void>;
  open(): void;
}

export function closedGate(): Gate {
  const { promise: opened, resolve: open } = Promise.withResolvers<void>();
  let waiting = 0;
  return {
    get waiting() {
      return waiting;
    },
    async pass(signal) {
      const { promise: aborted, reject } = Promise.withResolvers<never>();
      const onAbort = () => reject(signal.reason);
      signal.addEventListener('abort', onAbort, { once: true });
      waiting += 1;
      await Promise.race([opened, aborted]).finally(() => {
        waiting -= 1;
        signal.removeEventListener('abort', onAbort);
      });
    },
    open,
  };
}

/** Builds that do not begin before the gate is opened. */
export function buildsBehind(gate: Gate): (fakes: Fakes) => Pick<Fakes, 'builder'> {
  return ({ builder }) => ({
    builder: {
      ...builder,
      async build(request, onLog, signal) {
        await gate.pass(signal);
        return builder.build(request, onLog, signal);
      },
    },
  });
}
