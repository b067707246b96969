/** What is kept or shown, without credentials. */
import { DiagnosedError } from '../domain/errors.ts';
import { shortened } from '../domain/escape.ts';
import type { Diagnosis } from '../domain/preview.ts';
import type { Status } from '../domain/status.ts';
import type { Redaction } from '../ports.ts';

type Texts = Pick<Redaction, 'text' | 'lines'>;

/** The same data, with every text in it redacted; lists of texts are taken for lines. Names of fields are ours and stay. */
export function redacted<T>(value: T, redaction: Texts): T {
  return redactedValue(value, redaction) as T;
}

/** A status that may be shown and kept. */
export function redactedStatus(status: Status, redaction: Texts): Status {
  const { diagnosis, ...rest } = status;
  return { ...redacted(rest, redaction), diagnosis: diagnosis && redactedDiagnosis(diagnosis, redaction) };
}

/** Only afterwards cut to what is worth showing: the beginning of a log could be the rest of a credential. */
function redactedDiagnosis(diagnosis: Diagnosis, redaction: Texts): Diagnosis {
  const { log, ...rest } = redacted(diagnosis, redaction);
  return { ...rest, ...(log && { log: log.slice(-shownLines).map((line) => shortened(line, shownLength)) }) };
}

const shownLines = 20;
const shownLength = 500;

/**
 * The error to throw in place of this one, whose message may be kept in Redis or shown: of the same class, as callers go by
 * that. An ordinary one is changed itself; its causes are left to the log, which redacts what it writes.
 */
export function redactedError(error: unknown, redaction: Texts): unknown {
  if (error instanceof DiagnosedError) {
    const diagnosis = redactedDiagnosis(error.diagnosis, redaction);
    return JSON.stringify(diagnosis) === JSON.stringify(error.diagnosis)
      ? error
      : new DiagnosedError(diagnosis, { cause: error });
  }
  if (!(error instanceof Error)) return error;
  const message = redaction.text(error.message);
  if (message !== error.message) error.message = message;
  return error;
}

function redactedValue(value: unknown, redaction: Texts): unknown {
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
