/** Tells the person at the terminal what is being done, and for how long already. */
export interface Progress {
  /** Runs one named step: a line when it starts, a sign of life every half minute, a line when a long one ends. */
  step<T>(name: string, work: () => Promise<T>): Promise<T>;
  /** One line that belongs to no step. */
  say(line: string): void;
}

const signOfLifeMs = 30_000;
const longMs = 10_000;

/** Writes each line with the seconds since the start, so it reads well in a file or a CI log too. */
export function progressTo(write: (text: string) => void, now: () => number = Date.now): Progress {
  const start = now();
  const say = (line: string): void => write(`[${seconds(now() - start).padStart(6)} s] ${line}\n`);
  return {
    say,
    async step(name, work) {
      const began = now();
      say(`${name} …`);
      const timer = setInterval(() => say(`… still ${name}`), signOfLifeMs);
      try {
        const result = await work();
        const tookMs = now() - began;
        if (tookMs >= longMs) say(`done: ${name} (${seconds(tookMs)} s)`);
        return result;
      } finally {
        clearInterval(timer);
      }
    },
  };
}

/** Milliseconds as seconds with one decimal. */
function seconds(ms: number): string {
  return (ms / 1000).toFixed(1);
}
