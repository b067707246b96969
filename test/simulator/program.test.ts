import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { it } from 'node:test';

it('runs as a program that takes orders, and ends when it is told to', async () => {
  const child = spawn(process.execPath, [new URL('main.ts', import.meta.url).pathname], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
    const { controlUrl, htmlUrl } = JSON.parse(line) as { controlUrl: string; htmlUrl: string };
    const order = async (operation: string, body: unknown) =>
      (await (
        await fetch(`${controlUrl}/${operation}`, { method: 'POST', body: JSON.stringify(body) })
      ).json()) as object;
    await order('createRepository', { owner: 'acme', name: 'shop' });
    const { result } = (await order('openPullRequest', { repo: 'acme/shop' })) as {
      result: { number: number; htmlUrl: string };
    };
    await order('comment', ['acme/shop', result.number, 'mona', 'hello']);
    assert.equal(result.htmlUrl, `${htmlUrl}/acme/shop/pull/1`);
    assert.match(await (await fetch(result.htmlUrl)).text(), /hello/);
    assert.deepEqual(await order('violations', []), { result: [] });
    assert.match(JSON.stringify(await order('nonsense', [])), /no such operation/);
  } finally {
    child.kill('SIGTERM');
  }
  const [code] = await once(child, 'exit');
  assert.equal(code, 0);
});
