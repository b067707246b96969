import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ExitError, type RunOptions, run, TimeoutError } from '../src/process.ts';

const env = { PATH: '/usr/bin:/bin' };

function options(more: Partial<RunOptions> = {}): RunOptions {
  return { signal: new AbortController().signal, env, timeoutMs: 20_000, graceMs: 5_000, ...more };
}

function shell(script: string, more: Partial<RunOptions> = {}) {
  return run('sh', ['-c', script], options(more));
}

/** A process that has ended but was not waited for yet by whoever inherited it counts as gone. */
async function isGone(pid: number): Promise<boolean> {
  const { stdout } = await run('ps', ['-o', 'stat=', '-p', String(pid)], options({ accept: [1] }));
  return stdout.trim() === '' || stdout.trim().startsWith('Z');
}

describe('run', () => {
  it('gives what the program wrote, and hands arguments over as they are', async () => {
    const result = await run('printf', ['%s', '$(id) "a b"\n'], options());
    assert.deepEqual(result, { code: 0, stdout: '$(id) "a b"\n', stderr: '' });
  });

  it('passes on the given environment, and nothing else but who waits for the program', async () => {
    const { stdout } = await run('/usr/bin/env', [], options({ env: { ONLY: 'this' } }));
    assert.match(stdout, /^ONLY=this\nBERTH_PARENT=\d+\.\d+\n$/);
  });

  it('writes the input and closes it', async () => {
    assert.equal((await run('cat', [], options({ input: 'héllo' }))).stdout, 'héllo');
    assert.equal((await run('cat', [], options())).stdout, '');
  });

  it('survives a program that does not read its input', async () => {
    assert.equal((await run('true', [], options({ input: 'x'.repeat(1024 * 1024) }))).code, 0);
  });

  it('rejects with the exit code and the end of standard error', async () => {
    const failed = await shell('echo out; echo one >&2; echo two >&2; exit 3').catch((error: unknown) => error);
    assert.ok(failed instanceof ExitError);
    assert.equal(failed.message, 'sh exited with 3: two');
    assert.deepEqual([failed.code, failed.stdout, failed.stderr], [3, 'out\n', 'one\ntwo\n']);
  });

  it('accepts the exit codes it is told to', async () => {
    assert.equal((await shell('exit 3', { accept: [3] })).code, 3);
  });

  it('tells a signal that ended the program as a shell would', async () => {
    const failed = await shell('kill -SEGV $$').catch((error: unknown) => error);
    assert.ok(failed instanceof ExitError);
    assert.equal(failed.code, 128 + 11);
  });

  it('rejects when there is no such program', async () => {
    await assert.rejects(run('/nowhere/to/be/found', [], options()), { code: 'ENOENT' });
  });

  it('gives lines as they come, whole characters, the last one even without a line end', async () => {
    const lines: string[] = [];
    await shell(`printf 'a\\r\\nb\\n\\n' >&2; printf 'h\\303' >&2; printf '\\251' >&2`, {
      onLine: (line) => lines.push(line),
    });
    assert.deepEqual(lines, ['a', 'b', '', 'hé']);
  });

  it('gives the lines of both outputs when asked to', async () => {
    const lines: string[] = [];
    await shell('echo out; echo err >&2', { onLine: (line) => lines.push(line), lines: 'both' });
    assert.deepEqual(lines.toSorted(), ['err', 'out']);
  });

  it('bounds the memory that output can take', async () => {
    let longest = 0;
    const result = await shell('head -c 9000000 /dev/zero >&2; echo end >&2', {
      onLine: (line) => (longest = Math.max(longest, line.length)),
    });
    assert.ok(result.stderr.length <= 4 * 1024 * 1024);
    assert.ok(result.stderr.endsWith('end\n'));
    assert.ok(longest < 2 * 1024 * 1024);
  });

  it('streams output of any size when asked to', async () => {
    let sizeBytes = 0;
    const result = await shell('head -c 9000000 /dev/zero', { onOutput: (chunk) => (sizeBytes += chunk.length) });
    assert.equal(sizeBytes, 9_000_000);
    assert.equal(result.stdout, '');
  });

  it('ends the run with what a callback throws', async () => {
    const onLine = (line: string) => assert.fail(`cannot take ${line}`);
    await assert.rejects(shell('echo x >&2; sleep 60', { onLine }), { message: 'cannot take x' });
  });

  it('ends the program kindly when aborted, and rejects with the reason after it is gone', async () => {
    const abort = new AbortController();
    const lines: string[] = [];
    const running = shell(`trap 'echo ended >&2; exit 0' TERM; echo ready >&2; while :; do sleep 0.01; done`, {
      signal: abort.signal,
      onLine: (line) => {
        lines.push(line);
        abort.abort(new Error('superseded'));
      },
    });
    await assert.rejects(running, { message: 'superseded' });
    // The shell may say in between that its `sleep` was terminated with it.
    assert.deepEqual([lines.at(0), lines.at(-1)], ['ready', 'ended']);
  });

  it('kills what does not end kindly, with everything it has started', async () => {
    const abort = new AbortController();
    let child = 0;
    await assert.rejects(
      shell(`trap '' TERM; sleep 60 & echo $! >&2; wait; sleep 60`, {
        signal: abort.signal,
        graceMs: 50,
        onLine: (line) => {
          child = Number(line);
          abort.abort(new Error('closed'));
        },
      }),
      { message: 'closed' },
    );
    assert.ok(await isGone(child));
  });

  it('leaves nothing behind when a program ends before its children', async () => {
    const { stdout } = await shell('sleep 60 & echo $!');
    assert.ok(await isGone(Number(stdout)));
  });

  it('does not wait for a process that left the group and keeps the pipes open', async () => {
    const { stdout } = await shell("echo $(setsid sh -c 'echo $$; exec sleep 30 >&2' &)");
    assert.match(stdout, /^\d+\n$/);
    process.kill(Number(stdout), 'SIGKILL');
  });

  it('ends a program that takes too long', async () => {
    await assert.rejects(shell('sleep 60', { timeoutMs: 30 }), TimeoutError);
  });

  it('starts nothing when it is aborted already', async () => {
    await assert.rejects(shell('exit 3', { signal: AbortSignal.abort(new Error('too late')) }), {
      message: 'too late',
    });
  });
});
