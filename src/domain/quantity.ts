/** Amounts as Kubernetes writes them: `500m`, `8Gi`, `1e3`. Pure. */

/** Nanos of one unit. */
const suffixes: Readonly<Record<string, bigint>> = {
  n: 1n,
  u: 10n ** 3n,
  m: 10n ** 6n,
  '': 10n ** 9n,
  k: 10n ** 12n,
  M: 10n ** 15n,
  G: 10n ** 18n,
  T: 10n ** 21n,
  P: 10n ** 24n,
  E: 10n ** 27n,
  Ki: 10n ** 9n * 1024n,
  Mi: 10n ** 9n * 1024n ** 2n,
  Gi: 10n ** 9n * 1024n ** 3n,
  Ti: 10n ** 9n * 1024n ** 4n,
  Pi: 10n ** 9n * 1024n ** 5n,
  Ei: 10n ** 9n * 1024n ** 6n,
};

const pattern = /^(\d{1,18})(?:\.(\d{1,9}))?(?:([numkMGTPE]|[KMGTPE]i)|[eE](\d{1,2}))?$/;

/**
 * Billionths of what the text says, `undefined` when it is no amount. Negative ones are none: nothing that Berth asks for is less
 * than 0. Source: kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity
 */
export function parseQuantity(text: string): bigint | undefined {
  const match = pattern.exec(text);
  if (!match) return undefined;
  const [, whole = '', fraction = '', suffix = '', exponent] = match;
  const unit = exponent === undefined ? suffixes[suffix] : 10n ** (9n + BigInt(exponent));
  if (unit === undefined) return undefined;
  return (BigInt(whole + fraction) * unit) / 10n ** BigInt(fraction.length);
}

/** Whether two texts say the same amount: the API server writes `0.5` as `500m`. */
export function isSameQuantity(one: string, other: string): boolean {
  if (one === other) return true;
  const amount = parseQuantity(one);
  return amount !== undefined && amount === parseQuantity(other);
}
