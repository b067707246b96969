import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, it } from 'node:test';
import { isMap, isScalar, parse, parseDocument } from 'yaml';
import { parseConfig, variableNames } from '../../src/config.ts';
import { chartFolder, render } from './helm.ts';
import { objectOf } from './objects.ts';
import { least } from './option-sets.ts';

const chart = chartFolder('berth');

interface KnownSchema {
  readonly $ref?: string;
  readonly properties?: Readonly<Record<string, KnownSchema>>;
}

const file = (name: string) => readFile(path.join(chart, name), 'utf8');
const schema = JSON.parse(await file('values.schema.json')) as KnownSchema & {
  readonly $defs: Readonly<Record<string, KnownSchema>>;
};

/** What other values say, or what the chart's pods are made for. */
const ownVariables: readonly string[] = `
  ROLES LISTEN GATEWAY_LISTEN OPERATIONS_LISTEN DATA_DIR KUBECONFIG GATEWAY_NAMESPACE GITHUB_API_URL
  GITHUB_APP_ID GITHUB_PRIVATE_KEY GITHUB_WEBHOOK_SECRET GITHUB_WEBHOOK_SECRET_OLD GITHUB_ENVIRONMENT GITHUB_ACCOUNTS REDIS_URL
  REDIS_PASSWORD REDIS_SENTINEL_PASSWORD REDIS_CA REDIS_CERTIFICATE REDIS_KEY REGISTRY INSECURE_REGISTRIES
  DOCKER_CONFIG BUILDKIT BUILDKIT_UNTRUSTED PREVIEW_DOMAIN PREVIEW_SCHEME PREVIEW_PORT
`
  .trim()
  .split(/\s+/);

describe('charts/berth', () => {
  it("is of package.json's version", async () => {
    const { version } = JSON.parse(await readFile(path.join(chart, '../../package.json'), 'utf8')) as {
      readonly version: string;
    };
    const about = parse(await file('Chart.yaml')) as { readonly version: string; readonly appVersion: string };
    assert.deepEqual([about.version, about.appVersion], [version, version]);
  });

  it('takes every variable of Berth that no value of its own says, and no other', () => {
    const taken = Object.keys(schema.properties?.['config']?.properties ?? {});
    assert.deepEqual(taken.toSorted(), variableNames.filter((name) => !ownVariables.includes(name)).toSorted());
  });

  it('has a comment on every value that is new at its place', async () => {
    const document = parseDocument(await file('values.yaml'));
    const roles = ['server', 'worker', 'gateway', 'sweep'];
    const explained = new Set<string>();
    const silent: string[] = [];
    const look = (map: unknown, at: string): void => {
      if (!isMap(map)) return;
      let isRun = false;
      for (const { key, value } of map.items) {
        const name = isScalar(key) ? String(key.value) : '';
        const where = at === '' ? name : `${at}.${name}`;
        const comment = (isScalar(key) && key.commentBefore) || (isMap(value) && value.commentBefore);
        isRun = Boolean(comment) || isRun;
        // What roles share is said where it comes first; the rest follows a comment on the map that it is in.
        const first = where.replace(new RegExp(`^(${roles.join('|')})\\.`), 'together.');
        if (isRun || explained.has(first) || explained.has(at)) explained.add(where);
        else silent.push(where);
        look(value, where);
      }
    };
    look(document.contents, '');
    const atTop = isMap(document.contents) ? document.contents.items : [];
    // YAML hands the first comment of a file to the file.
    assert.deepEqual(
      silent.filter((name) => name !== String(isScalar(atTop[0]?.key) ? atTop[0].key.value : '')),
      [],
    );
  });

  it('tells of every part of the values in its README', async () => {
    const readme = await file('README.md');
    const parts = Object.keys(parse(await file('values.yaml')) as object);
    assert.deepEqual(
      parts.filter((part) => !new RegExp(`^\\|.*\`${part}\`.*\\|.*\\|$`, 'm').test(readme)),
      [],
    );
  });

  it('knows in its schema every value, and no other', async () => {
    const pathsOf = (value: unknown, at: string): readonly string[] =>
      typeof value === 'object' && value !== null && !Array.isArray(value)
        ? Object.entries(value).flatMap(([key, inner]) => [`${at}${key}`, ...pathsOf(inner, `${at}${key}.`)])
        : [];
    const known = (part: KnownSchema, at: string): readonly string[] => {
      const target = part.$ref === undefined ? part : schema.$defs[part.$ref.replace('#/$defs/', '')];
      return Object.entries(target?.properties ?? {}).flatMap(([key, inner]) => [
        `${at}${key}`,
        ...known(inner, `${at}${key}.`),
      ]);
    };
    const written = new Set(pathsOf(parse(await file('values.yaml')), ''));
    const silent = known(schema, '').filter((path) => !written.has(path) && !/^(config\.|global$)/.test(path));
    // What Kubernetes knows and nobody has to be told of.
    assert.deepEqual(
      silent.filter((path) => !/resources\.(requests|limits|claims)/.test(path)),
      [],
    );
  });

  it('says everything that is missing, at once', async () => {
    const values = { redis: { enabled: false }, buildkit: { trusted: { enabled: false } }, expose: { via: 'gateway' } };
    const missing = [
      /previews\.domain is not set/,
      /registry\.repository is not set/,
      /github\.existingSecret is not set/,
      /redis\.external\.url is not set/,
      /buildkit\.external\.endpoints has none/,
      /expose\.gateway\.parentRefs names none/,
    ];
    await assert.rejects(render(chart, values), (error: Error) => {
      for (const pattern of missing) assert.match(error.message, pattern);
      return true;
    });
  });

  it('gives Berth a configuration that it takes, with numbers as they were written', async () => {
    const config = { BUILD_CONCURRENCY: 1000, GATEWAY_CONNECTION_LIMIT: 1000000, QUOTA_PODS: '40', LOG_LEVEL: 'debug' };
    const objects = await render(chart, { ...least, previews: { domain: 'previews.example.com', port: 8443 }, config });
    const { data } = objectOf(objects, 'ConfigMap', 'berth') as unknown as { readonly data: Record<string, string> };
    const parsed = parseConfig({
      ...data,
      BERTH_GITHUB_APP_ID: '1',
      BERTH_GITHUB_PRIVATE_KEY: 'PRIVATE KEY',
      BERTH_GITHUB_WEBHOOK_SECRET: '0123456789abcdef',
      KUBERNETES_SERVICE_HOST: '10.96.0.1',
    });
    assert.equal(parsed.BUILD_CONCURRENCY, 1000);
    assert.equal(parsed.GATEWAY_CONNECTION_LIMIT, 1_000_000);
    assert.equal(parsed.QUOTA_PODS, '40');
    assert.equal(parsed.PREVIEW_PORT, 8443);
    assert.equal(parsed.GATEWAY_NAMESPACE, 'berth');
  });
});
