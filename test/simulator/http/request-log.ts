export interface LoggedRequest {
  readonly at: Date;
  readonly method: string;
  /** The path below the API's root, or git's path. */
  readonly path: string;
  /** The path's template in GitHub's description, or `git`. */
  readonly route: string;
  /** The operation's id, such as `pulls/list`. */
  readonly operation: string | undefined;
  readonly query: string;
  /** Of a request to git: `{ wants }`, the commits that were asked for. */
  readonly body: unknown;
  /** 0 when the connection was dropped. */
  readonly status: number;
  /** Whether it cost something of the rate limit. */
  readonly counted: boolean;
}
