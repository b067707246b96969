/** The log of a preview's whole life: one field leads through it. */
import assert from 'node:assert/strict';
import { describe } from 'node:test';
import { pino } from 'pino';
import { keyId } from '../../src/domain/preview.ts';
import { logOptions } from '../../src/log.ts';
import { buildServer } from '../../src/server/server.ts';
import { headersFor, pullRequestEvent, secret } from '../server/delivery.ts';
import { itInWorld } from './world.ts';

describe('the field `preview` of the log', () => {
  const lines: { readonly msg: string; readonly step?: string; readonly [field: string]: unknown }[] = [];
  const log = pino(logOptions({ level: 'debug', role: 'all' }), {
    write: (line) => void lines.push(JSON.parse(line) as (typeof lines)[number]),
  });

  itInWorld(
    'leads from the webhook to the removal, with the revision',
    async (world) => {
      const { key, head } = world.openPullRequest();
      await using server = buildServer({
        secrets: [secret],
        queue: world.queue,
        onEverything: () => undefined,
        checks: {},
        log,
      });
      const deliver = async () => {
        const payload = pullRequestEvent(key.number, key.repositoryId);
        const headers = headersFor(payload, 'pull_request');
        const reply = await server.inject({ method: 'POST', url: '/webhooks/github', headers, payload });
        assert.equal(reply.statusCode, 202);
        await world.queue.idle();
      };
      await deliver();
      world.close(key);
      await deliver();

      const mine = lines.filter(({ preview }) => preview === keyId(key));
      assert.deepEqual(
        lines.filter((line) => !mine.includes(line)),
        [],
        'no line is about no preview',
      );
      // What a webhook says about the revision is not believed, so its line is silent about it.
      for (const line of mine.filter(({ msg }) => msg !== 'webhook taken')) {
        assert.equal(line['revision'], head.revision, line.msg);
      }
      const told = mine
        .filter(({ level }) => level !== 'debug')
        .map(({ msg, step }) => (step === undefined ? msg : `${msg}: ${step}`));
      assert.deepEqual(told, [
        'webhook taken',
        'step done: start builds',
        'step done: create namespace',
        'build started',
        'image built',
        'step done: upgrade release',
        'preview ready',
        'step done: record revision',
        'webhook taken',
        'step done: delete namespace',
        'preview removed',
      ]);
    },
    { replace: () => ({ log }) },
  );
});
