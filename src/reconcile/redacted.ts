/** What is kept or shown, without credentials. */
import { DiagnosedError } from '../domain/errors.ts';
import { shortened } from '../domain/escape.ts';
import type { Diagnosis } from '../domain/preview.ts';
import type { Status } from '../domain/status.ts';
import { redacted, type TextRedaction } from '../domain/redaction/redacted-value.ts';

/** A status that may be shown and kept. */
export function redactedStatus(status: Status, redaction: TextRedaction): Status {
  const { diagnosis, ...rest } = status;
  return { ...redacted(rest, redaction), diagnosis: diagnosis && redactedDiagnosis(diagnosis, redaction) };
}

/** Only afterwards cut to what is worth showing: the beginning of a log could be the rest of a credential. */
function redactedDiagnosis(diagnosis: Diagnosis, redaction: TextRedaction): Diagnosis {
  const { log, ...rest } = redacted(diagnosis, redaction);
  return { ...rest, ...(log && { log: log.slice(-shownLines).map((line) => shortened(line, shownLength)) }) };
}

const shownLines = 20;
const shownLength = 500;

/**
 * The error to throw in place of this one, whose message may be kept in Redis or shown: of the same class, as callers go by
 * that. An ordinary one is changed itself; its causes are left to the log, which redacts what it writes.
 */
export function redactedError(error: unknown, redaction: TextRedaction): unknown {
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
