/** An app with Postgres, Redis, a worker and volumes by the built-in chart: what is in them outlives a push. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { serviceImages } from '../../deploy/local/service-images.ts';
import { openFork } from './fork.ts';
import { examples, startWorld, type World } from './world.ts';

const from = join(examples, 'fullstack');
const giveUpMs = 30_000;

describe('an app with databases, a worker and volumes, without a chart of its own', { timeout: 600_000 }, () => {
  let world: World;
  before(async () => {
    world = await startWorld();
    await serviceImages(world.stack);
  });
  after(() => world?.[Symbol.asyncDispose]());

  /** Signs the guest book and waits until the worker has done its part. */
  async function sign(url: string, name: string): Promise<string> {
    const { status, body } = await world.visit(url, `/cgi-bin/sign?${name}`);
    assert.equal(status, 200, body);
    for (const startedAtMs = Date.now(); Date.now() - startedAtMs < giveUpMs; await delay(100)) {
      const { body: entries } = await world.visit(url, '/cgi-bin/entries');
      if (entries.split('Archived:')[1]?.includes(name)) return entries;
    }
    throw new Error(`the worker did not archive ${name} within ${giveUpMs} ms`);
  }

  async function passwords(): Promise<readonly string[]> {
    const [namespace] = await world.namespaces();
    const { items } = await world.cluster.listNamespacedSecret({ namespace: namespace?.metadata?.name ?? '' });
    const own = items.filter(({ metadata }) => metadata?.name?.startsWith('preview-'));
    return own.map(({ metadata, data }) => `${metadata?.name} ${data?.['PGPASSWORD'] ?? data?.['REDIS_PASSWORD']}`);
  }

  it('keeps them, and the passwords, over a push', async () => {
    const repo = 'acme/guests';
    world.github.createRepository({ owner: 'acme', name: 'guests', from });
    const { number, headSha } = world.github.openPullRequest({ repo, changes: { 'site/news.txt': 'one\n' } });
    const url = await world.running(repo, number, headSha);
    const first = await sign(url, 'Ada');
    assert.equal(first, `Guest book of #${number}, ${headSha}\n1 Welcome.\n2 Ada\nArchived:\n2 Ada\n`);
    const before = await passwords();
    assert.equal(before.length, 2);

    const pushed = world.github.push(repo, number, { 'site/news.txt': 'two\n' });
    await world.running(repo, number, pushed);
    const second = await sign(url, 'Grace');
    assert.equal(
      second,
      `Guest book of #${number}, ${pushed}\n1 Welcome.\n2 Ada\n3 Grace\nArchived:\n2 Ada\n3 Grace\n`,
    );
    assert.deepEqual(await passwords(), before);
    world.github.closePullRequest(repo, number);
    await world.removed(repo, number);
  });

  it('runs as well with the code of a fork, which gets nothing from outside', async () => {
    const fork = openFork(world, 'strangers', from, { 'site/news.txt': 'by a stranger\n' });
    const { repo, number, headSha } = fork;
    fork.approve(headSha);
    const url = await world.running(repo, number, headSha);
    assert.match(await sign(url, 'Mallory'), /Archived:\n2 Mallory\n$/);
  });

  it('says why a setup fails, and keeps the worker from starting', async () => {
    const repo = 'acme/unset';
    const text = await readFile(join(from, '.berth.yaml'), 'utf8');
    const setup = '[sh, -c, "echo there is no such column >&2; exit 3"]';
    world.github.createRepository({ owner: 'acme', name: 'unset', from });
    const { number } = world.github.openPullRequest({
      repo,
      changes: { '.berth.yaml': text.replace('[migrate]', setup) },
    });
    const comment = await world.commented(repo, number, /Container \\`setup\\` of \\`web\\` crashes with exit code 3/);
    assert.match(comment, /there is no such column/);
    assert.doesNotMatch(comment, /archivist/);
    world.github.closePullRequest(repo, number);
  });

  it('says what to do about an image that runs as root; then it runs', async () => {
    const repo = 'acme/root';
    const Dockerfile = `FROM localhost:5000/library/busybox:stable
EXPOSE 8080
CMD ["sh", "-c", "trap 'exit 0' TERM; httpd -f -p 8080 & wait $!"]
`;
    world.github.createRepository({ owner: 'acme', name: 'root', from: { Dockerfile } });
    const { number } = world.github.openPullRequest({ repo });
    const comment = await world.commented(repo, number, /must not run as root/);
    const [, app, user] = /`(\w+): \{ (runAsUser: \d+) \}`/.exec(comment.replaceAll('\\', '')) ?? [];
    const pushed = world.github.push(repo, number, { '.berth.yaml': `values: { apps: { ${app}: { ${user} } } }\n` });
    await world.running(repo, number, pushed);
  });
});
