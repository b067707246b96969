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

/**
 * Whether `header` (`X-Hub-Signature-256`) signs `body` with one of the secrets. Takes the same time for a wrong
 * signature, wherever it differs.
 */
export function isSignedBy(secrets: readonly string[], body: Buffer, header: string | string[] | undefined): boolean {
  const hex = typeof header === 'string' ? /^sha256=([0-9a-f]{64})$/.exec(header)?.[1] : undefined;
  if (hex === undefined) return false;
  const given = Buffer.from(hex, 'hex');
  const matches = secrets.filter((secret) =>
    timingSafeEqual(createHmac('sha256', secret).update(body).digest(), given),
  );
  return matches.length > 0;
}

function isMadeOf(text: string, words: readonly string[]): boolean {
  return text === '' || words.some((word) => text.startsWith(word) && isMadeOf(text.slice(word.length), words));
}
