/** What leaves credentials out of texts. */
export interface TextRedaction {
  text(text: string): string;
  lines(lines: readonly string[]): readonly string[];
}

/** The same data, with every text in it redacted; lists of texts are taken for lines. Names of fields are ours and stay. */
export function redacted<T>(value: T, redaction: TextRedaction): T {
  return redactedValue(value, redaction) as T;
}

function redactedValue(value: unknown, redaction: TextRedaction): unknown {
  if (typeof value === 'string') return redaction.text(value);
  if (Array.isArray(value)) {
    const items: readonly unknown[] = value;
    return items.every((item) => typeof item === 'string')
      ? redaction.lines(items)
      : items.map((item) => redactedValue(item, redaction));
  }
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, redactedValue(item, redaction)]));
}
