/** An error's message, which says what was being done in small letters, as a sentence for people. */
export function sentenceOf(message: string): string {
  const [first = ''] = message;
  const rest = message.slice(first.length);
  return `${first.toUpperCase()}${rest}${/[.!?]$/.test(rest) ? '' : '.'}`;
}
