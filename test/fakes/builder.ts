import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { instanceLabel } from '../../src/adapters/buildx/stored-images.ts';
import { isContentKey } from '../../src/domain/content-key.ts';
import { DiagnosedError } from '../../src/domain/errors.ts';
import { parseImageReference } from '../../src/domain/image-reference.ts';
import type { Builder, BuildRequest } from '../../src/ports.ts';

interface FakeImage {
  readonly digest: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly env: readonly string[];
}

export interface FakeBuilder extends Builder {
  /** The registry: what was built, and what a test puts there. */
  readonly images: Map<string, FakeImage>;
  /** Everything that was asked for, in order. */
  readonly builds: readonly BuildRequest[];
}

/**
 * `Builder` in memory. It understands as much of a Dockerfile as tests need: `FROM`, `ARG`, `ENV`, `COPY`, and of `RUN`
 * the commands `echo`, `seq`, `sleep`, `true` and `exit`, joined by `&&`.
 */
export function fakeBuilder(instance: string = 'berth', images: Map<string, FakeImage> = new Map()): FakeBuilder {
  const builds: BuildRequest[] = [];
  return {
    images,
    builds,
    async digestOf(ref, signal) {
      signal.throwIfAborted();
      return images.get(ref)?.digest;
    },
    async build(request, onLog, signal) {
      signal.throwIfAborted();
      builds.push(request);
      const labels = { ...request.labels, [instanceLabel]: instance };
      const image = await new FakeBuild({ ...request, labels }, images, onLog, signal).run();
      images.set(request.ref, image);
      return { digest: image.digest };
    },
    async *storedImages(registry, signal) {
      signal.throwIfAborted();
      const imageOf = (ref: string, digest: string) => `${repositoryOf(ref)}@${digest}`;
      const others = new Set(
        [...images].filter(([ref]) => !hasContentKey(ref)).map(([ref, { digest }]) => imageOf(ref, digest)),
      );
      for (const [ref, { digest, labels }] of images) {
        const isOurs = ref.startsWith(`${registry}/`) && hasContentKey(ref) && labels[instanceLabel] === instance;
        if (isOurs && !others.has(imageOf(ref, digest))) yield { ref, digest };
      }
    },
    async removeImage({ ref, digest }, signal) {
      signal.throwIfAborted();
      for (const [stored, image] of images) {
        if (image.digest === digest && repositoryOf(stored) === repositoryOf(ref)) images.delete(stored);
      }
    },
  };
}

function repositoryOf(ref: string): string | undefined {
  return parseImageReference(ref)?.repository;
}

function hasContentKey(ref: string): boolean {
  return isContentKey(parseImageReference(ref)?.tag ?? '');
}

class FakeBuild {
  readonly #request: BuildRequest;
  readonly #images: ReadonlyMap<string, FakeImage>;
  readonly #onLog: (line: string) => void;
  readonly #signal: AbortSignal;
  readonly #file: string;
  #line = 0;
  #log: string[] = [];

  constructor(
    request: BuildRequest,
    images: ReadonlyMap<string, FakeImage>,
    onLog: (line: string) => void,
    signal: AbortSignal,
  ) {
    this.#request = request;
    this.#images = images;
    this.#onLog = onLog;
    this.#signal = signal;
    this.#file = request.dockerfileName ?? path.basename(request.dockerfilePath);
  }

  async run(): Promise<FakeImage> {
    const { target, labels, dockerfilePath } = this.#request;
    const text = await readFile(dockerfilePath, 'utf8').catch(() => this.#fail('there is no such file'));
    const stages = new Map<string, string[]>();
    let env: string[] = [];
    let name = '';
    const args = new Map(Object.entries(this.#request.args));
    for (const [index, line] of text.split('\n').entries()) {
      const [keyword = '', ...words] = line.split(' ');
      this.#line = index + 1;
      const rest = words.join(' ');
      switch (keyword) {
        case '':
          continue;
        case 'FROM': {
          const [base = '', , stage] = words;
          if (!stages.has(base) && !this.#images.has(base)) {
            this.#fail(`the image \`${base}\` does not exist or may not be read`);
          }
          name = stage ?? String(stages.size);
          env = [...(stages.get(base) ?? this.#images.get(base)?.env ?? [])];
          stages.set(name, env);
          break;
        }
        case 'ARG': {
          const [arg = '', fallback = ''] = rest.split('=');
          if (!args.has(arg)) args.set(arg, fallback);
          break;
        }
        case 'ENV':
          env.push(rest.replace(/\$(\w+)/, (_, arg: string) => args.get(arg) ?? ''));
          break;
        case 'COPY':
          await this.#copy(rest, words[0] ?? '');
          break;
        case 'RUN':
          for (const command of rest.split(' && ')) await this.#command(command, rest);
          break;
        default:
          this.#fail(`unknown instruction: ${keyword}`);
      }
    }
    this.#line = 0;
    if (stages.size === 0) this.#fail('it has no FROM instruction');
    const wanted = stages.get(target ?? name) ?? this.#fail(`it has no stage \`${target}\``);
    return { digest: `sha256:${await this.#hash(text)}`, labels, env: wanted };
  }

  async #copy(rest: string, file: string): Promise<void> {
    const found = await stat(path.join(this.#request.contextPath, file)).catch(() => undefined);
    if (!found) this.#fail(`\`COPY ${rest}\`: "/${file}": not found`);
  }

  async #command(command: string, whole: string): Promise<void> {
    const [program, argument = ''] = command.split(' ');
    this.#log = this.#log.slice(-20);
    switch (program) {
      case 'true':
        return;
      case 'echo':
        return this.#print(argument);
      case 'seq':
        for (let number = 1; number <= Number(argument); number += 1) this.#print(String(number));
        return;
      case 'sleep':
        return this.#sleep(Number(argument) * 1000);
      case 'exit':
        if (argument === '0') return;
        return this.#fail(`\`RUN ${whole}\` exited with ${argument}`);
      default:
        return this.#fail(`\`RUN ${whole}\` exited with 127`);
    }
  }

  #print(line: string): void {
    this.#log.push(line);
    this.#onLog(line);
  }

  async #sleep(ms: number): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, ms);
    const onAbort = () => reject(this.#signal.reason);
    if (this.#signal.aborted) onAbort();
    this.#signal.addEventListener('abort', onAbort, { once: true });
    await promise.finally(() => {
      clearTimeout(timer);
      this.#signal.removeEventListener('abort', onAbort);
    });
  }

  #fail(what: string): never {
    const image = this.#request.ref.split('/').at(-1)?.split(':')[0];
    const line = this.#line === 0 ? '' : ` line ${this.#line}`;
    throw new DiagnosedError({
      reason: 'BuildFailed',
      message: `Building the image \`${image}\` failed in \`${this.#file}\`${line}: ${what}`,
      ...(this.#log.length > 0 ? { log: this.#log.slice(-20) } : {}),
      places: [{ path: this.#file, line: this.#line || 1, column: 1, message: what }],
    });
  }

  async #hash(dockerfile: string): Promise<string> {
    const { contextPath, args, labels, target } = this.#request;
    const hash = createHash('sha256').update(JSON.stringify([dockerfile, args, labels, target]));
    for (const file of (await readdir(contextPath, { recursive: true })).toSorted()) {
      const whole = path.join(contextPath, file);
      if ((await stat(whole)).isFile()) hash.update(JSON.stringify([file, await readFile(whole, 'base64')]));
    }
    return hash.digest('hex');
  }
}
