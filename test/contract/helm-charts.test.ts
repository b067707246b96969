/** Charts of all sorts, with the real Helm. */
import assert from 'node:assert/strict';
import { symlink, writeFile } from 'node:fs/promises';
import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { describe, it } from 'node:test';
import { corePath } from '../../src/adapters/kubernetes/collections.ts';
import type { Diagnosis } from '../../src/domain/preview.ts';
import type { ReleaseRequest } from '../../src/ports.ts';
import { localStack } from '../local-stack.ts';
import { hook } from './charts.ts';
import { failure, helmStage, templates } from './helm-stage.ts';

const { signal } = new AbortController();

async function diagnosisOf(
  files: Readonly<Record<string, string>>,
  overrides?: Partial<ReleaseRequest>,
): Promise<Diagnosis> {
  await using it = await helmStage();
  return await failure(it.releaser.upgrade(await it.chart(files, overrides), signal));
}

describe('Helm: charts', { timeout: 120_000, concurrency: 2 }, () => {
  it('says where in the repository a template is wrong', async () => {
    const diagnosis = await diagnosisOf(templates.broken);
    assert.equal(diagnosis.reason, 'ChartInvalid');
    assert.deepEqual(
      diagnosis.places?.map(({ path: file, line }) => [file, line]),
      [['deploy/chart/templates/broken.yaml', 1]],
    );
  });

  it('G7 shows what the job of a failed hook said', async () => {
    const diagnosis = await diagnosisOf(templates['failing hook']);
    assert.match(diagnosis.message, /pre-install hook, job `seed`, failed/);
    assert.deepEqual(diagnosis.log, ['no such table']);
  });

  it('asks for dependencies to be committed', async () => {
    const chart =
      'apiVersion: v2\nname: web\nversion: 0.1.0\ndependencies: [{name: redis, version: 1.x, repository: "https://charts.example.com"}]\n';
    const diagnosis = await diagnosisOf({ 'Chart.yaml': chart });
    assert.match(diagnosis.message, /dependencies \(redis\).*helm dependency build/);
  });

  it('E5 rejects a symbolic link out of the chart', async () => {
    await using it = await helmStage();
    const request = await it.chart({});
    await writeFile(path.join(it.directory, 'secret'), 'secret');
    await symlink(path.join(it.directory, 'secret'), path.join(request.chartPath ?? '', 'templates/link.yaml'));
    const diagnosis = await failure(it.releaser.upgrade(request, signal));
    assert.match(diagnosis.message, /`templates\/link\.yaml` in the chart is a symbolic link/);
  });

  it('waits for readiness before hooks that come after it', async () => {
    await using it = await helmStage();
    const order = hook('after', 'post-install', 'wget -q -O- http://web || true');
    await it.releaser.upgrade(await it.chart({ 'hook.yaml': order }), signal);
    const { workloads } = await it.preview.cluster.observe(it.preview.key, it.preview.name, undefined, signal);
    assert.equal(workloads.state, 'ready');
  });

  it('installs a chart from a registry', async () => {
    await using it = await helmStage();
    const { chartPath = '' } = await it.chart({});
    const registry = `oci://${localStack().registry}/charts-${it.preview.name}`;
    const env = { HOME: it.directory };
    const run = promisify(execFile);
    await run(localStack().tools.helm, ['package', chartPath, '--destination', it.directory], { env });
    const archive = path.join(it.directory, 'web-0.1.0.tgz');
    await run(localStack().tools.helm, ['push', archive, registry, '--plain-http'], { env });
    const chart = { kind: 'oci', url: `${registry}/web`, version: '0.1.0' } as const;
    const request: ReleaseRequest = {
      namespace: it.preview.name,
      chart,
      chartPath: undefined,
      valuesTexts: [],
      values: {},
      hosts: [],
      trust: 'trusted',
      isUpgrade: false,
    };
    assert.equal((await it.releaser.upgrade(request, signal)).version, 1);
    assert.equal(await it.state(), 'deployed');
    const missing = await failure(it.releaser.upgrade({ ...request, chart: { ...chart, version: '9.9.9' } }, signal));
    assert.match(missing.message, /9\.9\.9/);
  });

  it('G2 takes back what was changed by hand', async () => {
    await using it = await helmStage();
    const request = await it.chart({});
    await it.releaser.upgrade(request, signal);
    const service = `${corePath(it.preview.name, 'services')}/web`;
    const contentType = 'application/merge-patch+json';
    const body = { spec: { selector: { app: 'other' } } };
    await it.preview.api.json({ method: 'PATCH', path: service, contentType, body }, signal);
    await it.releaser.upgrade(request, signal);
    const { spec } = await it.preview.api.json<{ spec: { selector: object } }>({ path: service }, signal);
    assert.deepEqual(spec.selector, { app: 'web' });
  });

  it('passes values in order, and lets nobody else see them', async () => {
    await using it = await helmStage();
    const request = await it.chart(
      {
        'values.yaml': 'a: chart\nb: chart\nc: chart\n',
        'map.yaml':
          'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: map}\ndata: {all: "{{ .Values.a }} {{ .Values.b }} {{ .Values.c }}"}\n',
      },
      { valuesTexts: ['b: file\nc: file\n', 'c: second\n'], values: { c: 'values' } },
    );
    await it.releaser.upgrade(request, signal);
    const map = `${corePath(it.preview.name, 'configmaps')}/map`;
    const { data } = await it.preview.api.json<{ data: object }>({ path: map }, signal);
    assert.deepEqual(data, { all: 'chart file values' });
  });
});
