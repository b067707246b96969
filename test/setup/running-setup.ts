/** A set-up that runs in this process, and what its terminal shows. */
import { pino } from 'pino';
import type { Credentials, Destination, Occupant } from '../../src/setup/destination.ts';
import { gitHubHost } from '../../src/setup/github-host.ts';
import { runSetup, type SetupOptions } from '../../src/setup/setup.ts';

export interface RunningSetup extends AsyncDisposable {
  /** The address that the terminal asks to open; rejects when the set-up ends before. */
  readonly address: Promise<string>;
  readonly exitCode: Promise<number>;
  /** Everything that was written to the terminal so far. */
  terminal(): string;
  interrupt(): void;
}

export function startSetup(
  githubUrl: string,
  options: Partial<SetupOptions> & Pick<SetupOptions, 'destination'>,
): RunningSetup {
  const host = gitHubHost(githubUrl);
  if (host === undefined) throw new Error(`no GitHub at ${githubUrl}`);
  const stopping = new AbortController();
  const opened = Promise.withResolvers<string>();
  let terminal = '';
  const exitCode = runSetup(
    {
      host,
      answers: { name: 'berth', webhookUrl: '', organisation: '', isPublic: false },
      namespace: 'berth',
      listen: { host: '127.0.0.1', port: 0 },
      force: false,
      sshConnection: undefined,
      write(text) {
        terminal += `${text}\n`;
        const [address] = /http:\/\/127\.0\.0\.1:\d+\/\S+/.exec(text) ?? [];
        if (address !== undefined) opened.resolve(address);
      },
      log: pino({ level: 'error' }),
      ...options,
    },
    stopping.signal,
  );
  void exitCode.then((code) => opened.reject(new Error(`the set-up ended with ${code}:\n${terminal}`)));
  opened.promise.catch(() => undefined);
  return {
    address: opened.promise,
    exitCode,
    terminal: () => terminal,
    interrupt: () => stopping.abort(new Error('SIGINT')),
    async [Symbol.asyncDispose]() {
      stopping.abort(new Error('the test ended'));
      await exitCode;
    },
  };
}

export interface MemoryDestination extends Destination {
  readonly kept: Credentials[];
  /** Makes each write fail until it is `undefined` again. */
  failure: string | undefined;
  occupant: Occupant;
}

export function memoryDestination(): MemoryDestination {
  const kept: Credentials[] = [];
  return {
    kept,
    failure: undefined,
    occupant: { state: 'absent' },
    label: 'the Secret berth-github in the namespace berth',
    async look() {
      return this.occupant;
    },
    tryOut: async () => undefined,
    async write(credentials) {
      if (this.failure !== undefined) throw new Error(this.failure);
      kept.push(credentials);
    },
    helmArguments: () => ['--set github.existingSecret=berth-github'],
    close: async () => undefined,
  };
}
