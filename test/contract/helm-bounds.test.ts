/** Charts that reach for the worker's network, disk, memory or time, with the real Helm. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import type { Diagnosis } from '../../src/domain/preview.ts';
import type { ReleaseRequest } from '../../src/ports.ts';
import { localStack } from '../local-stack.ts';
import { type ChartContent, packedChart } from './charts.ts';
import { failure, type HelmStage, helmStage } from './helm-stage.ts';

const { signal } = new AbortController();
const chartWith = (rest: string) => `apiVersion: v2\nname: web\nversion: 0.1.0\n${rest}`;
const subChart = 'apiVersion: v2\nname: sub\nversion: 0.1.0\n';

describe('Helm: what a chart refers to elsewhere', { timeout: 200_000 }, () => {
  let server: Server;
  let address: string;
  let connections = 0;
  before(async () => {
    server = createServer((socket) => {
      connections += 1;
      socket.destroy();
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  after(() => server.close());

  async function tried(files: ChartContent, overrides?: Partial<ReleaseRequest>): Promise<Diagnosis | undefined> {
    connections = 0;
    await using it = await helmStage();
    const request = await it.chart(files, overrides);
    const done = it.releaser.upgrade(request, signal);
    const diagnosis = await failure(done).catch(() => undefined);
    assert.equal(await it.state(), diagnosis === undefined ? 'deployed' : 'absent');
    assert.equal(connections, 0, 'nobody connects');
    return diagnosis;
  }

  it('E8 a dependency on a loopback address is not fetched', async () => {
    const dependencies = `dependencies: [{ name: redis, version: 1.x, repository: "http://${address}/charts" }]\n`;
    const diagnosis = await tried({ 'Chart.yaml': chartWith(dependencies) });
    assert.match(diagnosis?.message ?? '', /dependencies \(redis\).*helm dependency build/);
  });

  it('E8 a dependency on a metadata address, or elsewhere on the disk, is not fetched', async () => {
    for (const repository of ['http://169.254.169.254/latest', 'oci://169.254.169.254/charts', 'file:///etc']) {
      const dependencies = `dependencies: [{ name: redis, version: 1.x, repository: "${repository}" }]\n`;
      const diagnosis = await tried({ 'Chart.yaml': chartWith(dependencies) });
      assert.match(diagnosis?.message ?? '', /dependencies \(redis\)/);
    }
  });

  it('E8 a dependency beside the chart is not taken from outside of it', async () => {
    const dependencies = 'dependencies: [{ name: sub, version: 0.1.0, repository: "file://../../other" }]\n';
    const diagnosis = await tried({ 'Chart.yaml': chartWith(dependencies) });
    assert.match(diagnosis?.message ?? '', /dependencies \(sub\)/);
  });

  it('E8 a chart in a registry on a loopback address is not fetched', async () => {
    const chart = { kind: 'oci', url: `oci://${address}/charts/web`, version: '1.0.0' } as const;
    const diagnosis = await tried({}, { chart, chartPath: undefined });
    assert.match(diagnosis?.message ?? '', /is refused/);
  });

  const schemas: readonly (readonly [string, (address: string) => ChartContent])[] = [
    ['`$ref`', (at) => ({ 'values.schema.json': `{"$ref": "http://${at}/values.json"}` })],
    ['`$schema`', (at) => ({ 'values.schema.json': `{"$schema": "http://${at}/draft"}` })],
    [
      'a base',
      (at) => ({ 'values.schema.json': `{"$id": "http://${at}/a", "properties": {"a": {"$ref": "b.json"}}}` }),
    ],
    ['an escape', (at) => ({ 'values.schema.json': `{"\\u0024ref": "http:\\/\\/${at}/values.json"}` })],
    [
      'a sub-chart',
      (at) => ({
        'charts/sub/Chart.yaml': subChart,
        'charts/sub/values.yaml': 'a: b\n',
        'charts/sub/values.schema.json': `{"$ref": "http://${at}/values.json"}`,
      }),
    ],
    [
      'a packed sub-chart',
      (at) => ({
        'charts/sub.tgz': packedChart('sub', {
          'Chart.yaml': subChart,
          'values.yaml': 'a: b\n',
          'values.schema.json': `{"$ref": "http://${at}/values.json"}`,
        }),
      }),
    ],
  ];
  for (const [what, files] of schemas) {
    it(`E8 a schema elsewhere is not fetched: ${what}`, async () => {
      // Helm would: otherwise this test shows nothing.
      await using it = await helmStage();
      const { chartPath = '' } = await it.chart(files(address));
      connections = 0;
      await promisify(execFile)(localStack().tools.helm, ['template', chartPath], {
        env: { HOME: it.directory },
      }).catch(() => undefined);
      assert.equal(connections, 1, 'Helm connects by itself');
      assert.equal(await tried(files(address)), undefined);
    });
  }

  it('E8 a schema on the disk is not read', async () => {
    assert.equal(await tried({ 'values.schema.json': '{"$ref": "file:///etc/passwd"}' }), undefined);
  });

  it('still checks values by a schema that refers to itself only', async () => {
    const schema =
      '{"$schema": "http://json-schema.org/draft-07/schema#", "$ref": "#/definitions/a", "definitions": {"a": {"required": ["port"]}}}';
    const diagnosis = await tried({ 'values.schema.json': schema });
    assert.match(diagnosis?.message ?? '', /do not fit the chart's schema.*port/);
  });

  it('E8 names are not looked up', async () => {
    const map =
      'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: map}\ndata: {ip: "{{ getHostByName "localhost" }}"}\n';
    await using it = await helmStage();
    await it.releaser.upgrade(await it.chart({ 'map.yaml': map }), signal);
    const { data } = await it.preview.api.json<{ data: object }>(
      { path: `/api/v1/namespaces/${it.preview.name}/configmaps/map` },
      signal,
    );
    assert.deepEqual(data, { ip: '' });
  });

  it('E5 a chart gets no file from outside of itself', async () => {
    const map = `apiVersion: v1
kind: ConfigMap
metadata: {name: map}
data:
  up: {{ .Files.Get "../../../../../../etc/passwd" | quote }}
  root: {{ .Files.Get "/etc/passwd" | quote }}
  glob: {{ (.Files.Glob "/etc/*").AsConfig | quote }}
`;
    await using it = await helmStage();
    await it.releaser.upgrade(await it.chart({ 'map.yaml': map }), signal);
    const { data } = await it.preview.api.json<{ data: object }>(
      { path: `/api/v1/namespaces/${it.preview.name}/configmaps/map` },
      signal,
    );
    assert.deepEqual(data, { up: '', root: '', glob: '{}' });
  });
});

describe('Helm: charts without measure', { timeout: 300_000, concurrency: 2 }, () => {
  const map = (name: string, data: string) =>
    `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}}\ndata: ${data}\n`;
  const big = (mib: number) => `{a: {{ repeat ${mib} (repeat 1024 (repeat 1024 "a")) | quote }}}`;
  const bomb = Array.from({ length: 9 }, (_, nth) => {
    const items = nth === 0 ? '"x"' : Array.from({ length: 9 }, () => `*a${nth - 1}`).join(', ');
    return `  k${nth}: &a${nth} [${items}]`;
  }).join('\n');

  async function refusal(it: HelmStage, files: ChartContent): Promise<Diagnosis> {
    const diagnosis = await failure(it.releaser.upgrade(await it.chart(files), signal));
    assert.equal(await it.state(), 'absent');
    return diagnosis;
  }

  for (const [what, files, message] of [
    [
      'E8 renders for ever',
      { 'loop.yaml': '{{ range until 2000000000 }}{{ end }}\n' },
      /longer than 3 seconds|MiB of memory/,
    ],
    [
      'E8 renders for ever, in little memory',
      { 'loop.yaml': `{{ $a := until 3000 }}${'{{ range $a }}'.repeat(4)}${'{{ end }}'.repeat(4)}\n` },
      /takes longer than 3 seconds to render/,
    ],
    [
      'E8 wants all memory',
      { 'memory.yaml': '{{ $a := "aaaaaaaa" }}{{ range until 40 }}{{ $a = cat $a $a }}{{ end }}\n' },
      /takes more than 1024 MiB of memory/,
    ],
    ['E8 renders to many megabytes', { 'big.yaml': map('big', big(5)) }, /renders to more than 4 MiB/],
    [
      'E6 has an alias bomb',
      { 'bomb.yaml': `${map('bomb', '')}\n${bomb}\n` },
      /more than 300000 values|aliasing|cannot be/,
    ],
    [
      'E6 is nested without end',
      { 'deep.yaml': map('deep', `${'['.repeat(5000)}${']'.repeat(5000)}`) },
      /nested more than 100 levels/,
    ],
    [
      'E6 gives a key twice',
      { 'twice.yaml': map('twice', '{a: b, a: c}') },
      /the key `a` is given twice \(`web\/templates\/twice\.yaml`\)/,
    ],
    [
      'E6 is larger than it can be read in a moment, and wrong',
      { 'big.yaml': map('big', `{a: b, ${'c: d, '.repeat(20_000)}}`) },
      /the key `c` is given twice/,
    ],
    ['renders something that is no object', { 'text.yaml': 'just text\n' }, /cannot be|not an object/],
  ] as const) {
    it(what, async () => {
      await using it = await helmStage({ renderTimeoutMs: what.includes('for ever') ? 3_000 : 60_000 });
      const { reason, message: said } = await refusal(it, files);
      assert.equal(reason, 'ChartInvalid');
      assert.match(said, message);
    });
  }

  it('installs what is large but not too large', async () => {
    await using it = await helmStage();
    const files = { 'large.yaml': map('large', '{a: {{ repeat 700 (repeat 1024 "a") | quote }}}') };
    await it.releaser.upgrade(await it.chart(files), signal);
    assert.equal(await it.state(), 'deployed');
  });

  it('E5 takes nothing of a packed chart that leaves its folder', async () => {
    await using it = await helmStage();
    const escaping = packedChart('sub', { 'Chart.yaml': subChart, '../../escaped.yaml': map('escaped', '{}') });
    assert.match((await refusal(it, { 'charts/sub.tgz': escaping })).message, /references parent directory/);
  });
});
