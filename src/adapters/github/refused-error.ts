/**
 * GitHub has understood a request and refuses it: it does not exist, is out of our reach, or makes no sense. Rate
 * limits and outages are other errors.
 */
export class RefusedError extends Error {
  override readonly name = 'RefusedError';
  /** Method and path template: one answer may take several requests, and what a refusal means depends on which. */
  readonly route: string;
  readonly status: number;
  constructor(route: string, status: number, options?: ErrorOptions) {
    super(`${route}: GitHub answered ${status}`, options);
    this.route = route;
    this.status = status;
  }
}
