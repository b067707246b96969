/** What a check has found. */

/** `note` is worth knowing and needs nothing; `todo` is one sentence that says what to change, and where. */
export type Finding =
  | { readonly level: 'ok' | 'note'; readonly seen: string }
  | { readonly level: 'warning' | 'problem'; readonly seen: string; readonly todo: string };

export type Level = Finding['level'];

/** Takes findings as they are made, in the order in which people should read them. */
export type Report = (finding: Finding) => void;

export const ok = (seen: string): Finding => ({ level: 'ok', seen });
export const note = (seen: string): Finding => ({ level: 'note', seen });
/** Berth works, but not as well or as safely as it could. */
export const warning = (seen: string, todo: string): Finding => ({ level: 'warning', seen, todo });
/** Berth, or a part of it, does not work like this. */
export const problem = (seen: string, todo: string): Finding => ({ level: 'problem', seen, todo });

/** An error and what caused it, in one line. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const causes = error instanceof AggregateError ? error.errors : [error.cause];
  const [cause] = causes.filter((each) => each instanceof Error).map(reasonOf);
  const parts = [error.message.trim(), cause].filter((each) => each !== undefined && each !== '');
  // A cause is often quoted by what it caused.
  const text = cause !== undefined && error.message.includes(cause) ? error.message : parts.join(': ');
  return text.replace(/\s+/g, ' ').trim().slice(0, 500) || error.name;
}
