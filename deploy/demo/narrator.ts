import type { LogLine } from '../../test/e2e/berth-process.ts';

/** One stage of the demo and how long it took. */
export interface Stage {
  readonly name: string;
  readonly ms: number;
}

/** Tells what happens while it happens, from Berth's own log, with the time since the stage began. */
export class Narrator {
  readonly stages: Stage[] = [];
  /** How many images have been built so far. */
  builds = 0;
  readonly #write: (text: string) => void;
  #current: { readonly name: string; readonly startedAt: number } | undefined;

  constructor(write: (text: string) => void) {
    this.#write = write;
  }

  say(text: string): void {
    this.#write(`${text}\n`);
  }

  /** Begins a stage: the clock runs from here. */
  stage(name: string, introduction: string): void {
    this.say(`\n${introduction}`);
    this.#current = { name, startedAt: performance.now() };
  }

  /** Ends the stage begun last, or notes one that was timed elsewhere. */
  stageDone(name = this.#current?.name ?? '', ms = this.#elapsedMs()): void {
    this.stages.push({ name, ms: Math.round(ms) });
    this.say(`  ${seconds(ms)}  ✔ ${name}`);
    this.#current = undefined;
  }

  /** Turns a line of Berth's log into one for people, or into nothing. */
  heard(line: LogLine): void {
    if (line.msg === 'image built') this.builds += 1;
    const words = wordsFor(line);
    if (words !== undefined && this.#current) this.say(`  ${seconds(this.#elapsedMs())}  ${words}`);
  }

  #elapsedMs(): number {
    return performance.now() - (this.#current?.startedAt ?? performance.now());
  }
}

const steps: Readonly<Record<string, string>> = {
  'create namespace': 'namespace made, with quota, limits, network policy and accounts',
  'upgrade release': 'chart installed by Helm',
  'record revision': 'every pod is ready',
  'delete namespace': 'removal of the namespace begun',
};

function wordsFor(line: LogLine): string | undefined {
  switch (line.msg) {
    case 'webhook taken':
      return `webhook taken: ${String(line['event'])} ${String(line['action'])}`;
    case 'image built':
      return `image ${String(line['image'])} built and pushed`;
    case 'step done':
      return steps[String(line['step'])];
    default:
      return undefined;
  }
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(2).padStart(6)} s`;
}
