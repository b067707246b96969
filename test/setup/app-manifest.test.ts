import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { neededEvents, neededPermissions } from '../../src/adapters/github/needs.ts';
import { appManifest } from '../../src/setup/app-manifest.ts';
import { manifestProblem } from '../simulator/operations/new-apps.ts';

const registration = {
  name: 'berth',
  webhookUrl: 'https://berth.example.com/webhooks/github',
  isPublic: false,
};

describe('appManifest', () => {
  it('asks for what Berth needs, and for nothing else', () => {
    const { default_permissions: permissions, default_events: events } = appManifest(registration);
    assert.deepEqual(permissions, Object.fromEntries(neededPermissions.map(({ name, access }) => [name, access])));
    for (const { name, essential } of neededEvents) assert.ok(!essential || events.includes(name), name);
    for (const event of events)
      assert.ok(
        neededEvents.some(({ name }) => name === event),
        event,
      );
  });

  it('is the file in deploy/github-app for whoever does it by hand', () => {
    const file = readFileSync(new URL('../../deploy/github-app/manifest.json', import.meta.url), 'utf8');
    assert.deepEqual(JSON.parse(file), appManifest(registration));
  });

  it('is taken by GitHub, which refuses events that its permissions do not offer', () => {
    const manifest = appManifest(registration, 'http://127.0.0.1:8765/x/created');
    assert.ok('manifest' in manifestProblem(JSON.stringify(manifest)));
    const more = { ...manifest, default_events: [...manifest.default_events, 'check_suite'] };
    assert.deepEqual(manifestProblem(JSON.stringify(more)), {
      problem: 'Error: Default events are not supported by permissions: check_suite',
    });
  });
});
