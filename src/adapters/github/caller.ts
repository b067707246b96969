/** As whom to ask: as the App itself, or as its installation of that id. */
export type Caller = 'app' | number;

/** For messages, and to tell apart whose limits are spent. */
export function callerName(caller: Caller): string {
  return caller === 'app' ? 'the app' : `installation ${caller}`;
}
