/** Processes of the program that can be killed, stopped and outlived. */
import type { QueueHandlers, QueueWorkers } from '../../src/ports.ts';
import { build } from '../../src/reconcile/build.ts';
import type { Ports, ReconcileSettings } from '../../src/reconcile/ports.ts';
import { reconcilerFor } from '../../src/reconcile/reconciler.ts';
import type { FakeQueue } from '../fakes/queue.ts';
import { type Around, type Call, interposed } from './interposed.ts';
import type { Witness } from './witness.ts';

export interface Worker {
  /** SIGTERM. */
  stop(): Promise<void>;
  /** SIGKILL: nothing that it does from now on has an effect, and what it does is given to others. */
  kill(): void;
  /** SIGSTOP: whatever it waits for, it goes on only when it is continued. */
  suspend(): void;
  /** SIGCONT. */
  resume(): void;
}

export interface Workers {
  /** A worker whose calls go through `around`. */
  start(around: Around): Promise<Worker>;
  /** How many passes and builds were begun so far. */
  readonly begun: number;
  /** How many of them have ended; those of suspended and outlived workers go on. */
  readonly ended: number;
}

/** The witness is told of every call right before it takes effect. */
export function workersOf(
  queue: FakeQueue,
  ports: Ports,
  settings: ReconcileSettings,
  witness: Pick<Witness, 'pass' | 'build'>,
): Workers {
  let begun = 0;
  let ended = 0;
  const counted = async (work: Promise<void>): Promise<void> => {
    begun += 1;
    try {
      await work;
    } finally {
      ended += 1;
    }
  };
  return {
    get begun() {
      return begun;
    },
    get ended() {
      return ended;
    },
    async start(around) {
      const { promise: death, reject: die } = Promise.withResolvers<never>();
      death.catch(() => undefined);
      let isAlive = true;
      let suspended: PromiseWithResolvers<void> | undefined;
      const awake = async (): Promise<void> => {
        await suspended?.promise;
        if (suspended) await awake();
      };
      const mortal: Around = async (call, effect) => {
        // What a dead process has not sent yet is never sent, what a suspended one has not sent yet is sent later.
        const whenAwake = async () => {
          if (suspended) await awake();
          return isAlive ? effect() : death;
        };
        const answered = async () => {
          try {
            return await around(call, whenAwake);
          } finally {
            if (suspended) await awake();
          }
        };
        return isAlive ? Promise.race([answered(), death]) : death;
      };
      const handlers: QueueHandlers = {
        reconcile(key, run) {
          const watched = watchedBy(witness.pass(key), mortal);
          return counted(reconcilerFor(interposed(ports, watched), settings)(key, run));
        },
        build(job, signal) {
          const watched = watchedBy(witness.build(job), mortal);
          return counted(build(interposed(ports, watched), job, signal));
        },
      };
      const inQueue: QueueWorkers = await queue.work(handlers);
      return {
        stop: () => inQueue.close(),
        kill() {
          isAlive = false;
          die(new Error('killed'));
          suspended?.resolve();
          suspended = undefined;
          void inQueue.close();
        },
        suspend() {
          suspended ??= Promise.withResolvers();
        },
        resume() {
          suspended?.resolve();
          suspended = undefined;
        },
      };
    },
  };
}

function watchedBy(tell: (call: Call) => void, around: Around): Around {
  return (call, effect) =>
    around(call, () => {
      tell(call);
      return effect();
    });
}
