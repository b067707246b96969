/** What running processes showed at moments of a test, told to Prometheus as a history of minutes. */
import type { Series } from './promtool.ts';

export interface Scrape {
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** As `/metrics` gave it. */
  readonly text: string;
}

/** One moment of a test, and for how long it lasts in the history. */
interface Chapter {
  readonly scrape: Scrape;
  readonly minutes: number;
  /** Time goes on as it did then: what was just now is always just now. Otherwise what was done then is not done again. */
  readonly goesOn: boolean;
}

/**
 * The series of a history. Times that are figures themselves are moved along, because promtool's time begins in 1970. What is
 * missing in a chapter is missing in its minutes. `queries`: only what they ask for is told, which takes less time.
 */
export function historyOf(chapters: readonly Chapter[], queries?: readonly string[]): Series {
  const values = new Map<string, string[]>();
  let minute = 0;
  for (const { scrape, minutes, goesOn } of chapters) {
    for (const [series, value] of samplesIn(scrape.text)) {
      const [name = ''] = series.split('{', 1);
      if (queries && !queries.some((query) => query.includes(name))) continue;
      const column = values.get(series) ?? [];
      values.set(series, column);
      for (let nth = 0; nth < minutes; nth += 1) {
        while (column.length < minute + nth) column.push('_');
        const now = (minute + (goesOn ? nth : 0)) * 60;
        const isTime = /^[a-z_]*_timestamp_seconds\{/.test(series) && value > 0;
        column.push(String(isTime ? value - scrape.at / 1_000 + now : value));
      }
    }
    minute += minutes;
  }
  return Object.fromEntries([...values].map(([series, column]) => [series, column.join(' ')]));
}

/** Samples by series, with the labels that Prometheus adds when it scrapes. */
function samplesIn(text: string): ReadonlyMap<string, number> {
  const samples = new Map<string, number>();
  for (const line of text.split('\n')) {
    const [, name, , labels, value] = /^([a-z_]\w*)(\{(.*)\})? (\S+)$/.exec(line) ?? [];
    // Negative ones, which promtool's notation has no word for, are not among those that anything asks for.
    if (name === undefined || value === undefined || !(Number(value) >= 0)) continue;
    samples.set(`${name}{instance="berth-0",job="berth"${labels ? `,${labels}` : ''}}`, Number(value));
  }
  return samples;
}
