import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { inspectChart, namesHook } from '../../../src/adapters/helm/chart-files.ts';
import { hasDeleteHooks, hasPostHooks, hookEvents } from '../../../src/adapters/helm/hooks.ts';
import { checkRegistry } from '../../../src/adapters/helm/oci.ts';
import { DiagnosedError } from '../../../src/domain/errors.ts';

const { signal } = new AbortController();

describe('namesHook', () => {
  for (const text of [
    '"helm.sh/hook": pre-install',
    'helm.sh/hook: post-upgrade,test',
    "'helm.sh/hook' : 'pre-delete'",
    '{"helm.sh/hook":"post-install"}',
    'helm.sh/hook: {{ .Values.hook }}',
    '{{ printf "%s" "helm.sh/hook" }}: x',
  ]) {
    it(`sees one in ${text}`, () => assert.equal(namesHook(text), true));
  }
  for (const text of [
    'kind: Deployment',
    '"helm.sh/hook": test',
    'helm.sh/hook: test-success\nhelm.sh/hook-weight: "1"',
    '"helm.sh/hook-delete-policy": before-hook-creation',
  ]) {
    it(`sees none in ${text}`, () => assert.equal(namesHook(text), false));
  }
});

describe('hookEvents', () => {
  const manifest = (events: string) =>
    `kind: Deployment\nmetadata: { name: web }\n---\n# comment\n---\nkind: Job\nmetadata: { annotations: { helm.sh/hook: "${events}" } }\n`;

  it('lists the events of every object', () => {
    assert.deepEqual([...hookEvents(manifest('pre-install, post-upgrade'))], ['pre-install', 'post-upgrade']);
    assert.deepEqual([...hookEvents('')], []);
    assert.deepEqual([...hookEvents('just text')], []);
  });

  it('tells hooks that wait for readiness, and those of the removal', () => {
    assert.equal(hasPostHooks(hookEvents(manifest('pre-install'))), false);
    assert.equal(hasPostHooks(hookEvents(manifest('post-install'))), true);
    assert.equal(hasDeleteHooks(hookEvents(manifest('post-install'))), false);
    assert.equal(hasDeleteHooks(['pre-delete']), true);
  });
});

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

  it('finds hooks, also where it cannot look', async () => {
    assert.deepEqual(await inspectChart(chart(), signal), { mayHaveHooks: false });
    await mkdir(path.join(chart(), 'charts'));
    await writeFile(path.join(chart(), 'charts/redis-1.0.0.tgz'), '');
    assert.deepEqual(await inspectChart(chart(), signal), { mayHaveHooks: true });
  });

  for (const target of ['../secret', '/etc/passwd', '../../..', '..']) {
    it(`E5 rejects a symbolic link to ${target}`, async () => {
      await symlink(target, path.join(chart(), 'link'));
      await assert.rejects(inspectChart(chart(), signal), DiagnosedError);
    });
  }

  it('E5 follows links in its own folder', async () => {
    await symlink('../Chart.yaml', path.join(chart(), 'templates/link'));
    assert.deepEqual(await inspectChart(chart(), signal), { mayHaveHooks: false });
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
