import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { run } from '../../deploy/local/run.ts';

const probe = fileURLToPath(new URL('../../charts/berth/files/probe.mjs', import.meta.url));

/** What `helm test` says of services whose server answers like this, one after the other; the last answer stays. */
async function tested(statuses: readonly number[], patienceMs: number): Promise<string> {
  let nth = 0;
  const server = createServer((request, response) => {
    const status = request.url === '/server' ? statuses[Math.min(nth++, statuses.length - 1)] : 200;
    response.writeHead(request.url === '/gateway' ? 404 : (status ?? 0)).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  try {
    const env = { SERVER_URL: `${url}/server`, GATEWAY_URL: `${url}/gateway`, OPERATIONS_URL: `${url}/operations` };
    return await run([process.execPath, probe], {
      env: { ...env, PATIENCE_MS: String(patienceMs) },
      timeoutMs: 60_000,
    });
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

describe('the test of the chart', { timeout: 60_000 }, () => {
  it('waits for what is about to be there, as just after an installation', async () => {
    const said = await tested([503, 503, 200], 30_000);
    assert.deepEqual(
      said
        .trim()
        .split('\n')
        .map((line) => line.replace(/http:\S+\//, '')),
      ['ok  server: 200', 'ok  gateway: 404', 'ok  operations: 200'],
    );
  });

  it('fails for what does not come, and asks the others nevertheless', async () => {
    await assert.rejects(tested([503], 600), /FAILED .*server: 503\n.*ok .*gateway: 404\n.*ok .*operations: 200/s);
  });
});
