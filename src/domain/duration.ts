const unitsMs = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** The milliseconds of a duration such as `45s`, `30m`, `12h` or `7d`; `undefined` for any other text. */
export function parseDuration(text: string): number | undefined {
  const match = /^(\d{1,6})(s|m|h|d)$/.exec(text);
  return match ? Number(match[1]) * unitsMs[match[2] as keyof typeof unitsMs] : undefined;
}

/** A duration for people, e.g. `10 minutes`: in the largest unit that gives a whole number, seconds rounded. */
export function formatDuration(ms: number): string {
  const words = [
    ['day', unitsMs.d],
    ['hour', unitsMs.h],
    ['minute', unitsMs.m],
  ] as const;
  for (const [word, unitMs] of words) {
    if (ms >= unitMs && ms % unitMs === 0) return plural(ms / unitMs, word);
  }
  return plural(Math.round(ms / 1_000), 'second');
}

function plural(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? '' : 's'}`;
}
