/** Where the App's credentials go. */

/** What `berth setup` has to keep. */
export interface Credentials {
  readonly appId: number;
  readonly privateKey: string;
  readonly webhookSecret: string;
  /** The App's public page. */
  readonly htmlUrl: string;
  readonly apiUrl: string;
}

/** What is there before anything is written. */
export type Occupant =
  | { readonly state: 'absent' }
  /** Written by an earlier set-up: `app` is the page of the App that it was for. */
  | { readonly state: 'ours'; readonly app: string | undefined }
  | { readonly state: 'foreign' };

export interface Destination {
  /** For sentences: "the Secret berth-github in the namespace berth". */
  readonly label: string;
  look(signal: AbortSignal): Promise<Occupant>;
  /** Finds out whether `write` could work, without writing. @throws with a sentence that says why not. */
  tryOut(signal: AbortSignal): Promise<void>;
  /**
   * Writes, in place of what the last `look` has found.
   * @throws when it did not work, or something else is there by now; writing again may work then.
   */
  write(credentials: Credentials, signal: AbortSignal): Promise<void>;
  /** What `helm install` must be told to find the credentials. */
  readonly helmArguments: (apiUrl: string) => readonly string[];
  close(): Promise<void>;
}
