import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { describe, it } from 'node:test';
import { rulesFile, rulesIn } from './promtool.ts';
import { metricsIn, metricsText } from './registry.ts';

const page = await readFile(new URL('../../docs/operating.md', import.meta.url), 'utf8');
const headings = [...page.matchAll(/^#+ (.+)$/gm)].map(([, title = '']) =>
  title
    .toLowerCase()
    .replace(/[^a-z0-9 -]/g, '')
    .replaceAll(' ', '-'),
);

describe('docs/operating.md', () => {
  it('lists every metric with its type and labels, and no other', async () => {
    const rows = [...page.matchAll(/^\| `(berth_[a-z_]+)` \| (\w+) \|([^|]*)\|/gm)].map(
      ([, name, type, labels = '']) => ({
        name,
        type,
        labels: [...labels.matchAll(/`([a-z]+)`/g)].map(([, label]) => label),
      }),
    );
    const metrics = metricsIn(await metricsText()).filter(({ name }) => name.startsWith('berth_'));
    assert.deepEqual(
      rows.toSorted((a, b) => (a.name ?? '').localeCompare(b.name ?? '')),
      metrics
        .map(({ name, type, labels }) => ({ name, type, labels }))
        .toSorted((a, b) => a.name.localeCompare(b.name)),
    );
  });

  it('has a runbook for every alert, which the alert leads to', async () => {
    for (const { alert, annotations, labels } of await rulesIn(rulesFile)) {
      const [address, anchor = ''] = (annotations['runbook_url'] ?? '').split('#');
      assert.match(address ?? '', /\/docs\/operating\.md$/, alert);
      assert.ok(headings.includes(anchor), `there is no heading for ${alert}`);
      assert.ok(annotations['summary'] && annotations['description'], alert);
      assert.match(labels['severity'] ?? '', /^(warning|critical)$/);
    }
  });
});
