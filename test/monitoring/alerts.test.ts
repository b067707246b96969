import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { assertAlerts, rulesFile, rulesIn, type Series } from './promtool.ts';

interface Row {
  readonly alert: string;
  readonly healthy: Series;
  readonly faulty: Series;
}

/** When to look: longer after the beginning than any rule looks back or waits. */
const minute = 90;

const berth = '{instance="berth-0", job="berth"';
const build = 'berth_build_duration_seconds_count';
const pass = 'berth_pass_duration_seconds_count';
const helm = 'berth_helm_duration_seconds_count';
const github = 'berth_github_request_duration_seconds_count';
const deliveries = 'berth_webhook_deliveries_total';
const busy = '0+1x100';
const none = '0+0x100';

const rows: readonly Row[] = [
  {
    alert: 'BerthDown',
    healthy: { [`berth_build_info${berth}, version="1"}`]: '1+0x100' },
    faulty: { other: '1+0x100' },
  },
  {
    alert: 'BerthRestarting',
    healthy: {
      [`berth_build_info${berth}, version="1"}`]: '1+0x100',
      [`process_start_time_seconds${berth}}`]: '10+0x80 5000+0x20',
      // Somebody else's process is none of our business.
      'process_start_time_seconds{instance="other", job="other"}': '0+60x100',
    },
    faulty: {
      [`berth_build_info${berth}, version="1"}`]: '1+0x100',
      [`process_start_time_seconds${berth}}`]: '10+0x70 4400+0x5 4800+0x5 5200+0x20',
    },
  },
  {
    alert: 'BerthRedisDown',
    healthy: { [`berth_dependency_up${berth}, dependency="redis"}`]: '1+0x89 0 1+0x20' },
    faulty: { [`berth_dependency_up${berth}, dependency="redis"}`]: '1+0x80 0+0x20' },
  },
  {
    alert: 'BerthKubernetesDown',
    healthy: { [`berth_dependency_up${berth}, dependency="kubernetes"}`]: '1+0x88 0+0x2 1+0x20' },
    faulty: { [`berth_dependency_up${berth}, dependency="kubernetes"}`]: '1+0x80 0+0x20' },
  },
  {
    alert: 'BerthWebhooksNotStored',
    healthy: { [`${deliveries}${berth}, event="pull_request", code="202"}`]: busy },
    faulty: {
      [`${deliveries}${berth}, event="pull_request", code="202"}`]: busy,
      [`${deliveries}${berth}, event="pull_request", code="503"}`]: '0+0x85 1+0x20',
    },
  },
  {
    alert: 'BerthWebhooksUnsigned',
    healthy: {
      // Strangers try their luck; GitHub's own are taken.
      [`${deliveries}${berth}, event="unsigned", code="401"}`]: busy,
      [`${deliveries}${berth}, event="pull_request", code="202"}`]: '0+0.1x100',
    },
    faulty: {
      [`${deliveries}${berth}, event="unsigned", code="401"}`]: busy,
      [`${deliveries}${berth}, event="pull_request", code="202"}`]: none,
    },
  },
  {
    alert: 'BerthQueueOld',
    healthy: {
      [`berth_queue_oldest_job_age_seconds${berth}, queue="previews", state="waiting"}`]: '0+0x85 130 10+0x20',
    },
    faulty: { [`berth_queue_oldest_job_age_seconds${berth}, queue="previews", state="waiting"}`]: '0+0x80 130+60x20' },
  },
  {
    alert: 'BerthBuildsWaiting',
    healthy: { [`berth_queue_oldest_job_age_seconds${berth}, queue="builds", state="waiting"}`]: '600+0x100' },
    faulty: { [`berth_queue_oldest_job_age_seconds${berth}, queue="builds", state="waiting"}`]: '0+60x100' },
  },
  {
    alert: 'BerthQueueStuck',
    healthy: {
      [`berth_queue_jobs${berth}, queue="builds", state="waiting"}`]: '50+0x100',
      [`berth_queue_jobs${berth}, queue="builds", state="active"}`]: '4+0x100',
    },
    faulty: {
      [`berth_queue_jobs${berth}, queue="builds", state="waiting"}`]: '50+0x100',
      [`berth_queue_jobs${berth}, queue="builds", state="active"}`]: '4+0x80 0+0x20',
    },
  },
  {
    alert: 'BerthPassesFailing',
    healthy: { [`${pass}${berth}, outcome="failed"}`]: busy, [`${pass}${berth}, outcome="settled"}`]: '0+5x100' },
    faulty: { [`${pass}${berth}, outcome="failed"}`]: '0+5x100', [`${pass}${berth}, outcome="settled"}`]: busy },
  },
  {
    alert: 'BerthBuildersDown',
    healthy: { [`${build}${berth}, outcome="failed"}`]: busy, [`${build}${berth}, outcome="built"}`]: '0+0.2x100' },
    faulty: { [`${build}${berth}, outcome="failed"}`]: '0+0x85 4+0x20', [`${build}${berth}, outcome="built"}`]: none },
  },
  {
    alert: 'BerthBuildsFailing',
    healthy: { [`${build}${berth}, outcome="refused"}`]: busy, [`${build}${berth}, outcome="built"}`]: busy },
    faulty: { [`${build}${berth}, outcome="refused"}`]: busy, [`${build}${berth}, outcome="built"}`]: '0+0.1x100' },
  },
  {
    alert: 'BerthHelmFailing',
    healthy: {
      [`${helm}${berth}, operation="upgrade", outcome="failed"}`]: busy,
      [`${helm}${berth}, operation="upgrade", outcome="done"}`]: '0+0.2x100',
    },
    faulty: {
      [`${helm}${berth}, operation="upgrade", outcome="failed"}`]: busy,
      [`${helm}${berth}, operation="upgrade", outcome="done"}`]: none,
    },
  },
  {
    alert: 'BerthSlowToReport',
    healthy: reports({ within5: busy, within120: busy }),
    faulty: reports({ within5: none, within120: busy }),
  },
  {
    alert: 'BerthGithubBudgetLow',
    healthy: budget('5000-40x100'),
    faulty: budget('5000-52x100'),
  },
  {
    alert: 'BerthGithubFailing',
    healthy: { [`${github}${berth}, outcome="failed"}`]: busy, [`${github}${berth}, outcome="unchanged"}`]: '0+5x100' },
    faulty: {
      [`${github}${berth}, outcome="limited"}`]: busy,
      [`${github}${berth}, outcome="unchanged"}`]: '0+0.5x100',
    },
  },
  {
    alert: 'BerthSweepStale',
    healthy: {
      [`berth_sweep_last_success_timestamp_seconds${berth}}`]: '0+60x100',
      // One process of all sweeps.
      'berth_sweep_last_success_timestamp_seconds{instance="berth-1", job="berth"}': none,
    },
    faulty: { [`berth_sweep_last_success_timestamp_seconds${berth}}`]: '0+60x60 3600+0x40' },
  },
  {
    alert: 'BerthReclaims',
    healthy: {
      [`berth_reclaims_total${berth}, kind="image"}`]: busy,
      [`berth_reclaims_total${berth}, kind="namespace"}`]: none,
    },
    faulty: { [`berth_reclaims_total${berth}, kind="namespace"}`]: '0+0x80 1+0x20' },
  },
  {
    alert: 'BerthDeliveriesLost',
    healthy: { [`berth_reclaims_total${berth}, kind="delivery"}`]: '0+0.1x100' },
    faulty: { [`berth_reclaims_total${berth}, kind="delivery"}`]: busy },
  },
  {
    alert: 'BerthPreviewStuck',
    healthy: {
      ...stuck('berth-0', '0+0x100', '0+60x100'),
      // What a process saw when it swept last, long ago.
      ...stuck('berth-1', '1+0x100', '600+0x100'),
    },
    faulty: stuck('berth-0', '0+0x60 1+0x40', '0+60x100'),
  },
];

function reports({ within5, within120 }: { readonly within5: string; readonly within120: string }): Series {
  const bucket = (le: string) => `berth_preview_stage_seconds_bucket${berth}, stage="reported", le="${le}"}`;
  return {
    [bucket('5')]: within5,
    [bucket('60')]: within5,
    [bucket('120')]: within120,
    [bucket('+Inf')]: within120,
    [`berth_preview_stage_seconds_count${berth}, stage="reported"}`]: within120,
  };
}

function budget(remaining: string): Series {
  return {
    [`berth_github_budget_remaining_requests${berth}, caller="installation 1"}`]: remaining,
    [`berth_github_budget_requests${berth}, caller="installation 1"}`]: '5000+0x100',
    // Another process has asked GitHub long ago.
    'berth_github_budget_remaining_requests{instance="berth-1", job="berth", caller="installation 1"}': '4900+0x100',
  };
}

function stuck(instance: string, count: string, lastSweep: string): Series {
  return {
    [`berth_sweep_seen{instance="${instance}", job="berth", what="stuck"}`]: count,
    [`berth_sweep_last_success_timestamp_seconds{instance="${instance}", job="berth"}`]: lastSweep,
  };
}

describe('alerts', () => {
  it('are all tested here', async () => {
    const names = (await rulesIn(rulesFile)).map(({ alert }) => alert);
    assert.deepEqual(
      rows.map(({ alert }) => alert),
      names,
    );
  });

  it('fire on their faults, and only then', async () => {
    await assertAlerts(
      rows.flatMap(({ alert, healthy, faulty }) => [
        { alert, series: healthy, quietAt: minute },
        { alert, series: faulty, firingAt: minute },
      ]),
    );
  });

  it('would be seen to be quiet where they should fire', async () => {
    const [{ alert, healthy }] = rows as readonly [Row];
    await assert.rejects(assertAlerts([{ alert, series: healthy, firingAt: minute }]), /got:/);
  });
});
