/** Keeps connections to services open between requests. */
import { Agent, type AgentOptions, type RequestOptions } from 'node:http';

/** Options of a request through a `PreviewAgent`. */
export interface PreviewRequestOptions extends RequestOptions {
  /** The namespace of the preview that the request is for. */
  readonly preview?: string;
}

/**
 * An agent that shares a kept connection among requests for one preview only: an address that a service has left may belong
 * to another preview's a moment later, while an old connection still leads to the first.
 */
export class PreviewAgent extends Agent {
  constructor(options: AgentOptions) {
    super({ ...options, keepAlive: true });
  }

  override getName(options: PreviewRequestOptions): string {
    return `${super.getName(options)}:${options.preview ?? ''}`;
  }
}
