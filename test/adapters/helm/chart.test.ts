import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { type ChartFiles, inspectChart } from '../../../src/adapters/helm/chart-files.ts';
import { checkRegistry } from '../../../src/adapters/helm/oci.ts';
import { DiagnosedError } from '../../../src/domain/errors.ts';

const { signal } = new AbortController();

describe('inspectChart', () => {
  let root: string;
  beforeEach(async () => {
    root = await mkdtemp(path.join(tmpdir(), 'berth-chart-'));
    await mkdir(path.join(root, 'chart/templates'), { recursive: true });
    await writeFile(path.join(root, 'secret'), 'secret');
    await writeFile(path.join(root, 'chart/Chart.yaml'), 'name: web\n');
  });
  afterEach(() => rm(root, { recursive: true }));

  const chart = () => path.join(root, 'chart');

  const plain: ChartFiles = {
    asksCluster: false,
    asksVersion: false,
    asksRevision: false,
    takesTemplates: false,
    hasOwnSchemasOnly: true,
  };
  const add = async (name: string, content: string | Buffer) => {
    await mkdir(path.dirname(path.join(chart(), name)), { recursive: true });
    await writeFile(path.join(chart(), name), content);
  };

  for (const [what, name, content, found] of [
    ['an ordinary template', 'templates/a.yaml', '{{ .Values.a }}', {}],
    ['a lookup', 'templates/a.yaml', '{{ lookup "v1" "Secret" "" "" }}', { asksCluster: true }],
    [
      'a question for kinds',
      'templates/a.yaml',
      '{{ .Capabilities.APIVersions }}',
      { asksCluster: true, asksVersion: true },
    ],
    ['a question for the version', 'templates/a.yaml', '{{ .Capabilities.KubeVersion }}', { asksVersion: true }],
    ['a question for the revision', 'templates/a.yaml', '{{ .Release.Revision }}', { asksRevision: true }],
    ['templates in values', 'templates/a.yaml', '{{ tpl .Values.a . }}', { takesTemplates: true }],
    ['a demand of the version', 'Chart.yaml', 'kubeVersion: ">1.20"', { asksVersion: true }],
    ['a lookup in a packed sub-chart', 'charts/a.tgz', gzipSync('lookup'), { asksCluster: true }],
    ['a schema of its own', 'values.schema.json', '{"$ref": "#/definitions/a"}', {}],
    ['a schema elsewhere', 'values.schema.json', '{"a": [{"$ref": "http://[::1]/a"}]}', { hasOwnSchemasOnly: false }],
    ['a schema on the disk', 'charts/a/values.schema.json', '{"$ref": "file:///etc/a"}', { hasOwnSchemasOnly: false }],
    ['a schema in a packed sub-chart', 'charts/a.tgz', gzipSync('values.schema.json'), { hasOwnSchemasOnly: false }],
  ] as const) {
    it(`finds ${what}`, async () => {
      await add(name, content);
      assert.deepEqual(await inspectChart(chart(), signal), { ...plain, ...found });
    });
  }

  for (const target of ['../secret', '/etc/passwd', '../../..', '..']) {
    it(`E5 rejects a symbolic link to ${target}`, async () => {
      await symlink(target, path.join(chart(), 'link'));
      await assert.rejects(inspectChart(chart(), signal), DiagnosedError);
    });
  }

  it('E5 follows links in its own folder', async () => {
    await symlink('../Chart.yaml', path.join(chart(), 'templates/link'));
    assert.deepEqual(await inspectChart(chart(), signal), plain);
  });

  it('E5 rejects links that make millions of files of a few', async () => {
    await add('0/a', 'a');
    for (let nth = 1; nth < 14; nth += 1) {
      await mkdir(path.join(chart(), String(nth)));
      for (const link of ['b', 'c', 'd']) await symlink(`../${nth - 1}`, path.join(chart(), String(nth), link));
    }
    await assert.rejects(inspectChart(chart(), signal), /more than 5000 files/);
  });

  it('E5 rejects links that go round in circles', async () => {
    await symlink('.', path.join(chart(), 'again'));
    await assert.rejects(inspectChart(chart(), signal), /nested more than 40 levels/);
  });

  it('rejects a packed sub-chart that is huge unpacked', async () => {
    await add('charts/a.tgz', gzipSync(Buffer.alloc(80 * 1024 * 1024)));
    await assert.rejects(inspectChart(chart(), signal), /larger than 64 MiB unpacked/);
  });
});

describe('checkRegistry', () => {
  it('accepts public registries, and those that the operator named', () => {
    assert.equal(checkRegistry('oci://ghcr.io/acme/charts/web', []), false);
    assert.equal(checkRegistry('oci://registry.example.com:5000/web', []), false);
    assert.equal(checkRegistry('oci://localhost:5000/web', ['localhost:5000']), true);
  });

  for (const url of [
    'oci://169.254.169.254/latest/meta-data',
    'oci://127.0.0.1:8080/x',
    'oci://localhost:5001/x',
    'oci://[::1]:80/x',
    'oci://registry.kube-system.svc.cluster.local/x',
    'oci://kubernetes.default.svc/x',
    'oci://user:password@ghcr.io/x',
    'https://example.com/chart.tgz',
    'oci://ghcr.io',
    'oci://ghcr.io/a b',
  ]) {
    it(`E8 refuses ${url}`, () => {
      assert.throws(() => checkRegistry(url, ['localhost:5000']), DiagnosedError);
    });
  }
});
