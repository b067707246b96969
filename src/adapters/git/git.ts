import { type RunOptions, type RunResult, run } from '../../process.ts';

/** How git is called here: bounded, silent, and deaf to everything that this machine or a repository could tell it. */
export interface Git {
  (args: readonly string[], options: GitCall): Promise<RunResult>;
}

export interface GitCall extends Pick<RunOptions, 'accept' | 'input' | 'onOutput' | 'cwd'> {
  readonly signal: AbortSignal;
  /** Default: one minute. */
  readonly timeoutMs?: number;
  /** Settings for this call alone, by name; kept out of the arguments, which every process on the machine can read. */
  readonly settings?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
  readonly bounds?: GitBounds;
}

/** What git and everything that it starts may use; the kernel ends what wants more. */
export interface GitBounds {
  /** Of any one file, such as a pack. */
  readonly fileBytes: number;
  /** Of each process: a few bytes of differences can stand for a file of any size, which git makes in memory. */
  readonly memoryBytes: number;
}

/** Counts what a process has allocated, not what it has mapped; blocks of 512 bytes, and KiB. Git takes the shell's place. */
const bounded = 'ulimit -f "$1" && ulimit -d "$2" && shift 2 && exec "$@"';

const settings: Readonly<Record<string, string>> = {
  'core.hooksPath': '/dev/null',
  // A mirror is a cache, made anew when it is damaged: waiting for the disk buys nothing.
  'core.fsync': 'none',
  'core.symlinks': 'true',
  'gc.auto': '0',
  'maintenance.auto': 'false',
  'fetch.recurseSubmodules': 'false',
  'submodule.recurse': 'false',
  // A redirect would carry the token to whatever host it names.
  'http.followRedirects': 'false',
  // A connection that has gone silent is given up after half a minute.
  'http.lowSpeedLimit': '1000',
  'http.lowSpeedTime': '30',
};

const defaultTimeoutMs = 60_000;

/**
 * Makes the one way in which this adapter calls git. `env` is added to its environment: proxies, certificates.
 * @param protocols what git may speak, e.g. `https`; everything else is refused, whoever asks for it.
 */
export function gitIn(gitPath: string, protocols: readonly string[], env: Readonly<Record<string, string>>): Git {
  const environment = {
    PATH: '/usr/local/bin:/usr/bin:/bin',
    LC_ALL: 'C',
    ...env,
    HOME: '/nonexistent',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_ATTR_NOSYSTEM: '1',
    GIT_NO_REPLACE_OBJECTS: '1',
    GIT_LITERAL_PATHSPECS: '1',
    GIT_OPTIONAL_LOCKS: '0',
    GIT_TERMINAL_PROMPT: '0',
    // Same as `protocol.allow=never` with exceptions, but nothing can override it.
    GIT_ALLOW_PROTOCOL: protocols.join(':'),
  };
  return (args, { signal, timeoutMs = defaultTimeoutMs, settings: own, env: more, bounds, ...rest }) => {
    const [program, ...words] = bounds === undefined ? [gitPath] : ['/bin/sh', ...limits(bounds), gitPath];
    return run(program ?? gitPath, [...words, ...args], {
      ...rest,
      signal,
      timeoutMs,
      env: { ...environment, ...settingsInEnvironment({ ...settings, ...own }), ...more },
    });
  };
}

function limits({ fileBytes, memoryBytes }: GitBounds): readonly string[] {
  return ['-c', bounded, 'sh', String(Math.ceil(fileBytes / 512)), String(Math.ceil(memoryBytes / 1024))];
}

/** Source: git-scm.com/docs/git-config#Documentation/git-config.txt-GITCONFIGCOUNT */
function settingsInEnvironment(all: Readonly<Record<string, string>>): Record<string, string> {
  const entries = Object.entries(all);
  const env: Record<string, string> = { GIT_CONFIG_COUNT: String(entries.length) };
  for (const [index, [key, value]] of entries.entries()) {
    env[`GIT_CONFIG_KEY_${index}`] = key;
    env[`GIT_CONFIG_VALUE_${index}`] = value;
  }
  return env;
}
