/** That Helm applies what was rendered, to the letter, and treats it as it would the chart itself. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import { readKubernetesYaml } from '../../src/adapters/helm/kubernetes-yaml.ts';
import { corePath } from '../../src/adapters/kubernetes/collections.ts';
import { localStack } from '../local-stack.ts';
import { chartFolder, hook, restrictedPod } from './charts.ts';
import { failure, type HelmStage, helmStage } from './helm-stage.ts';
import { image } from './kubernetes-stack.ts';

const { signal } = new AbortController();

async function configMap({ preview: { api, name } }: HelmStage, item: string) {
  const path = `${corePath(name, 'configmaps')}/${item}`;
  return await api.json<{ data: object; metadata: { annotations: Record<string, string> } }>({ path }, signal);
}

async function helm(it: HelmStage, ...args: readonly string[]): Promise<string> {
  const env = { HOME: it.directory, KUBECONFIG: localStack().kubeconfig };
  const { stdout } = await promisify(execFile)(localStack().tools.helm, [...args, '--namespace', it.preview.name], {
    env,
  });
  return stdout;
}

const map = (name: string, data: string) =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}}\ndata:\n${data}`;

describe('Helm: what was rendered is what is installed', { timeout: 200_000, concurrency: 2 }, () => {
  it('E11 leaves alone whatever looks like a template, a document or another type', async () => {
    await using it = await helmStage();
    const file = `a {{ .Release.Name }} {{"{{"}} }} {{{{ <no value> <no <no value>value> \\ " ' \t é € \u{1F600} \u2028 \u0085 \uFEFF`;
    const data = {
      file,
      yes: 'yes',
      octal: '0777',
      float: '1e3',
      date: '2006-01-02',
      lines: 'a\n---\nkind: Secret\n...\n# Source: x\n\n',
      crs: 'a\r\nb\r',
    };
    const chart = {
      'files/data.json': JSON.stringify(data).replaceAll('\uFEFF', '\\ufeff'),
      'map.yaml':
        '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"map"},"data":{{ .Files.Get "files/data.json" }}}\n',
    };
    await it.releaser.upgrade(await it.chart(chart), signal);
    // The engine has removed it from what the author's template rendered, as it always does.
    const want = { ...data, file: file.replace('<no value>', '').replace('<no <no value>value>', '<no value>') };
    assert.deepEqual((await configMap(it, 'map')).data, want);
  });

  it('E11 makes no other key of one than the gate has seen', async () => {
    await using it = await helmStage({ podSecurity: 'baseline' });
    const { api, name } = it.preview;
    const pod = `apiVersion: v1
kind: Pod
metadata: { name: bad }
spec:
  ${restrictedPod}
  containers: [{ name: bad, image: "${image}", command: [sleep, "1"], securityContext: { "privileged<no <no value>value>": true } }]
`;
    const { reason } = await it.releaser.upgrade(await it.chart({ 'pod.yaml': pod }), signal).then(
      () => ({ reason: 'none' }),
      ({ diagnosis }) => diagnosis,
    );
    if (reason === 'ChartRefused') return;
    // A cluster that refuses fields which it does not know has made none.
    const { items } = await api.list<{
      metadata: { name: string };
      spec: { containers: { securityContext?: object }[] };
    }>({ path: corePath(name, 'pods') }, signal);
    const made = items.find(({ metadata }) => metadata.name === 'bad');
    assert.deepEqual(made?.spec.containers[0]?.securityContext ?? {}, {});
  });

  it('reads YAML as Helm does', async () => {
    const samples = [
      'a: [y, Y, yes, Yes, true, TRUE, on, On, n, N, no, NO, false, False, off, OFF, yEs, tRue]',
      'a: [~, null, Null, NULL, nULL, ""]\nb:\nc: ~',
      'a: [0, -0, +1, 12, 0777, 08, 0o17, 0O17, 0x1F, 0b101, -0b11, 1_000, 0_7, 0x, 0b2, 0xg, +, .., ._5]',
      'a: [9007199254740991, -9007199254740991]',
      'a: [1.0, 1., .5, -.5, +.5, 1e3, 1E-3, 1.5e+3, 1e999, 1.2.3, 1_0.5, 12e03, 0.1, 1e21, 5e-7]',
      'a: [12:30, 1:20:30, 2006-01-02, 1a, "12", \'0\', <<x, "a: b", =]\nb: 2006-01-02T15:04:05Z',
      'a: [!!str 12, !!str yes, ! 12, !!float 3, !!bool yes]',
      'yes: 1\n12: 2\n0x10: 3\n"true ": 4\n1.5: 5\nplain: 6\nn: 7',
      'a: >\n  one\n  two\n\n  three\nb: |+\n  a\n   b\n\nc: one\n  two\nd: |-\n  x\n',
      "a: \"a\\tb\\x41\\u20ac\\\n  c d\"\nb: 'it''s\n  folded'",
      'a: &a {x: 1, y: {z: 2}}\nb: *a\nc: {<<: *a, w: 3}\nd: {<<: [*a, {x: 9, v: 1}]}',
      'a: {x: 1, <<: {x: 2, z: 3}}\nb: {<<: {x: 2}, x: 1}\nc: {<<: [{x: 1}, {x: 2, w: 3}]}\nd: {<<: {x: 1}, <<: {x: 2, v: 1}}',
      'a: {b: , c: [d, ]}\ne: {}\nf: []',
      '# comment\na: 1 # more\nb: "#"\nc: a#b',
      '"a": 1\n? b\n: 2',
      'é: "€ \u{1F600}"',
    ];
    await using chart = await chartFolder({
      'Chart.yaml': 'apiVersion: v2\nname: yaml\nversion: 0.1.0\n',
      'files/samples.json': JSON.stringify(samples),
      'out.yaml':
        'kind: Out\nout: {{ $out := list }}{{ range .Files.Get "files/samples.json" | fromJsonArray }}{{ $out = append $out (fromYaml .) }}{{ end }}{{ $out | toJson | quote }}\n',
    });
    const home = await mkdtemp(path.join(tmpdir(), 'berth-helm-'));
    const { stdout } = await promisify(execFile)(localStack().tools.helm, ['template', 'x', chart.path], {
      env: { HOME: home },
    });
    await rm(home, { recursive: true });
    const out = /^out: (".*")$/m.exec(stdout)?.[1] ?? '';
    const theirs = JSON.parse(JSON.parse(out) as string) as readonly unknown[];
    for (const [index, sample] of samples.entries()) {
      const ours = readKubernetesYaml(sample);
      assert.deepEqual(ours, { values: [theirs[index]] }, sample);
    }
  });

  it('keeps the release as people expect it: name, version, values, manifest, history', async () => {
    await using it = await helmStage();
    const chart = 'apiVersion: v2\nname: web\nversion: 1.2.3\nappVersion: "7"\ndependencies: []\n';
    await it.releaser.upgrade(await it.chart({ 'Chart.yaml': chart }, { values: { a: { b: 'c' } } }), signal);
    const request = await it.chart({ 'Chart.yaml': chart }, { values: { a: { b: 'd' } }, isUpgrade: true });
    await it.releaser.upgrade(request, signal);
    assert.deepEqual(JSON.parse(await helm(it, 'get', 'values', 'preview', '-o', 'json')), { a: { b: 'd' } });
    const history: { chart: string; app_version: string; status: string }[] = JSON.parse(
      await helm(it, 'history', 'preview', '-o', 'json'),
    );
    assert.deepEqual(
      history.map((each) => [each.chart, each.app_version, each.status]),
      [
        ['web-1.2.3', '7', 'superseded'],
        ['web-1.2.3', '7', 'deployed'],
      ],
    );
    assert.match(await helm(it, 'get', 'manifest', 'preview'), /"kind": "Deployment"/);
    await helm(it, 'rollback', 'preview', '1', '--server-side=false');
    assert.equal(await it.state(), 'deployed');
  });

  it('runs hooks in their order, deletes them by their policy, and runs no tests', async () => {
    await using it = await helmStage();
    const hooked = (name: string, events: string, weight: string, policy: string) =>
      hook(name, events, `echo ${name}`).replace(
        '" } }',
        `", "helm.sh/hook-weight": "${weight}", "helm.sh/hook-delete-policy": "${policy}" } }`,
      );
    await it.releaser.upgrade(
      await it.chart({
        'z.yaml': hooked('first', 'pre-install', '-5', 'before-hook-creation'),
        'a.yaml': hooked('second', 'pre-install', '5', 'before-hook-creation'),
        'b.yaml': hooked('gone', 'post-install', '0', 'hook-succeeded'),
        'c.yaml': hooked('test', 'test', '0', 'before-hook-creation'),
        '_d.yaml': '{{ fail "not a template of its own" }}',
        'e.yaml': '{{ include "web/templates/_partial.txt" . }}',
        '_partial.txt': map('partial', '  a: b\n'),
      }),
      signal,
    );
    const { items } = await it.preview.api.list<{ metadata: { name: string; creationTimestamp: string } }>(
      { path: `/apis/batch/v1/namespaces/${it.preview.name}/jobs` },
      signal,
    );
    const byAge = items.toSorted(
      (a, b) => Date.parse(a.metadata.creationTimestamp) - Date.parse(b.metadata.creationTimestamp),
    );
    assert.deepEqual(
      byAge.map(({ metadata }) => metadata.name),
      ['first', 'second'],
    );
    assert.deepEqual((await configMap(it, 'partial')).data, { a: 'b' });
  });

  it('lets charts ask for the number of the revision', async () => {
    await using it = await helmStage();
    const job = (text: string) => ({
      'job.yaml': hook('seed-{{ .Release.Revision }}', 'pre-install,pre-upgrade', `echo ${text}`),
    });
    const { api, name } = it.preview;
    for (const [nth, text] of ['one', 'two', 'three'].entries()) {
      const { version } = await it.releaser.upgrade(await it.chart(job(text), { isUpgrade: nth > 0 }), signal);
      assert.equal(version, nth + 1);
      await api.json({ path: `/apis/batch/v1/namespaces/${name}/jobs/seed-${nth + 1}` }, signal);
    }
  });

  it('lets charts ask the cluster for its own objects, kinds and version', async () => {
    await using it = await helmStage();
    const token = map(
      'token',
      '  token: {{ (lookup "v1" "ConfigMap" .Release.Namespace "token").data | default (dict "token" (randAlphaNum 20)) | dig "token" "" }}\n',
    );
    const about = map('about', '  version: {{ .Capabilities.KubeVersion.Version }}\n');
    const kinds = map(
      'kinds',
      '  old: {{ .Capabilities.APIVersions.Has "batch/v1beta1" | quote }}\n  new: {{ .Capabilities.APIVersions.Has "autoscaling/v2" | quote }}\n',
    );
    const { api } = it.preview;
    const has = async (group: string, version: string) => {
      const { versions } = await api.json<{ versions: { version: string }[] }>({ path: `/apis/${group}` }, signal);
      return String(versions.some((each) => each.version === version));
    };
    const version = await it.preview.cluster.serverVersion(signal);
    await it.releaser.upgrade(await it.chart({ 'token.yaml': token, 'kinds.yaml': kinds }), signal);
    const { data } = await configMap(it, 'token');
    const known = { old: await has('batch', 'v1beta1'), new: await has('autoscaling', 'v2') };
    assert.deepEqual((await configMap(it, 'kinds')).data, known);
    await it.releaser.upgrade(await it.chart({ 'token.yaml': token }, { isUpgrade: true }), signal);
    assert.deepEqual((await configMap(it, 'token')).data, data, 'made once, found again');
    await it.releaser.upgrade(await it.chart({ 'about.yaml': about }, { isUpgrade: true }), signal);
    assert.deepEqual((await configMap(it, 'about')).data, { version });
    const tooOld = 'apiVersion: v2\nname: web\nversion: 0.1.0\nkubeVersion: ">=1.99.0-0"\n';
    const { message } = await failure(it.releaser.upgrade(await it.chart({ 'Chart.yaml': tooOld }), signal));
    assert.match(message, new RegExp(`>=1\\.99\\.0-0.*${version.replaceAll('.', '\\.')}`));
  });
});
