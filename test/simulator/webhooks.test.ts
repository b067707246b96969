import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { describe, it } from 'node:test';
import { Webhooks } from '@octokit/webhooks';
import { appClient } from './client.ts';
import { type Receiver, startReceiver } from './receiver.ts';
import { type Simulator, startSimulator } from './simulator.ts';

async function start(receiver: Receiver): Promise<Simulator> {
  const simulator = await startSimulator();
  simulator.createRepository({ owner: 'acme', name: 'shop' });
  simulator.setWebhookUrl(receiver.url);
  return simulator;
}

/** The actions of the deliveries that arrived, in the order of their arrival. */
function actions({ received }: Receiver): readonly string[] {
  return received.map(({ body }) => (JSON.parse(body) as { action: string }).action);
}

describe('webhooks', () => {
  it('are signed so that octokit takes them', async () => {
    await using receiver = await startReceiver();
    await using simulator = await start(receiver);
    simulator.openPullRequest({ repo: 'acme/shop' });
    await simulator.deliveries.settled();
    const opened = receiver.received.find(({ body }) => body.includes('"opened"'));
    assert.ok(opened);
    const { headers, body } = opened;
    const webhooks = new Webhooks({ secret: simulator.app.webhookSecret });
    assert.ok(await webhooks.verify(body, String(headers['x-hub-signature-256'])));
    assert.equal(await webhooks.verify(`${body} `, String(headers['x-hub-signature-256'])), false);
    assert.equal(headers['x-github-event'], 'pull_request');
    assert.match(String(headers['x-github-delivery']), /^[0-9a-f-]{36}$/);
    assert.match(String(headers['user-agent']), /^GitHub-Hookshot\//);
  });

  it('take another connection when one that was kept has been closed meanwhile', async (t) => {
    const seen = new WeakSet<Socket>();
    const server = createServer((incoming, outgoing) => {
      // Gone as if it had been closed just before the request was sent.
      if (seen.has(incoming.socket)) return incoming.socket.destroy();
      seen.add(incoming.socket);
      incoming.resume().on('end', () => outgoing.writeHead(202).end());
      return undefined;
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    t.after(() => {
      server.closeAllConnections();
      server.close();
    });
    await using simulator = await startSimulator();
    simulator.createRepository({ owner: 'acme', name: 'shop' });
    simulator.setWebhookUrl(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    for (let count = 1; count <= 3; count += 1) {
      simulator.ping();
      await simulator.deliveries.settled();
    }
    assert.deepEqual(
      simulator.deliveries.all.filter(({ event }) => event === 'ping').map(({ statusCode }) => statusCode),
      [202, 202, 202],
    );
  });

  it('have the published shape, whatever happens to a pull request', async () => {
    await using receiver = await startReceiver();
    await using simulator = await start(receiver);
    const repo = 'acme/shop';
    const { number } = simulator.openPullRequest({ repo, draft: true, labels: ['preview'] });
    simulator.setDraft(repo, number, false);
    simulator.edit(repo, number, { title: 'Another title', body: 'And a text' });
    simulator.push(repo, number, { 'a.txt': 'a\n' });
    simulator.unlabel(repo, number, 'preview');
    simulator.editComment(repo, simulator.comment(repo, number, 'mona', 'hello'), 'bye');
    simulator.closePullRequest(repo, number);
    simulator.reopen(repo, number);
    simulator.merge(repo, number);
    simulator.deleteBranch(repo, 'change-1');
    const { number: fork } = simulator.openPullRequest({ repo, fromFork: 'stranger' });
    simulator.deleteFork('stranger/shop');
    for (const label of ['a', 'b']) simulator.label(repo, fork, label);
    simulator.closePullRequest(repo, fork);
    simulator.ping();
    simulator.rename(repo, 'store');
    simulator.transfer('acme/store', 'someone');
    simulator.suspendInstallation('acme');
    simulator.unsuspendInstallation('acme');
    simulator.uninstall('acme');
    await simulator.deliveries.settled();
    const events = new Set(simulator.deliveries.all.map(({ event }) => event));
    for (const event of ['pull_request', 'issue_comment', 'push', 'delete', 'ping', 'repository', 'installation'])
      assert.ok(events.has(event), event);
    assert.deepEqual(simulator.violations, []);
  });

  it('can be held back and released in another order', async () => {
    await using receiver = await startReceiver();
    await using simulator = await start(receiver);
    const { number } = simulator.openPullRequest({ repo: 'acme/shop' });
    await simulator.deliveries.settled();
    receiver.received.length = 0;
    simulator.deliveries.hold();
    simulator.closePullRequest('acme/shop', number);
    simulator.reopen('acme/shop', number);
    assert.deepEqual(actions(receiver), []);
    await simulator.deliveries.release('reversed');
    assert.deepEqual(actions(receiver), ['reopened', 'closed']);
  });

  it('can be lost and repeated', async () => {
    await using receiver = await startReceiver();
    await using simulator = await start(receiver);
    const { number } = simulator.openPullRequest({ repo: 'acme/shop' });
    await simulator.deliveries.settled();
    receiver.received.length = 0;
    simulator.deliveries.lose({ action: 'closed' }, 1);
    simulator.deliveries.repeat({ action: 'reopened' }, 3);
    simulator.closePullRequest('acme/shop', number);
    simulator.reopen('acme/shop', number);
    await simulator.deliveries.settled();
    assert.deepEqual(actions(receiver), ['reopened', 'reopened', 'reopened']);
    assert.equal(new Set(receiver.received.map(({ headers }) => headers['x-github-delivery'])).size, 1);
  });

  it('are listed with what the receiver said, and sent again with the same GUID when asked', async () => {
    await using receiver = await startReceiver();
    await using simulator = await start(receiver);
    receiver.status = 503;
    simulator.ping();
    await simulator.deliveries.settled();
    const client = appClient(simulator);
    const { data: failed } = await client.request('GET /app/hook/deliveries', { status: 'failure' });
    const [delivery] = failed;
    assert.ok(delivery);
    assert.equal(delivery.status_code, 503);
    receiver.status = 202;
    const path = 'POST /app/hook/deliveries/{delivery_id}/attempts';
    await client.request(path, { delivery_id: Number(delivery.id) });
    await simulator.deliveries.settled();
    const { data: all } = await client.request('GET /app/hook/deliveries');
    const again = all.find(({ redelivery }) => redelivery);
    assert.equal(again?.guid, delivery.guid);
    assert.equal(again?.status_code, 202);
    const detail = 'GET /app/hook/deliveries/{delivery_id}';
    const { data: one } = await client.request(detail, { delivery_id: Number(again?.id) });
    assert.equal(one.response.payload, 'seen');
  });

  it('are not sent for a suspended installation', async () => {
    await using receiver = await startReceiver();
    await using simulator = await start(receiver);
    simulator.suspendInstallation('acme');
    simulator.openPullRequest({ repo: 'acme/shop' });
    await simulator.deliveries.settled();
    assert.deepEqual(actions(receiver), ['suspend']);
  });
});
