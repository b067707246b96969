import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { namespaceName } from '../../src/domain/names.ts';
import { git } from '../adapters/git/git-remote.ts';
import { berthCommand } from '../cli/berth-command.ts';
import { localStack } from '../local-stack.ts';

const examples = fileURLToPath(new URL('../../deploy/examples/', import.meta.url));
const golden = fileURLToPath(new URL('golden/', import.meta.url));
/** Writes what is seen in place of comparing it: to be read by a person afterwards. */
const isRecording = process.env['RECORD_GOLDEN'] === '1';

describe('berth render', { timeout: 200_000 }, () => {
  const { tools } = localStack();
  let root: string;
  let directory: string;
  before(async () => {
    root = await mkdtemp(path.join(tmpdir(), 'render-command-'));
  });
  beforeEach(async () => {
    directory = path.join(await mkdtemp(path.join(root, 'case-')), 'shop');
    await mkdir(directory);
  });
  after(() => rm(root, { recursive: true, force: true }));

  const render = (args: readonly string[] = [], env: Readonly<Record<string, string>> = {}) =>
    berthCommand(['render', ...args], {
      cwd: directory,
      env: { BERTH_HELM: tools.helm, BERTH_PLATFORM: 'linux/amd64', ...env },
    });
  const init = () => git(directory, ['init', '--quiet', '--initial-branch=main']);
  async function write(files: Readonly<Record<string, string>>): Promise<void> {
    for (const [name, text] of Object.entries(files)) {
      await mkdir(path.dirname(path.join(directory, name)), { recursive: true });
      await writeFile(path.join(directory, name), text);
    }
  }
  async function commit(): Promise<string> {
    await git(directory, ['add', '--all']);
    const author = ['-c', 'user.name=Ada', '-c', 'user.email=ada@example.com'];
    await git(directory, [...author, 'commit', '--quiet', '--no-gpg-sign', '--message=x']);
    return git(directory, ['rev-parse', 'HEAD']);
  }
  async function assertGolden(name: string, text: string): Promise<void> {
    const file = path.join(golden, name);
    if (isRecording) await writeFile(file, text);
    assert.equal(
      text,
      await readFile(file, 'utf8'),
      `differs from test/contract/golden/${name}: RECORD_GOLDEN=1 writes it anew`,
    );
  }

  for (const example of ['single', 'shop']) {
    it(`shows what the example ${example} gives`, async () => {
      await cp(path.join(examples, example), directory, { recursive: true });
      await init();
      const { code, stdout, stderr } = await render(['--repository', `acme/${example}`, '--number', '42']);
      assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
      await assertGolden(`${example}.yaml`, stdout);
    });
  }

  it('is read whole, however slowly, and ends quietly when its reader has had enough', async () => {
    await write({
      '.berth.yaml': 'routes:\n  web: { service: web, port: 80 }\n',
      'chart/Chart.yaml': 'apiVersion: v2\nname: long\nversion: 1.0.0\n',
      'chart/templates/web.yaml':
        'apiVersion: v1\nkind: Service\nmetadata: { name: web }\nspec: { ports: [{ port: 80 }] }\n',
      'chart/templates/long.yaml':
        'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: long }\ndata: { text: {{ repeat 300000 "x" }} }\n',
    });
    await init();
    const whole = await render();
    assert.equal(whole.code, 0, whole.stderr);
    assert.ok(whole.stdout.includes('x'.repeat(300_000)), `${whole.stdout.length} characters`);
    const cli = fileURLToPath(new URL('../../src/cli.ts', import.meta.url));
    const line = `("$0" "$1" render; echo "code $?" >&2) | head -c 20`;
    const env = { PATH: process.env['PATH'], BERTH_HELM: tools.helm };
    const { stdout, stderr } = await promisify(execFile)('sh', ['-c', line, process.execPath, cli], {
      cwd: directory,
      env,
    });
    assert.equal(stdout.length, 20);
    assert.equal(stderr, 'code 0\n');
  });

  it('shows the plan, and what confines the preview', async () => {
    await cp(path.join(examples, 'shop'), directory, { recursive: true });
    await init();
    await assertGolden('shop-plan.yaml', (await render(['--plan', '--repository=acme/shop'])).stdout);
    const { objects } = JSON.parse((await render(['--all', '--output=json', '--trust=trusted'])).stdout) as {
      objects: readonly { kind: string }[];
    };
    assert.deepEqual(
      objects.slice(0, 6).map(({ kind }) => kind),
      ['Namespace', 'ResourceQuota', 'LimitRange', 'NetworkPolicy', 'ServiceAccount', 'RoleBinding'],
    );
  });

  it('names things as the installation whose settings it is given', async () => {
    await write({ Dockerfile: 'FROM scratch\nEXPOSE 3000\n' });
    await init();
    const args = [
      '--plan',
      '--output=json',
      '--repository=acme/shop',
      '--repository-id=7',
      '--number=3',
      '--branch=a/b',
    ];
    const { stdout } = await render(args, {
      BERTH_PREVIEW_DOMAIN: 'pr.acme.dev',
      BERTH_PREVIEW_SCHEME: 'http',
      BERTH_PREVIEW_PORT: '8081',
      BERTH_REGISTRY: 'r.acme.dev/x',
      BERTH_GITHUB_APP_ID: '12',
      // Of no interest here: not even read.
      BERTH_GITHUB_PRIVATE_KEY_FILE: '/nonexistent',
      BERTH_REDIS_URL: 'nonsense',
    });
    const { plan } = JSON.parse(stdout) as {
      plan: { images: { web: { ref: string } }; routes: { web: { url: string } } };
    };
    assert.match(plan.images.web.ref, /^r\.acme\.dev\/x\/acme\/shop\/web:c-[0-9a-f]{32}$/);
    const namespace = namespaceName('berth.12', { repositoryId: 7, number: 3 }, 'shop');
    assert.equal(plan.routes.web.url, `http://${namespace}.pr.acme.dev:8081`);
  });

  it('renders a commit, or what is not committed yet', async () => {
    await write({ Dockerfile: 'FROM scratch\nEXPOSE 3000\n' });
    await init();
    const first = await commit();
    await write({ Dockerfile: 'FROM scratch\nEXPOSE 4000\n' });
    const now = (await render()).stdout;
    const then = (await render(['--revision', 'HEAD'])).stdout;
    assert.match(now, new RegExp(`^# local/shop at ${first.slice(0, 7)} with uncommitted changes, branch main`));
    assert.match(then, new RegExp(`^# local/shop at ${first.slice(0, 7)}, branch main`));
    assert.match(now, /containerPort: 4000/);
    assert.match(then, /containerPort: 3000/);
  });

  it("takes manifest and chart of the base branch for a fork's code", async () => {
    await write({ Dockerfile: 'FROM scratch\n', '.berth.yaml': 'values: { env: { FROM: base } }\n' });
    await init();
    await commit();
    await git(directory, ['checkout', '--quiet', '-b', 'theirs']);
    await write({ '.berth.yaml': 'values: { env: { FROM: fork } }\n' });
    await commit();
    assert.match((await render()).stdout, /value: fork/);
    const asFork = await render(['--trust', 'untrusted']);
    assert.match(asFork.stdout, /, branch theirs, as pull request 1, from a fork, for main\n/);
    assert.match(asFork.stdout, /value: base/);
    assert.match(asFork.stdout, /\/untrusted\/local\/shop\/web:c-/);
    const { code, stderr } = await render(['--trust', 'untrusted', '--base', 'gone']);
    assert.equal(code, 1);
    assert.match(stderr, /^SourceInvalid: There is no branch `gone`/);
  });

  const chart = {
    'chart/Chart.yaml': 'apiVersion: v2\nname: shop\nversion: 1.0.0\n',
    '.berth.yaml': 'routes: { web: { service: web, port: 80 } }\n',
  };
  const service = 'apiVersion: v1\nkind: Service\nmetadata: { name: web }\nspec: { ports: [{ port: 80 }] }\n';

  it('answers a chart that asks the cluster as an empty one would, and says so', async () => {
    const template = `{{- if lookup "v1" "Secret" "x" "y" }}{{ fail "found" }}{{- end }}\n${service}`;
    await write({ ...chart, 'chart/templates/web.yaml': template });
    await init();
    const { code, stdout, stderr } = await render();
    assert.equal(code, 0, stderr);
    assert.match(stdout, /kind: Service/);
    assert.match(stderr, /^note: the chart asks the cluster/);
  });

  it('renders for the version of Kubernetes that is asked for', async () => {
    const template = `${service}  # {{ .Capabilities.KubeVersion.Version }}\n---\nkind: ConfigMap\napiVersion: v1\nmetadata: { name: v }\ndata: { v: "{{ .Capabilities.KubeVersion.Minor }}" }\n`;
    await write({ ...chart, 'chart/templates/web.yaml': template });
    await init();
    assert.match((await render(['--kubernetes', '1.27'])).stdout, /v: "27"/);
  });

  it('notes a route that leads nowhere', async () => {
    await write({ ...chart, 'chart/templates/web.yaml': service.replace('name: web', 'name: other') });
    await init();
    const { code, stderr } = await render();
    assert.deepEqual(
      { code, stderr },
      { code: 0, stderr: 'note: the route web leads to the Service web, which the chart does not make\n' },
    );
  });

  const faults: readonly (readonly [string, Readonly<Record<string, string>>, RegExp])[] = [
    ['nothing at all', {}, /^ManifestInvalid: there is nothing to preview: add a Dockerfile or a \.berth\.yaml\n$/],
    [
      'a manifest that is wrong in two places',
      { '.berth.yaml': 'images:\n  web: { context: web }\nroutse: {}\nttl: 7 days\n' },
      /^\.berth\.yaml:3:1: `routse` is not known: did you mean `routes`\?\n\.berth\.yaml:4:6: `ttl` must be a duration like `30m`, `12h` or `7d`\n$/,
    ],
    ['broken YAML', { '.berth.yaml': 'images: [\n' }, /^\.berth\.yaml:\d+:\d+: .+\n$/],
    [
      'a folder that is not there',
      { '.berth.yaml': 'images:\n  web: { context: wbe }\n' },
      /^\.berth\.yaml:2:19: there is no folder `wbe` for the image `web`\n$/,
    ],
    [
      'a value that the built-in chart does not know',
      { Dockerfile: 'FROM scratch\n', '.berth.yaml': 'values: { apps: { web: { prot: 3000 } } }\n' },
      /^ChartInvalid: The values do not fit the chart's schema: .*prot/,
    ],
    [
      'a template that is broken',
      { ...chart, 'chart/templates/web.yaml': 'a: {{ .Values.x.y }}\n' },
      /^chart\/templates\/web\.yaml:1:\d+: /,
    ],
    [
      'what previews may not have',
      { ...chart, 'chart/templates/web.yaml': service.replace('ports:', 'type: LoadBalancer, ports:') },
      /^ChartRefused: The chart has something that a preview may not have: Service\/web: spec\.type: /,
    ],
  ];
  for (const [name, files, want] of faults) {
    it(`says what is wrong, and exits with 1: ${name}`, async () => {
      await write(files);
      await init();
      const { code, stdout, stderr } = await render();
      assert.match(stderr, want);
      assert.deepEqual({ code, stdout }, { code: 1, stdout: '' });
    });
  }

  it('says to programs what is wrong', async () => {
    await init();
    const { code, stdout } = await render(['--output', 'json']);
    assert.equal(code, 1);
    assert.equal((JSON.parse(stdout) as { diagnosis: { reason: string } }).diagnosis.reason, 'ManifestInvalid');
  });

  const outside: readonly (readonly [string, readonly string[], Readonly<Record<string, string>>, RegExp])[] = [
    ['no such directory', ['nowhere'], {}, /^berth render: there is no directory \S+\/nowhere\n$/],
    ['no such revision', ['--revision', 'v9'], {}, /^berth render: git knows no commit v9 in \S+\n$/],
    [
      'no Helm',
      [],
      { BERTH_HELM: 'helm-of-nobody' },
      /^berth render: the program helm-of-nobody is not there: install it, or let BERTH_HELM name it/,
    ],
    [
      'no git',
      ['--plan'],
      { BERTH_GIT: 'git-of-nobody' },
      /^berth render: the program git-of-nobody is not there: install it, or let BERTH_GIT name it\n$/,
    ],
    [
      'bad variables',
      [],
      { BERTH_EGRESS: 'all', BERTH_X: '1' },
      /^berth render: bad configuration:\n {2}BERTH_X: there is no such variable\n {2}BERTH_EGRESS: /,
    ],
  ];
  for (const [name, args, env, want] of outside) {
    it(`says what is missing, and exits with 2: ${name}`, async () => {
      await write({ Dockerfile: 'FROM scratch\n' });
      await init();
      const { code, stdout, stderr } = await render(args, env);
      assert.match(stderr, want);
      assert.deepEqual({ code, stdout }, { code: 2, stdout: '' });
    });
  }

  it('says what is missing, and exits with 2: a repository', async () => {
    const { code, stderr } = await render();
    assert.match(stderr, /^berth render: \S+ is in no git repository: `git init` makes it one\n$/);
    assert.equal(code, 2);
  });
});
