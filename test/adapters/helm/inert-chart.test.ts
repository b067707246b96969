import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { inertJson, writeInertChart } from '../../../src/adapters/helm/inert-chart.ts';
import { readKubernetesYaml } from '../../../src/adapters/helm/kubernetes-yaml.ts';
import { DiagnosedError } from '../../../src/domain/errors.ts';
import type { Json, JsonObject } from '../../../src/domain/json.ts';

describe('inertJson', () => {
  const texts = fc
    .array(
      fc.oneof(
        fc.constantFrom(
          '{',
          '{{',
          '}}',
          '<',
          '<no value>',
          '\\',
          '"',
          '\n',
          '---',
          '\r',
          '\u0085',
          '\u2028',
          '\uFEFF',
          '\u007F',
          '\u{1F600}',
          'é',
          '\0',
        ),
        fc.string({ unit: 'binary', maxLength: 3 }),
      ),
      { maxLength: 8 },
    )
    .map((parts) => parts.join(''));
  const { value: values } = fc.letrec<{ value: Json }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      texts,
      fc.integer(),
      fc.boolean(),
      fc.constant(null),
      fc.array(tie('value'), { maxLength: 4 }),
      fc.dictionary(texts, tie('value'), { maxKeys: 4 }).map((each) => ({ ...each })),
    ),
  }));

  it('E11 has nothing that a template engine acts on, and means the same to every reader', () => {
    fc.assert(
      fc.property(values, (value) => {
        const text = inertJson(value);
        assert.doesNotMatch(text, /\{\{|</);
        // Printable and on one plane, or beyond the first plane: what YAML and JSON agree about.
        assert.match(text, /^[\n\u0020-\u007E\u{10000}-\u{10FFFF}]*$/u);
        assert.deepEqual(JSON.parse(text), value);
        const read = readKubernetesYaml(text);
        assert.deepEqual(read, { values: value === null ? [] : [value] });
      }),
      { numRuns: 3_000 },
    );
  });
});

describe('writeInertChart', () => {
  async function written(chartYaml: string, objects: readonly JsonObject[]) {
    const root = await mkdtemp(path.join(tmpdir(), 'berth-inert-'));
    try {
      await writeFile(path.join(root, 'Chart.yaml'), chartYaml);
      const folder = path.join(root, 'inert');
      await writeInertChart(folder, root, objects);
      return {
        chart: JSON.parse(await readFile(path.join(folder, 'Chart.yaml'), 'utf8')) as JsonObject,
        template: await readFile(path.join(folder, 'templates/objects.yaml'), 'utf8'),
      };
    } finally {
      await rm(root, { recursive: true });
    }
  }

  it('takes over the name and the versions, and nothing else', async () => {
    const original =
      'name: web\nversion: 1.2.3-rc.1+build\nappVersion: "7.0"\ntype: library\ndependencies: [{name: a, repository: "http://b"}]\nannotations: {a: b}\n';
    const { chart } = await written(original, []);
    assert.deepEqual(chart, { apiVersion: 'v2', name: 'web', version: '1.2.3-rc.1+build', appVersion: '7.0' });
  });

  for (const original of ['name: ../../up\nversion: "{{ 1 }}"\nappVersion: "a b"\n', 'name: [a]\n', '- 1\n', '{', '']) {
    it(`makes do with ${JSON.stringify(original)}`, async () => {
      const { chart } = await written(original, []);
      assert.deepEqual(chart, { apiVersion: 'v2', name: 'preview', version: '0.0.0' });
    });
  }

  it('has every object as a document of its own', async () => {
    const objects = [{ kind: 'A', text: '\n---\n{{ fail "evaluated" }}' }, { kind: 'B' }];
    const { template } = await written('name: web\n', objects);
    assert.deepEqual(readKubernetesYaml(template), { values: objects });
  });

  it('refuses what Helm could not read', async () => {
    const objects = [{ text: 'a'.repeat(6 * 1024 * 1024) }];
    await assert.rejects(written('name: web\n', objects), DiagnosedError);
  });
});
