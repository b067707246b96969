import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { Ajv } from 'ajv';
import { parse } from 'yaml';
import { withReference } from '../../schema/reference.ts';
import { builtInValues } from '../../src/domain/built-in-chart.ts';
import { parseManifest } from '../../src/domain/manifest.ts';
import { manifestJsonSchema } from '../../src/domain/manifest-schema.ts';
import { builtInChartVersion } from '../../src/domain/plan.ts';

const root = new URL('../../', import.meta.url);
const read = (path: string) => readFileSync(new URL(path, root), 'utf8');

describe('schema/berth.schema.json', () => {
  const schema = JSON.parse(read('schema/berth.schema.json')) as object;
  const ajv = new Ajv({ allErrors: true, strict: true, allowUnionTypes: true });
  const validate = ajv.compile(schema);

  it('is what the grammar says: `node schema/generate.ts` writes it anew', () => {
    assert.deepEqual(schema, manifestJsonSchema());
  });

  for (const path of [
    'deploy/examples/shop/.berth.yaml',
    'deploy/examples/fullstack/.berth.yaml',
    'docs/manifest.md',
  ]) {
    it(`accepts what ${path} shows, as \`parseManifest\` does`, () => {
      const text = path.endsWith('.md') ? /```yaml\n# \.berth\.yaml\n([^]*?)```/.exec(read(path))?.[1] : read(path);
      assert.ok(text);
      parseManifest(text, path);
      assert.ok(validate(parse(text)), ajv.errorsText(validate.errors));
    });
  }

  for (const text of ['iamges: {}', 'chart: { path: ../x }', 'routes: { A: { service: a, port: 1 } }', 'ttl: 7 days']) {
    it(`refuses ${text}`, () => assert.equal(validate(parse(text)), false));
  }
});

describe('docs/manifest.md', () => {
  it('has the reference that the grammar gives: `npm run schema` writes it anew', () => {
    const page = read('docs/manifest.md');
    assert.equal(page, withReference(page));
    for (const key of ['images.<name>.secrets', 'chart.version', 'routes.<name>.port', 'when.paths', 'ttl']) {
      assert.ok(page.includes(`\n| \`${key}\` | `), key);
    }
  });
});

describe('charts/preview', () => {
  it('has the version that plans know', () => {
    assert.equal((parse(read('charts/preview/Chart.yaml')) as { version: string }).version, builtInChartVersion);
  });

  it('accepts the values that are made for it', () => {
    const ajv = new Ajv({ strict: false });
    const validate = ajv.compile(JSON.parse(read('charts/preview/values.schema.json')) as object);
    const values = builtInValues([{ name: 'web' }, { name: 'api' }], new Map([['web', 3000]]), { env: { A: 1 } });
    assert.ok(validate({ ...values, global: { berth: {} } }), ajv.errorsText(validate.errors));
  });
});
