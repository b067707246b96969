import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AnswerTooLargeError, boundedBytes, boundedJson } from '../src/bounded-answer.ts';

describe('boundedBytes', () => {
  it('gives a body that is as large as it may be', async () => {
    assert.equal((await boundedBytes(new Response('12345678'), 8)).toString(), '12345678');
  });

  it('gives nothing for no body', async () => {
    assert.equal((await boundedBytes(new Response(null, { status: 204 }), 8)).length, 0);
  });

  it('stops to read an endless one, and lets go of it', async () => {
    let given = 0;
    let isLeft = false;
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        given += 1;
        controller.enqueue(new Uint8Array(1024));
      },
      cancel() {
        isLeft = true;
      },
    });
    await assert.rejects(boundedBytes(new Response(endless), 10 * 1024), (error: Error) => {
      assert.ok(error instanceof AnswerTooLargeError);
      return error.message === 'the answer is larger than 10 KiB';
    });
    assert.ok(isLeft && given <= 13, `read ${given} KiB`);
  });
});

describe('boundedJson', () => {
  it('reads what it says', async () => {
    assert.deepEqual(await boundedJson(Response.json({ a: ['ü'] }), 100), { a: ['ü'] });
  });
});
