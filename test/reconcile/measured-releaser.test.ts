import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DiagnosedError } from '../../src/domain/errors.ts';
import { measuredReleaser } from '../../src/reconcile/measured-releaser.ts';
import { fakeTelemetry } from '../fakes/telemetry.ts';

describe('measuredReleaser', () => {
  it('counts how runs end, and changes nothing', async () => {
    const telemetry = fakeTelemetry();
    const errors: Record<string, Error> = {
      outage: new Error('no API server'),
      chart: new DiagnosedError({ reason: 'ChartInvalid', message: 'The chart is wrong' }),
    };
    const releaser = measuredReleaser(telemetry, {
      upgrade: () => Promise.reject(new Error('not here')),
      async unlock(namespace, signal) {
        signal.throwIfAborted();
        if (errors[namespace]) throw errors[namespace];
      },
      uninstall: async () => undefined,
    });
    const { signal } = new AbortController();
    await releaser.unlock('fine', signal);
    await assert.rejects(releaser.unlock('outage', signal), errors['outage']);
    await assert.rejects(releaser.unlock('chart', signal), errors['chart']);
    await assert.rejects(releaser.unlock('fine', AbortSignal.abort(new Error('superseded'))), /superseded/);
    await releaser.uninstall('fine', 1_000, signal);
    assert.deepEqual(telemetry.others, [
      ['helm', 'unlock', 'done'],
      ['helm', 'unlock', 'failed'],
      ['helm', 'unlock', 'refused'],
      ['helm', 'unlock', 'stopped'],
      ['helm', 'uninstall', 'done'],
    ]);
  });
});
