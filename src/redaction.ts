/** The port `Redaction`, in this process's memory. */
import { needlesOf, partsOf } from './domain/redaction/credential.ts';
import { findCredentials } from './domain/redaction/find-credentials.ts';
import { Needles } from './domain/redaction/needles.ts';
import { without } from './domain/redaction/ranges.ts';
import type { Redaction } from './ports.ts';

export interface RedactionOptions {
  /** Never forgotten, e.g. what is in the configuration. */
  readonly credentials?: readonly string[];
  /** How many of the others are kept, those that were held last; default 500. Tokens of installations end after an hour. */
  readonly keep?: number;
}

/** Makes the one redaction that everything in a process shares. */
export function createRedaction({ credentials = [], keep = 500 }: RedactionOptions = {}): Redaction {
  const needles = new Needles();
  const forEver = new Set(credentials);
  /** Longest not held first, with the texts that are looked for on its behalf. */
  const held = new Map<string, readonly string[]>();

  const lookFor = (credential: string): readonly string[] => {
    const texts = [...new Set(partsOf(credential).flatMap(needlesOf))];
    for (const each of texts) needles.add(each);
    return texts;
  };
  for (const credential of forEver) lookFor(credential);

  const redaction: Redaction = {
    hold(credential) {
      if (forEver.has(credential)) return;
      const texts = held.get(credential) ?? lookFor(credential);
      if (texts.length === 0) return;
      held.delete(credential);
      held.set(credential, texts);
      for (const [oldest, old] of held) {
        if (held.size <= keep) break;
        held.delete(oldest);
        for (const each of old) needles.remove(each);
      }
    },
    text: (text) => redaction.lines(text.split('\n')).join('\n'),
    lines(lines) {
      const redacted = [...lines];
      for (const indexes of streamsOf(lines)) redactTogether(lines, indexes, redacted, needles);
      return redacted;
    },
  };
  return redaction;
}

/** What BuildKit puts before the lines of a step: steps run side by side, and their lines are mixed. */
const stepPrefix = /^#\d{1,6} /;

/** Indexes of the lines that belong together, in their order. */
function streamsOf(lines: readonly string[]): Iterable<readonly number[]> {
  const streams = new Map<string, number[]>();
  for (const [index, line] of lines.entries()) {
    const name = stepPrefix.exec(line)?.[0] ?? '';
    const stream = streams.get(name);
    if (stream) stream.push(index);
    else streams.set(name, [index]);
  }
  return streams.values();
}

function redactTogether(
  lines: readonly string[],
  indexes: readonly number[],
  redacted: string[],
  needles: Needles,
): void {
  const text = indexes.map((index) => lines[index] ?? '').join('\n');
  const ranges = findCredentials(text, needles);
  if (ranges.length === 0) return;
  let start = 0;
  let next = 0;
  for (const index of indexes) {
    const end = start + (lines[index] ?? '').length;
    const own: (typeof ranges)[number][] = [];
    for (let range = ranges[next]; range && range[0] < end; range = ranges[next]) {
      own.push(range);
      next += 1;
    }
    if (own.length > 0) redacted[index] = without(text, own, start, end);
    start = end + 1;
  }
}
