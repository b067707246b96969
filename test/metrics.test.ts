import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { openMetrics } from '../src/metrics.ts';
import { leakKinds } from '../src/telemetry.ts';

describe('metrics', () => {
  it('has every kind of reclaim at 0 from the start', async () => {
    const text = await openMetrics(() => 0).text();
    for (const kind of leakKinds) assert.ok(text.includes(`\nberth_reclaims_total{kind="${kind}"} 0\n`), kind);
    assert.ok(text.includes('\nprocess_resident_memory_bytes '));
  });

  it('counts in a registry of its own', async () => {
    const [one, other] = [openMetrics(() => 0), openMetrics(() => 0)];
    one.telemetry.reclaimed('namespace');
    one.telemetry.reclaimed('image', 3);
    const text = await one.text();
    assert.match(text, /^berth_reclaims_total\{kind="namespace"\} 1$/m);
    assert.match(text, /^berth_reclaims_total\{kind="image"\} 3$/m);
    assert.match(await other.text(), /^berth_reclaims_total\{kind="namespace"\} 0$/m);
  });

  it('tells what sweeps have seen, and when the last one was finished', async () => {
    let now = 1_700_000_000_000;
    const { telemetry, text } = openMetrics(() => now);
    const phases = { Building: 1, Deploying: 0, Ready: 2, Failed: 0, Held: 1, Removing: 0 };
    telemetry.swept({ open: 4, namespaces: 3, terminating: 1, stuck: 1, triggered: 2, phases });
    now += 60_000;
    telemetry.swept(undefined);
    const lines = (await text()).split('\n');
    for (const line of [
      'berth_sweeps_total{outcome="finished"} 1',
      'berth_sweeps_total{outcome="failed"} 1',
      'berth_sweep_last_success_timestamp_seconds 1700000000',
      'berth_sweep_seen{what="open"} 4',
      'berth_sweep_seen{what="namespaces"} 3',
      'berth_sweep_seen{what="terminating"} 1',
      'berth_sweep_seen{what="stuck"} 1',
      'berth_sweep_triggers_total 2',
      'berth_previews{phase="Ready"} 2',
      'berth_previews{phase="Failed"} 0',
    ]) {
      assert.ok(lines.includes(line), line);
    }
  });
});

describe('what is looked at when metrics are asked for', () => {
  const never = () => new Promise<never>(() => undefined);

  it('is the load of the queues and whether the rest answers', async () => {
    const load = { waiting: 3, waitingMs: 1_500, active: 1, activeMs: 200, delayed: 2 };
    const { text } = openMetrics(() => 0, {
      version: '1.2.3',
      queues: async () => [{ queue: 'builds', ...load }],
      dependencies: { redis: async () => undefined, kubernetes: () => Promise.reject(new Error('away')) },
    });
    const lines = (await text()).split('\n');
    for (const line of [
      'berth_build_info{version="1.2.3"} 1',
      'berth_queue_jobs{queue="builds",state="waiting"} 3',
      'berth_queue_jobs{queue="builds",state="delayed"} 2',
      'berth_queue_oldest_job_age_seconds{queue="builds",state="waiting"} 1.5',
      'berth_dependency_up{dependency="redis"} 1',
      'berth_dependency_up{dependency="kubernetes"} 0',
    ]) {
      assert.ok(lines.includes(line), line);
    }
  });

  it('keeps nobody waiting who asks, and is asked once as long as it hangs', async () => {
    let asked = 0;
    let isHanging = false;
    const load = { waiting: 3, waitingMs: 1_500, active: 1, activeMs: 200, delayed: 2 };
    const { text } = openMetrics(() => 0, {
      queues: () => (isHanging ? never() : Promise.resolve([{ queue: 'builds', ...load }])),
      dependencies: {
        redis() {
          asked += 1;
          return isHanging ? never() : Promise.resolve();
        },
      },
    });
    assert.match(await text(), /^berth_queue_jobs\{/m);
    isHanging = true;
    const startedAt = performance.now();
    const [first, second] = await Promise.all([text(), text()]);
    assert.ok(performance.now() - startedAt < 2_000);
    for (const each of [first, second, await text()]) {
      assert.match(each, /^berth_dependency_up\{dependency="redis"\} 0$/m);
      assert.doesNotMatch(each, /^berth_queue_jobs\{/m, 'what was known before is not shown as if it were so now');
    }
    assert.equal(asked, 2);
  });
});

describe('metrics of GitHub', () => {
  it('take a budget for full again when its hour is over', async () => {
    let now = 0;
    const { telemetry, text } = openMetrics(() => now);
    telemetry.forgeBudget('installation 1', { limit: 5_000, remaining: 12, resetAt: 60_000 });
    assert.match(await text(), /^berth_github_budget_remaining_requests\{caller="installation 1"\} 12$/m);
    now = 60_000;
    assert.match(await text(), /^berth_github_budget_remaining_requests\{caller="installation 1"\} 5000$/m);
  });
});

describe('metrics of webhooks', () => {
  it('have as many series whatever GitHub or strangers send', async () => {
    const { telemetry, text } = openMetrics(() => 0);
    for (const event of ['workflow_run', 'star', 'made up']) telemetry.delivered(event, 202, 5);
    telemetry.delivered(undefined, 401, 5);
    const shown = await text();
    assert.match(shown, /^berth_webhook_deliveries_total\{event="other",code="202"\} 3$/m);
    assert.match(shown, /^berth_webhook_deliveries_total\{event="unsigned",code="401"\} 1$/m);
  });
});
