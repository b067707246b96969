/** Values that are credentials because of what stands before them. */

interface Pattern {
  /** The last group is the credential. Every repetition has a bound, and none can begin inside of another. */
  readonly pattern: RegExp;
  readonly isMeant?: (value: string) => boolean;
}

const patterns: readonly Pattern[] = [
  // Header fields, in whatever notation.
  {
    pattern:
      /\b((?:proxy-)?authorization["'\\]{0,4}\s{0,3}[:=]\s{0,3}["'\\]{0,4}(?:(?:bearer|basic|digest|token|apikey|negotiate|aws4-hmac-sha256)\s{1,3})?)([^\s"'\\<>]{1,8000})/gi,
    // The GitHub client's errors show the header of their request so: the credential is gone already.
    isMeant: (value) => value !== '[REDACTED]',
  },
  // Words of ordinary sentences can follow these.
  {
    pattern: /\b((?:bearer|basic)\s{1,3})([A-Za-z0-9._~+/=-]{16,8000})/gi,
    isMeant: (value) => /\d/.test(value) && /[a-z]/i.test(value),
  },
  {
    pattern: /(:\/\/)([^\s/?#@"'`<>:]{0,500}:[^\s/?#@"'`<>]{1,2000})(?=@)/gi,
    isMeant: (value) => !value.endsWith(':'),
  },
  // Parameters of URLs.
  {
    pattern:
      /([?&;](?:access_?token|refresh_?token|id_?token|auth_?token|private_?token|token|password|passwd|pwd|secret|client_?secret|api_?key|apikey|signature|sig|x-amz-signature|x-amz-security-token)=)([^\s&;#"'<>\\]{1,8000})/gi,
  },
  {
    pattern:
      /(aws_?(?:secret_?access_?key|secret_?key|session_?token|security_?token)["'\\]{0,4}\s{0,3}[:=]\s{0,3}["'\\]{0,4})([A-Za-z0-9/+=]{40,4000})/gi,
  },
];

/** Calls back for each value in the text, which is as it was printed. */
export function findNamedCredentials(text: string, found: (from: number, to: number) => void): void {
  for (const { pattern, isMeant } of patterns) {
    for (const { 0: whole, 2: value = '', index } of text.matchAll(pattern)) {
      const to = index + whole.length;
      if (!isMeant || isMeant(value)) found(to - value.length, to);
    }
  }
}
