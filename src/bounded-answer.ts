/** Bodies of answers, read only as far as they may go: who answers may be anybody, or broken. */

/** There is more to an answer than is read of it. */
export class AnswerTooLargeError extends Error {
  override readonly name = 'AnswerTooLargeError';
  constructor(maxBytes: number) {
    super(`the answer is larger than ${Math.floor(maxBytes / 1024)} KiB`);
  }
}

/**
 * The whole body, unpacked.
 * @throws AnswerTooLargeError as soon as it is larger than `maxBytes`; the rest is not read.
 */
export async function boundedBytes(response: Response, maxBytes: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  // Leaving the loop ends the connection.
  for await (const chunk of response.body ?? []) {
    sizeBytes += chunk.byteLength;
    if (sizeBytes > maxBytes) throw new AnswerTooLargeError(maxBytes);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** The same, as what JSON says. */
export async function boundedJson(response: Response, maxBytes: number): Promise<unknown> {
  return JSON.parse((await boundedBytes(response, maxBytes)).toString()) as unknown;
}
