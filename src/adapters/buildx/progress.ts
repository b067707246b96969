/** What `buildx build --progress=rawjson` prints: BuildKit's status messages, then the error as text. */
import { z } from 'zod';

/** One step of a build, as BuildKit reports it. */
export interface Vertex {
  /** E.g. `[base 2/3] RUN make` or `[internal] load metadata for …`. */
  readonly name: string;
  readonly state: 'waiting' | 'running' | 'done' | 'cached' | 'failed';
  /** Empty unless it failed. */
  readonly error: string;
  /** The last lines that it printed. */
  readonly log: readonly string[];
}

interface Step {
  readonly number: number;
  name: string;
  state: Vertex['state'];
  error: string;
  named: boolean;
  readonly log: string[];
  /** What came after the last line end. */
  rest: string;
}

// Source: github.com/moby/buildkit/blob/master/client/graph.go (SolveStatus)
const message = z.object({
  vertexes: z
    .array(
      z.object({
        digest: z.string(),
        name: z.string().default(''),
        started: z.string().optional(),
        completed: z.string().optional(),
        cached: z.boolean().default(false),
        error: z.string().default(''),
      }),
    )
    .nullish(),
  logs: z.array(z.object({ vertex: z.string(), data: z.string().default('') })).nullish(),
});

const keptLogLines = 20;
const keptTextLines = 500;
/** Longer lines are cut; one that never ends is told in pieces of this length. */
const maxLineLength = 4_000;
/** What is passed on of a build's log, which goes on without being heard. */
const maxLogLength = 16 * 1024 * 1024;
/** A message may be so long that it comes in pieces; what is longer than this tells of more steps than anybody has. */
const maxMessageLength = 8 * 1024 * 1024;
const maxSteps = 2_000;

/** Follows a build through its output. */
export class Progress {
  readonly #onLog: (line: string) => void;
  readonly #steps = new Map<string, Step>();
  #open: string[] = [];
  #openLength = 0;
  #logLength = 0;
  readonly #text: string[] = [];

  constructor(onLog: (line: string) => void) {
    this.#onLog = onLog;
  }

  /** Steps in the order in which they were first heard of. */
  get vertices(): readonly Vertex[] {
    return [...this.#steps.values()];
  }

  /** The lines that are not part of a message: where in the Dockerfile it failed, and how. */
  get text(): readonly string[] {
    return this.#text;
  }

  /**
   * Takes the next line of standard error. Messages take one line, or many when indented (buildx 0.13). One that cannot be read is left
   * out: it costs a part of the log, and how the build ends is told apart from it.
   */
  line(line: string): void {
    if (this.#open.length === 0 && !line.startsWith('{')) {
      if (line.trim() === '') return;
      this.#text.push(line);
      if (this.#text.length > keptTextLines) this.#text.shift();
      return;
    }
    this.#open.push(line);
    this.#openLength += line.length;
    const complete = this.#open.length === 1 ? line.length > 1 && line.endsWith('}') : line === '}';
    if (!complete && this.#openLength <= maxMessageLength) return;
    const read = messageIn(this.#open.join('\n'));
    this.#open = [];
    this.#openLength = 0;
    if (read) this.#message(read);
  }

  /** No more lines come. */
  end(): void {
    for (const step of this.#steps.values()) if (step.rest !== '') this.#log(step, '\n');
  }

  #message({ vertexes, logs }: z.output<typeof message>): void {
    for (const vertex of vertexes ?? []) {
      const step = this.#step(vertex.digest);
      if (!step) continue;
      step.name = clipped(vertex.name) || step.name;
      if (step.state === 'failed') continue;
      const before = step.state;
      step.error = clipped(vertex.error);
      step.state = stateOf(vertex);
      if (step.state !== before) this.#announce(step, before, vertex);
    }
    for (const { vertex, data } of logs ?? []) {
      const step = this.#step(vertex);
      if (step) this.#log(step, Buffer.from(data, 'base64').toString());
    }
  }

  /** `undefined` for one too many. */
  #step(digest: string): Step | undefined {
    let step = this.#steps.get(digest);
    if (!step && this.#steps.size < maxSteps) {
      const number = this.#steps.size + 1;
      step = { number, name: '', state: 'waiting', error: '', named: false, log: [], rest: '' };
      this.#steps.set(digest, step);
    }
    return step;
  }

  #announce(step: Step, before: Vertex['state'], { started, completed }: Times): void {
    const prefix = `#${step.number}`;
    if (step.state === 'waiting') return;
    if (!step.named) this.#say(`${prefix} ${step.name}`);
    step.named = true;
    if (step.state === 'running') return;
    if (step.rest !== '') this.#log(step, '\n');
    if (step.state === 'cached') return this.#say(`${prefix} CACHED`);
    if (step.state === 'failed') return this.#say(`${prefix} ERROR ${step.error}`);
    // What is done without having run will run yet: BuildKit reports its own steps twice.
    if (before !== 'running' || !started || !completed) return;
    this.#say(`${prefix} DONE ${((Date.parse(completed) - Date.parse(started)) / 1000).toFixed(1)}s`);
  }

  #log(step: Step, text: string): void {
    const lines = (step.rest + text).split('\n');
    step.rest = lines.pop() ?? '';
    if (step.rest.length > maxLineLength) {
      lines.push(step.rest);
      step.rest = '';
    }
    for (const line of lines) {
      const shown = clipped(line.endsWith('\r') ? line.slice(0, -1) : line);
      step.log.push(shown);
      if (step.log.length > keptLogLines) step.log.shift();
      this.#say(`#${step.number} ${shown}`);
    }
  }

  #say(line: string): void {
    if (this.#logLength > maxLogLength) return;
    this.#logLength += line.length;
    this.#onLog(line);
    if (this.#logLength > maxLogLength) this.#onLog('The rest of the log is left out: it is too long.');
  }
}

function messageIn(text: string): z.output<typeof message> | undefined {
  try {
    return message.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined; // Cut somewhere in the middle.
  }
}

/** Both ends: an error's end says what happened, its beginning quotes what was done. */
export function clipped(line: string): string {
  if (line.length <= maxLineLength) return line;
  const half = maxLineLength / 2;
  return `${line.slice(0, half)} … ${line.slice(-half)}`;
}

interface Times {
  readonly started?: string | undefined;
  readonly completed?: string | undefined;
}

function stateOf(vertex: Times & { readonly cached: boolean; readonly error: string }): Vertex['state'] {
  if (vertex.error !== '') return 'failed';
  if (vertex.cached) return 'cached';
  if (vertex.completed !== undefined) return 'done';
  return vertex.started === undefined ? 'waiting' : 'running';
}
