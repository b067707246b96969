import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Repository } from '../../../src/domain/preview.ts';
import type { Forge } from '../../../src/ports.ts';
import { startReceiver } from '../../simulator/receiver.ts';
import type { Github } from './github.ts';
import { always, opened, openPullRequest, signal, states, texts } from './opened.ts';

const answers = [
  ['500', ({ simulator }: Github, path: string) => simulator.faults.add({ match: { path }, status: 500 })],
  [
    '404',
    ({ simulator }: Github, path: string) =>
      simulator.faults.add({ match: { path }, status: 404, body: { message: 'Not Found' } }),
  ],
  ['half a page', ({ simulator }: Github, path: string) => simulator.faults.halfPage({ match: { path } })],
  ['an empty page', ({ simulator }: Github, path: string) => simulator.faults.emptyPage({ match: { path } })],
] as const;

interface List {
  readonly name: string;
  readonly path: string;
  readonly ask: (forge: Forge, repository: Repository) => Promise<unknown>;
}

const lists: readonly List[] = [
  { name: 'installations', path: 'apps/list-installations', ask: (forge) => forge.repositories(signal) },
  {
    name: 'repositories',
    path: 'apps/list-repos-accessible-to-installation',
    ask: (forge) => forge.repositories(signal),
  },
  { name: 'open pull requests', path: 'pulls/list', ask: (forge, each) => forge.openPullRequests(each, signal) },
  { name: 'closed pull requests', path: 'pulls/list', ask: (forge, each) => forge.recentlyClosed(each, signal) },
  {
    name: 'deployments',
    path: 'repos/list-deployments',
    ask: (forge, each) => forge.deployedPullRequests(each, signal),
  },
  { name: 'deliveries', path: 'apps/list-webhook-deliveries', ask: (forge) => forge.redeliver(0, signal) },
];

describe('a list', () => {
  for (const { name, path, ask } of lists) {
    for (const [answer, strike] of answers) {
      it(`B8 of ${name} that answers ${answer} makes no pull request disappear`, async () => {
        await using subject = await opened();
        const { github, id, key } = subject;
        // Half of two is one: the first.
        const keys = [key, openPullRequest(github, id)];
        github.simulator.createRepository({ owner: 'other', name: 'api' });
        const [repository] = await github.forge().repositories(signal);
        assert.ok(repository);
        const fault = strike(github, path);
        // As after a start: nothing is remembered.
        const forge = github.forge();
        // An error is as good as any answer, and the caller's to log.
        await ask(forge, repository).catch(() => undefined);
        for (const each of keys) {
          const seen = await forge.pullRequest(each, signal).catch((error: unknown) => error);
          assert.ok(seen instanceof Error || (seen as { state?: string } | undefined)?.state === 'open', String(seen));
        }
        assert.ok(fault.hits > 0, 'the list was asked for');
        fault.remove();
        for (const each of keys) assert.equal((await forge.pullRequest(each, signal))?.state, 'open');
      });
    }
  }

  for (const [answer, strike] of answers) {
    it(`B8 of deliveries that answers ${answer} loses no delivery`, async () => {
      await using receiver = await startReceiver();
      await using subject = await opened();
      const { github } = subject;
      github.simulator.setWebhookUrl(receiver.url);
      github.simulator.deliveries.lose({ event: 'ping' }, 2);
      for (const _ of [1, 2]) github.simulator.ping();
      await github.simulator.deliveries.settled();
      const fault = strike(github, 'apps/list-webhook-deliveries');
      const forge = github.forge();
      const first = await forge.redeliver(0, signal).catch(() => ({ seenUntil: 0 }));
      fault.remove();
      await forge.redeliver(first.seenUntil, signal);
      await github.simulator.deliveries.settled();
      assert.equal(receiver.received.length, 2);
    });

    it(`B8 of comments that answers ${answer} leaves one comment in the end, and it is right`, async () => {
      await using subject = await opened();
      const { github, key } = subject;
      let now = Date.now();
      const options = { cache: github.cacheWith({ now: () => now }) };
      await github.forge(options).writeComment(key, 'building', always, signal);
      now += 11 * 60_000;
      const fault = strike(github, 'issues/list-comments');
      // The first writes over what it knows, the second knows nothing but the list.
      await github
        .forge(options)
        .writeComment(key, 'ready', always, signal)
        .catch(() => undefined);
      fault.remove();
      now += 11 * 60_000;
      await github.forge(options).writeComment(key, 'ready', always, signal);
      assert.deepEqual(texts(github, key), ['ready']);
    });

    it(`B8 of deployments that answers ${answer} leaves one active in the end`, async () => {
      await using subject = await opened();
      const { github, key, revision } = subject;
      let now = Date.now();
      const options = { cache: github.cacheWith({ now: () => now }) };
      const report = { revision, description: 'Running', environmentUrl: undefined } as const;
      await github.forge(options).writeDeployment(key, { ...report, state: 'in_progress' }, signal);
      now += 11 * 60_000;
      const fault = strike(github, 'repos/list-deployments');
      await github
        .forge(options)
        .writeDeployment(key, { ...report, state: 'success' }, signal)
        .catch(() => undefined);
      fault.remove();
      now += 11 * 60_000;
      await github.forge(options).writeDeployment(key, { ...report, state: 'success' }, signal);
      const last = states(github, key).map((each) => each.at(-1));
      assert.deepEqual(
        last.filter((state) => state !== 'inactive'),
        ['success'],
      );
      await github.forge(options).retireDeployments(key, signal);
      assert.deepEqual([...new Set(states(github, key).map((each) => each.at(-1)))], ['inactive']);
    });
  }
});
