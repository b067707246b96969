/** One attempt to send an event, as GitHub lists it under `/app/hook/deliveries`. */
export interface Delivery {
  readonly id: number;
  /** The same for every attempt at one event. */
  readonly guid: string;
  readonly event: string;
  readonly action: string | undefined;
  readonly installationId: number | undefined;
  readonly repositoryId: number | undefined;
  readonly redelivery: boolean;
  readonly payload: unknown;
  /** The bytes that are signed and sent. */
  readonly body: string;
  /** `held` waits for `release`; `unsent` had no webhook URL to go to; only `done` ones are listed. */
  state: 'held' | 'sending' | 'done' | 'unsent';
  deliveredAt: Date;
  durationMs: number;
  /** GitHub's words, such as `OK` or `timed out`. */
  status: string;
  /** The receiver's status; 0 while there is none. */
  statusCode: number;
  requestHeaders: Readonly<Record<string, string>>;
  responseHeaders: Readonly<Record<string, string>>;
  responseBody: string;
}

export interface DeliveryMatch {
  readonly event?: string;
  readonly action?: string;
}

export function matches(match: DeliveryMatch, delivery: Delivery): boolean {
  if (match.event !== undefined && match.event !== delivery.event) return false;
  return match.action === undefined || match.action === delivery.action;
}
