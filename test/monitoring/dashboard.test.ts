import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { before, describe, it } from 'node:test';
import { stringify } from 'yaml';
import { assertFound, checkMetrics, dashboardFile, promtool, rulesFile, rulesIn } from './promtool.ts';
import { metricsIn, metricsText, seriesNames } from './registry.ts';
import { historyOf } from './scrapes.ts';

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly { readonly expr: string; readonly refId: string }[];
}

interface Dashboard {
  readonly uid: string;
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly { readonly name: string }[] };
}

/** Names in a query that look like those of a Berth process. */
const namesIn = (query: string) => query.match(/\b(berth|process|nodejs)_[a-z0-9_]+\b/g) ?? [];

describe('what watches Berth', () => {
  let dashboard: Dashboard;
  let text: string;
  let known: ReadonlySet<string>;
  before(async () => {
    dashboard = JSON.parse(await readFile(dashboardFile, 'utf8')) as Dashboard;
    text = await metricsText();
    known = seriesNames(metricsIn(text));
  });
  const queries = () =>
    dashboard.panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => ({ title, expr })));

  it('has names and types as Prometheus likes them', async () => {
    const ours = text.split('\n').filter((line) => /^(# (HELP|TYPE) )?berth_/.test(line));
    assert.equal((await checkMetrics(`${ours.join('\n')}\n`)).trim(), '');
  });

  it('asks in the dashboard for nothing but what there is', () => {
    for (const { title, expr } of queries()) {
      const names = namesIn(expr);
      assert.ok(names.length > 0, `${title} asks for something`);
      for (const name of names) assert.ok(known.has(name), `${title} asks for ${name}, which there is not`);
    }
  });

  it('asks in the alerts for nothing but what there is', async () => {
    for (const { alert, expr } of await rulesIn(rulesFile))
      for (const name of namesIn(expr)) assert.ok(known.has(name), `${alert} asks for ${name}, which there is not`);
  });

  it('shows every metric of ours in the dashboard', () => {
    const shown = new Set(queries().flatMap(({ expr }) => namesIn(expr)));
    for (const { name, type } of metricsIn(text).filter((metric) => metric.name.startsWith('berth_'))) {
      const names = type === 'histogram' ? [`${name}_bucket`, `${name}_count`] : [name];
      assert.ok(
        names.some((each) => shown.has(each)),
        `${name} is shown nowhere`,
      );
    }
  });

  it('asks in PromQL, with variables that the dashboard has', async () => {
    const variables = dashboard.templating.list.map(({ name }) => name);
    assert.deepEqual(variables, ['datasource', 'namespace']);
    const folder = await mkdtemp(join(tmpdir(), 'berth-dashboard-'));
    try {
      const rules = queries().map(({ expr }, index) => ({
        record: `query:${index}`,
        expr: expr.replaceAll('$namespace', '.*').replaceAll('$__rate_interval', '5m'),
      }));
      assert.ok(rules.every(({ expr }) => !expr.includes('$')));
      const file = join(folder, 'queries.yaml');
      await writeFile(file, stringify({ groups: [{ name: 'dashboard', rules }] }, { lineWidth: 0 }));
      assert.match(await promtool('check', 'rules', file), new RegExp(`${rules.length} rules found`));
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  it('finds something with every query in the figures of a Berth', async () => {
    const scrape = { at: 0, text };
    const asked = queries().map(({ expr }) => expr.replaceAll('$namespace', '.*').replaceAll('$__rate_interval', '5m'));
    await assertFound(asked, historyOf([{ scrape, minutes: 70, goesOn: true }]), 65);
  });

  it('has panels that Grafana can place', () => {
    const { panels } = dashboard;
    assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length, 'ids are unique');
    for (const [index, { gridPos: one, title }] of panels.entries()) {
      assert.ok(one.x + one.w <= 24, `${title} is inside`);
      for (const { gridPos: other, title: otherTitle } of panels.slice(index + 1)) {
        const isApart =
          one.x + one.w <= other.x ||
          other.x + other.w <= one.x ||
          one.y + one.h <= other.y ||
          other.y + other.h <= one.y;
        assert.ok(isApart, `${title} and ${otherTitle} overlap`);
      }
    }
  });
});
