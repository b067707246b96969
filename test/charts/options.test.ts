import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { variableNames } from '../../src/config.ts';
import { chartFolder, type KubernetesObject, render, type Values } from './helm.ts';
import { withoutChance } from './objects.ts';
import { completeSets, config } from './option-sets.ts';
import { optionsOf, valueAt, without } from './options.ts';

const chart = chartFolder('berth');
const defaults = parse(readFileSync(path.join(chart, 'values.yaml'), 'utf8')) as Values;
// Helm's own, for charts that others depend on.
const options = optionsOf(chart).filter(([name]) => name !== 'global');

/** Names of the sets that say something else than the default of an option. */
function setsWith(option: readonly string[]): readonly string[] {
  const usual = JSON.stringify(valueAt(defaults, option));
  return [...completeSets].flatMap(([name, values]) => {
    const value = valueAt(values, option);
    return value !== undefined && JSON.stringify(value) !== usual ? [name] : [];
  });
}

describe('options of the chart', () => {
  it('are in values.yaml, each with its default, as they are in values.schema.json', () => {
    const listed = options.filter(([name]) => name !== 'config');
    assert.deepEqual(
      listed.filter((option) => valueAt(defaults, option) === undefined).map((option) => option.join('.')),
      [],
    );
  });

  it('are each used by a set of options', () => {
    assert.deepEqual(
      options.filter((option) => setsWith(option).length === 0).map((option) => option.join('.')),
      [],
    );
  });

  it('that are variables end up in the environment as they are', async () => {
    const objects = await render(chart, completeSets.get('every variable') ?? {});
    const { data } = objects.find(
      ({ kind, metadata }) => kind === 'ConfigMap' && metadata.labels?.['app.kubernetes.io/component'] === 'config',
    ) as unknown as { readonly data: Readonly<Record<string, string>> };
    for (const [name, value] of Object.entries(config))
      assert.equal(data[`BERTH_${name}`], `${value as string | number}`, name);
    for (const name of Object.keys(data)) assert.ok(variableNames.includes(name.replace('BERTH_', '')), name);
  });

  it('each change what is rendered', { timeout: 280_000 }, async () => {
    const groups = Object.values(Object.groupBy(options, (option) => [...alike(option)].join('.')));
    const waiting = groups.flatMap((group) => (group?.[0]?.[0] === 'config' || !group ? [] : [group]));
    const idle: string[] = [];
    const judge = async () => {
      for (let group = waiting.pop(); group !== undefined; group = waiting.pop()) {
        for (const option of await idleOf(group)) idle.push(option.join('.'));
      }
    };
    await Promise.all([judge(), judge()]);
    assert.deepEqual(idle.toSorted(), []);
  });
});

const roles = ['server', 'worker', 'gateway', 'sweep'];
const pools = ['trusted', 'untrusted'];

/** The path with a star where several parts of the chart have the same option: one rendering tells about all of them. */
function alike([first = '', second = '', ...rest]: readonly string[]): readonly string[] {
  if (roles.includes(first)) return ['*', second, ...rest];
  return first === 'buildkit' && pools.includes(second) ? [first, '*', ...rest] : [first, second, ...rest];
}

/** Those of a group that change nothing of what is theirs, in any of the sets that have them. */
async function idleOf(group: readonly (readonly string[])[]): Promise<readonly (readonly string[])[]> {
  let idle = group;
  for (const set of new Set(group.flatMap((option) => setsWith(option)))) {
    const values = completeSets.get(set) ?? {};
    const less = await rendered(group.reduce(without, values));
    const all = await whole(set, values);
    idle = idle.filter((option) => !setsWith(option).includes(set) || ownPart(all, option) === ownPart(less, option));
    if (idle.length === 0) break;
  }
  return idle;
}

/** What of the rendered objects an option is about; everything, unless others have the same option. */
function ownPart(objects: readonly KubernetesObject[] | string, [first = '', second = '']: readonly string[]): string {
  if (typeof objects === 'string') return objects;
  const component = first === 'buildkit' ? { trusted: 'buildkit', untrusted: 'buildkit-untrusted' }[second] : first;
  if (!component || !(roles.includes(component) || component.startsWith('buildkit'))) return withoutChance(objects);
  return withoutChance(
    objects.filter(({ metadata }) => metadata.labels?.['app.kubernetes.io/component'] === component),
  );
}

const wholes = new Map<string, ReturnType<typeof rendered>>();

function whole(set: string, values: Values): ReturnType<typeof rendered> {
  const known = wholes.get(set) ?? rendered(values);
  wholes.set(set, known);
  return known;
}

/** What is rendered, or why nothing is. */
function rendered(values: Values): Promise<readonly KubernetesObject[] | string> {
  const apiVersions = ['monitoring.coreos.com/v1', 'cert-manager.io/v1'];
  return render(chart, values, { apiVersions }).catch(String);
}
