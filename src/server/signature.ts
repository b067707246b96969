/** Whether GitHub sent this, byte for byte. */
import { createHmac, timingSafeEqual } from 'node:crypto';

// From examples and quick starts; the first is Probot's default.
const wellKnownSecrets = [
  'development',
  'secret',
  'changeme',
  'password',
  'webhook',
  'github',
  'berth',
  'test',
  'example',
];

const minSecretLength = 16;

/** Why a webhook secret must not be used; `undefined` for a good one. */
export function secretProblem(secret: string): string | undefined {
  if (secret.trim() === '') return 'the webhook secret is empty';
  const letters = secret.toLowerCase().replace(/[^a-z]/g, '');
  // `my-secret-secret` has sixteen characters as well.
  if (letters === '' ? /^(.)\1*$/.test(secret) : isMadeOf(letters, [...wellKnownSecrets, 'my', 'your', 'default'])) {
    return 'the webhook secret is one that everybody knows';
  }
  if (secret.length < minSecretLength) return `the webhook secret has less than ${minSecretLength} characters`;
  return undefined;
}

/** Checks a signature while the body comes in, so that nothing has to be kept or read twice for it. */
export interface SignatureCheck {
  add(piece: Buffer): void;
  /** Whether all pieces so far are signed with one of the secrets; only once. Takes the same time wherever a signature differs. */
  passes(): boolean;
}

/** The check of what `header` (`X-Hub-Signature-256`) claims; `undefined` for anything but a signature. */
export function signatureCheck(
  secrets: readonly string[],
  header: string | string[] | undefined,
): SignatureCheck | undefined {
  const hex = typeof header === 'string' ? /^sha256=([0-9a-f]{64})$/.exec(header)?.[1] : undefined;
  if (hex === undefined) return undefined;
  const given = Buffer.from(hex, 'hex');
  const hashes = secrets.map((secret) => createHmac('sha256', secret));
  return {
    add(piece) {
      for (const hash of hashes) hash.update(piece);
    },
    // Every secret is tried, whichever fits.
    passes: () => hashes.filter((hash) => timingSafeEqual(hash.digest(), given)).length > 0,
  };
}

function isMadeOf(text: string, words: readonly string[]): boolean {
  return text === '' || words.some((word) => text.startsWith(word) && isMadeOf(text.slice(word.length), words));
}
