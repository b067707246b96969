import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { endOrphans } from '../src/orphans.ts';

const processModule = new URL('../src/process.ts', import.meta.url).href;

/** A program that has another one run, and says that one's process id. */
function parentOf(script: string) {
  const source = `
    import { run } from '${processModule}';
    const signal = new AbortController().signal;
    await run('sh', ['-c', ${JSON.stringify(`echo $$ >&2; ${script}`)}], {
      signal, env: { PATH: '/usr/bin:/bin' }, timeoutMs: 60_000, onLine: (line) => console.log(line),
    });`;
  return spawn(process.execPath, ['--input-type=module', '--eval', source], { stdio: ['ignore', 'pipe', 'inherit'] });
}

async function started(parent: ReturnType<typeof parentOf>): Promise<number> {
  const [line] = (await once(parent.stdout, 'data')) as [Buffer];
  return Number(line.toString());
}

function isRunning(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

describe('endOrphans', () => {
  it('F1 ends what a killed process has left running, and what that has started', async () => {
    const parent = parentOf('sleep 300 & wait');
    const child = await started(parent);
    parent.kill('SIGKILL');
    await once(parent, 'exit');
    assert.ok(isRunning(child), 'the program outlives its parent');
    const found = await endOrphans(5_000);
    assert.ok(found.some(({ pid }) => pid === child));
    assert.ok(found.some(({ command }) => command === 'sleep 300'));
    assert.ok(found.every(({ pid }) => !isRunning(pid)));
  });

  it('kills what does not end by itself', async () => {
    const parent = parentOf("trap '' TERM; while :; do sleep 0.05; done");
    const child = await started(parent);
    parent.kill('SIGKILL');
    await once(parent, 'exit');
    const found = await endOrphans(200);
    assert.ok(found.some(({ pid }) => pid === child));
    // The kernel needs a moment to end it.
    for (let patience = 200; isRunning(child) && patience > 0; patience -= 1) await new Promise(setImmediate);
    assert.ok(!isRunning(child));
  });

  it('leaves alone what somebody waits for', async () => {
    const parent = parentOf('sleep 300 & wait');
    const child = await started(parent);
    try {
      assert.ok((await endOrphans(100)).every(({ pid }) => pid !== child));
      assert.ok(isRunning(child));
    } finally {
      process.kill(-child, 'SIGKILL');
      await once(parent, 'exit');
    }
  });
});
