/** Reads the body of a delivery, and gives it away only when GitHub has signed it. */
import type { IncomingMessage } from 'node:http';
import type { BodyBudget } from './body-budget.ts';
import { maxBodyBytes } from './delivery-head.ts';
import type { SignatureCheck } from './signature.ts';

export type SignedBody =
  | { readonly outcome: 'signed'; readonly bytes: Buffer }
  | { readonly outcome: 'unsigned' | 'too large' | 'no room' | 'broken off' };

export interface BodySource {
  /** Whose share of the budget the body takes. */
  readonly address: string;
  readonly declaredBytes: number | undefined;
}

/** Reads the body as far as the budget allows. What is left of one that is refused stays unread. */
export async function signedBody(
  request: IncomingMessage,
  { address, declaredBytes }: BodySource,
  check: SignatureCheck,
  budget: BodyBudget,
): Promise<SignedBody> {
  const { promise: read, resolve } = Promise.withResolvers<SignedBody>();
  const share = budget.open(address, declaredBytes, () => resolve({ outcome: 'no room' }));
  if (share === undefined) return { outcome: 'no room' };
  let pieces: Buffer[] = [];
  let sizeBytes = 0;
  const onData = (piece: Buffer): void => {
    sizeBytes += piece.length;
    if (sizeBytes > maxBodyBytes) return resolve({ outcome: 'too large' });
    check.add(piece);
    pieces.push(piece);
    share.add(piece.length);
  };
  const onEnd = (): void =>
    resolve(check.passes() ? { outcome: 'signed', bytes: Buffer.concat(pieces) } : { outcome: 'unsigned' });
  const onError = (): void => resolve({ outcome: 'broken off' });
  request.on('data', onData).once('end', onEnd).on('error', onError);
  try {
    return await read;
  } finally {
    // Errors stay handled: the rest of the body is thrown away, and its sender may hang up meanwhile.
    request.off('data', onData).off('end', onEnd);
    pieces = [];
    share.close();
  }
}
