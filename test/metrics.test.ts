import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { openMetrics } from '../src/metrics.ts';
import { leakKinds } from '../src/ports.ts';

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
