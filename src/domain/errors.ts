/**
 * The errors that callers handle; everything else is a defect or an outage, and is retried with back-off.
 * Recognise them with `instanceof`, never by their text.
 */
import type { Diagnosis } from './preview.ts';

/** The work failed for a reason that only a person can change. */
export class DiagnosedError extends Error {
  override readonly name = 'DiagnosedError';
  readonly diagnosis: Diagnosis;
  constructor(diagnosis: Diagnosis, options?: ErrorOptions) {
    super(diagnosis.message, options);
    this.diagnosis = diagnosis;
  }
}

/** Another worker has taken this preview over: stop without writing. */
export class FencedError extends Error {
  override readonly name = 'FencedError';
}

/** The outside asked us to come back later; `retryAt` is in milliseconds since the epoch. */
export class RetryLaterError extends Error {
  override readonly name = 'RetryLaterError';
  readonly retryAt: number;
  constructor(message: string, retryAt: number, options?: ErrorOptions) {
    super(message, options);
    this.retryAt = retryAt;
  }
}

/** The registry does not tell which repositories it has, as many hosted ones do not. */
export class RegistryCannotListError extends Error {
  override readonly name = 'RegistryCannotListError';
}
