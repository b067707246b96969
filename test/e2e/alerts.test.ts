/** Real faults, in the real figures of a running Berth, judged by the rules that are shipped. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { waitUntil } from '../../deploy/local/wait.ts';
import { assertAlerts, rulesFile, rulesIn } from '../monitoring/promtool.ts';
import { historyOf, type Scrape } from '../monitoring/scrapes.ts';
import { type RedisServer, startRedis } from '../redis-server.ts';
import { figureIn, scrape } from './metrics-of.ts';
import { page } from './repositories.ts';
import { startWorld, type World } from './world.ts';

/** How long all was well in the histories, and how long the fault then lasts at most. */
const wellMinutes = 65;
const faultMinutes = 30;

const moments = [
  { alert: 'BerthBuildersDown', after: 5 },
  { alert: 'BerthReclaims', after: 5 },
  { alert: 'BerthSweepStale', after: 28 },
  { alert: 'BerthGithubBudgetLow', after: 5 },
  { alert: 'BerthRedisDown', after: 5 },
  { alert: 'BerthWebhooksNotStored', after: 5 },
  { alert: 'BerthQueueStuck', after: 10 },
] as const;
type Alert = (typeof moments)[number]['alert'];

describe('alerts about real faults', () => {
  const faults = new Map<Alert, { readonly well: Scrape; readonly faulty: Scrape }>();
  let redis: RedisServer;
  let world: World;
  before(async () => {
    redis = await startRedis();
    // Nobody builds there.
    world = await startWorld({ env: { BERTH_REDIS_URL: redis.url, BERTH_BUILDKIT: 'tcp://127.0.0.1:1' } });
  });
  after(async () => {
    await world[Symbol.asyncDispose]();
    await redis.stop();
  });

  /** Scrapes until the figure is as the fault makes it. */
  async function until(name: string, isSo: (figure: number) => boolean): Promise<Scrape> {
    let last: Scrape | undefined;
    await waitUntil(`${name} to tell of the fault`, async () => {
      last = await scrape(world.berth);
      const figure = figureIn(last, name);
      return figure !== undefined && isSo(figure);
    });
    return last ?? assert.fail();
  }

  it('shows each fault in its figures', async () => {
    const { github, berth } = world;
    const repo = 'acme/watched';
    const well = await until('berth_sweeps_total{outcome="finished"}', (count) => count > 0);
    github.createRepository({ owner: 'acme', name: 'watched', from: page('watched') });

    const { number } = github.openPullRequest({ repo });
    const failures = 'berth_build_duration_seconds_count{outcome="failed"}';
    faults.set('BerthBuildersDown', { well, faulty: await until(failures, (count) => count >= 3) });

    // Webhooks about whole repositories are about no preview.
    const told = berth.log.filter(
      ({ msg, everything }) => /^(webhook taken|step|build)/.test(msg) && everything !== true,
    );
    assert.ok(told.some(({ msg }) => msg === 'build failed, will be tried again'));
    for (const line of told) assert.match(String(line['preview']), /^\d+-\d+$/, line.msg);

    await waitUntil('a namespace', async () => (await world.namespaces()).length === 1);
    github.deliveries.lose();
    github.closePullRequest(repo, number);
    const reclaims = 'berth_reclaims_total{kind="namespace"}';
    faults.set('BerthReclaims', { well, faulty: await until(reclaims, (count) => count === 1) });
    github.deliveries.behave();

    const nearlySpent = github.faults.add({
      change: (answer) => ({ ...answer, headers: { ...answer.headers, 'x-ratelimit-remaining': '100' } }),
    });
    const [remaining = ''] = /^berth_github_budget_remaining_requests\{caller="installation \d+"\}/m.exec(
      (await scrape(berth)).text,
    ) ?? [''];
    faults.set('BerthGithubBudgetLow', { well, faulty: await until(remaining, (left) => left === 100) });
    nearlySpent.remove();

    const unlisted = github.faults.add({ match: { path: 'apps/list-installations' }, status: 500 });
    faults.set('BerthSweepStale', { well, faulty: await until('berth_sweeps_total{outcome="failed"}', (n) => n > 0) });
    unlisted.remove();

    // Hanging first, which is worse than being away: the figures must come all the same.
    redis.freeze();
    const asked = performance.now();
    assert.equal(figureIn(await scrape(berth), 'berth_dependency_up{dependency="redis"}'), 0);
    assert.ok(performance.now() - asked < 2_500, `took ${performance.now() - asked} ms`);
    redis.thaw();
    await redis.kill();
    github.openPullRequest({ repo });
    const notStored = 'berth_webhook_deliveries_total{event="pull_request",code="503"}';
    const faulty = await until(notStored, (count) => count > 0);
    faults.set('BerthWebhooksNotStored', { well, faulty });
    faults.set('BerthRedisDown', { well, faulty });
    assert.equal(figureIn(faulty, 'berth_queue_jobs{queue="previews",state="waiting"}'), undefined);
    await redis.startEmpty();
    await until('berth_dependency_up{dependency="redis"}', (up) => up === 1);
  });

  it('shows that nobody works', async () => {
    await using idle = await startWorld({ env: { BERTH_ROLES: 'server,gateway' } });
    const well = await scrape(idle.berth);
    idle.github.createRepository({ owner: 'acme', name: 'waiting', from: page('waiting') });
    idle.github.openPullRequest({ repo: 'acme/waiting' });
    let faulty = well;
    await waitUntil('a job to wait', async () => {
      faulty = await scrape(idle.berth);
      return (figureIn(faulty, 'berth_queue_jobs{queue="previews",state="waiting"}') ?? 0) > 0;
    });
    faults.set('BerthQueueStuck', { well, faulty });
  });

  it('fires for each of them, and not before', async () => {
    const queries = (await rulesIn(rulesFile)).map(({ expr }) => expr);
    await assertAlerts(
      moments.map(({ alert, after: afterMinutes }) => {
        const { well, faulty } = faults.get(alert) ?? assert.fail(`${alert} has not been caused`);
        const chapters = [
          { scrape: well, minutes: wellMinutes, goesOn: true },
          { scrape: faulty, minutes: faultMinutes, goesOn: false },
        ];
        const series = historyOf(chapters, queries);
        return { alert, series, quietAt: wellMinutes - 1, firingAt: wellMinutes + afterMinutes };
      }),
    );
  });
});
