import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { withLock } from '../../deploy/local/lock.ts';
import { progressTo } from '../../deploy/local/progress.ts';
import { run, RunError } from '../../deploy/local/run.ts';

describe('withLock', () => {
  it('lets the second wait until the first has finished', async () => {
    const name = `berth-test-${process.pid}`;
    const order: string[] = [];
    const { promise: told, resolve: tell } = Promise.withResolvers<void>();
    const first = withLock(
      name,
      () => assert.fail('nobody to wait for'),
      async () => {
        const second = withLock(name, tell, async () => order.push('second'));
        await told;
        order.push('first');
        return { second };
      },
    );
    await (await first).second;
    assert.deepEqual(order, ['first', 'second']);
  });

  it('is free again after a failure', async () => {
    const name = `berth-test-failure-${process.pid}`;
    const failing = withLock(
      name,
      () => undefined,
      async () => Promise.reject(new Error('no luck')),
    );
    await assert.rejects(failing, /no luck/);
    assert.equal(
      await withLock(
        name,
        () => assert.fail('it is free'),
        async () => 'mine',
      ),
      'mine',
    );
  });
});

describe('progressTo', () => {
  it('says how long each step has been coming, and how long a long one took', async () => {
    let text = '';
    let nowMs = 0;
    const progress = progressTo(
      (line) => (text += line),
      () => nowMs,
    );
    nowMs = 12_340;
    await progress.step('compiling', async () => {
      nowMs = 42_340;
    });
    assert.equal(text, '[  12.3 s] compiling …\n[  42.3 s] done: compiling (30.0 s)\n');
  });
});

describe('run', () => {
  it('gives what the program wrote', async () => {
    assert.equal(
      await run([process.execPath, '-e', 'process.stdin.pipe(process.stdout)'], { input: 'hello' }),
      'hello',
    );
  });

  it('reports the exit code and the last lines of a program that fails', async () => {
    const failing = run([process.execPath, '-e', 'console.error("out of paper"); process.exitCode = 3']);
    await assert.rejects(failing, (error: unknown) => {
      assert.ok(error instanceof RunError);
      assert.equal(error.exitCode, 3);
      assert.match(error.message, /failed with exit code 3\n {2}out of paper/);
      return true;
    });
  });

  it('reports a program that is not there', async () => {
    await assert.rejects(run(['berth-no-such-program']), /did not start/);
  });
});
