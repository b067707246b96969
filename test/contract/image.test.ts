import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type BuiltImage, buildBerthImage } from '../../deploy/local/berth-image.ts';
import { run, RunError } from '../../deploy/local/run.ts';
import { waitUntil } from '../../deploy/local/wait.ts';
import { berthVersion } from '../../src/package-files.ts';
import { type BerthContainer, confined, type ContainerPlace, containerPlace, volumes } from '../berth-container.ts';
import { localStack } from '../local-stack.ts';
import { startRedis } from '../redis-server.ts';

/** What a node pulls that has none of it. */
const pulledBytes = 110e6;

describe("Berth's image", { timeout: 600_000 }, () => {
  const stack = localStack();
  const env = { ...process.env, DOCKER_HOST: stack.dockerHost };
  const docker = (...args: readonly string[]) => run([stack.tools.docker, ...args], { env, timeoutMs: 60_000 });
  const name = `image-test-${randomBytes(4).toString('hex')}`;
  let image: BuiltImage;
  /** Each file and directory as `tar --list --verbose` has it, its path without the slash in front. */
  let content: readonly { readonly mode: string; readonly owner: string; readonly path: string }[];

  before(async () => {
    image = await buildBerthImage(stack);
    await docker('create', `--name=${name}`, image.reference);
    const archive = path.join(tmpdir(), `${name}.tar`);
    try {
      await docker('export', `--output=${archive}`, name);
      const listed = await run(['tar', '--list', '--verbose', '--numeric-owner', '--file', archive], {
        timeoutMs: 60_000,
      });
      content = listed
        .trim()
        .split('\n')
        .map((line) => {
          const [mode = '', owner = '', , , , ...rest] = line.split(/\s+/);
          return { mode, owner, path: (rest.join(' ').split(/ (?:->|link to) /)[0] ?? '').replace(/\/$/, '') };
        });
    } finally {
      await rm(archive, { force: true });
    }
  });
  after(async () => {
    // Volumes too. What the container was made of is the image's, whose layers the next build wants.
    await docker('rm', '--force', '--volumes', name).catch(() => undefined);
  });

  /** Runs something in it to its end. */
  const inside = (entrypoint: string, ...args: readonly string[]) =>
    docker(
      'run',
      '--rm',
      '--network=none',
      ...confined,
      ...volumes,
      `--entrypoint=${entrypoint}`,
      image.reference,
      ...args,
    );

  it('says what it is', async () => {
    const [config] = JSON.parse(await docker('inspect', '--format={{json .Config}}', name).then((each) => `[${each}]`));
    assert.deepEqual(
      { user: config.User, entrypoint: config.Entrypoint, command: config.Cmd ?? undefined },
      { user: '65532:65532', entrypoint: ['tini', '--', 'berth'], command: undefined },
    );
    const label = (key: string) => config.Labels[`org.opencontainers.image.${key}`];
    assert.equal(label('version'), berthVersion());
    assert.match(label('revision'), /^[0-9a-f]{40}$/);
    assert.equal(label('title'), 'Berth');
    assert.equal(label('licenses'), 'Apache-2.0');
    assert.ok(label('description') && label('source'));
  });

  it('has the programs that Berth runs, and no others', () => {
    const programs = content.filter(
      ({ mode, path: file }) => /^[-hl]/.test(mode) && /^(usr\/)?(local\/)?s?bin\//.test(file),
    );
    assert.deepEqual(programs.map(({ path: file }) => path.basename(file)).toSorted(), [
      'berth',
      'dash',
      'docker-buildx',
      'git',
      'git-upload-pack',
      'helm',
      'node',
      'sh',
      'tini',
    ]);
  });

  it('has nothing of what it was made with', () => {
    const left = /(^|\/)(npm|esbuild|typescript|apt|perl5?|python3?|gcc|include)\/|\.ts$|\.map$|^root\/|^home\/./;
    const known = /\/(package\.json|(licen[cs]e|notice|copying)[^/]*)$/i;
    const isLeft = (mode: string, file: string) =>
      left.test(file) || (/node_modules/.test(file) && !mode.startsWith('d') && !known.test(file));
    assert.deepEqual(
      content.filter(({ mode, path: file }) => isLeft(mode, file)).map(({ path: file }) => file),
      [],
    );
  });

  it('has the licence of everything', () => {
    const files = new Set(content.map(({ path: file }) => file));
    for (const file of ['LICENSE', 'THIRD_PARTY_LICENSES.md']) assert.ok(files.has(`berth/${file}`), file);
    for (const name of ['git', 'libc6', 'tini']) assert.ok(files.has(`usr/share/doc/${name}/copyright`), name);
    // How scanners know what has a hole.
    for (const name of ['git', 'libc6', 'libgnutls30']) assert.ok(files.has(`var/lib/dpkg/status.d/${name}`), name);
  });

  it('lists the packages in its bundle where scanners look for them', async () => {
    const listed = `for (const each of fs.globSync('/berth/node_modules/**/package.json')) {
      const { version } = JSON.parse(fs.readFileSync(each, 'utf8'));
      console.log(each.slice('/berth/'.length, -'/package.json'.length), version);
    }`;
    const bundled = `for (const each of fs.globSync('/berth/dist/**/*.js')) {
      const code = fs.readFileSync(each, 'utf8');
      for (const [, folder] of code.matchAll(/^(?:\\/\\/ | {2}")(.*node_modules\\/(?:@[^/]+\\/)?[^/]+)\\//gm)) console.log(folder);
    }`;
    const lines = async (script: string) => (await inside('node', '--eval', script)).trim().split('\n');
    const { packages } = JSON.parse(await readFile(new URL('../../package-lock.json', import.meta.url), 'utf8')) as {
      readonly packages: Readonly<
        Record<string, { readonly version: string; readonly dev?: true; readonly optional?: true }>
      >;
    };
    const locked = Object.entries(packages).filter(([folder, { dev, optional }]) => folder !== '' && !dev && !optional);
    const inventory = await lines(listed);
    assert.deepEqual(inventory.toSorted(), locked.map(([folder, { version }]) => `${folder} ${version}`).toSorted());
    const folders = new Set(inventory.map((line) => line.split(' ')[0] ?? ''));
    const inBundle = new Set(await lines(bundled));
    assert.ok(inBundle.has('node_modules/bullmq') && inBundle.has('node_modules/@kubernetes/client-node'));
    assert.deepEqual(
      [...inBundle].filter((folder) => !folders.has(folder)),
      [],
    );
  });

  it('lets its user write to its own directory and to /tmp alone, and become nobody else', () => {
    const open = content.filter(({ mode }) => !mode.startsWith('l') && (mode[8] === 'w' || /s/i.test(mode)));
    assert.deepEqual(
      open.map(({ path: file }) => file),
      ['tmp'],
    );
    const owned = content.filter(({ owner }) => owner !== '0/0');
    assert.deepEqual(
      owned.map(({ path: file, owner }) => `${file} ${owner}`),
      ['var/lib/berth 65532/65532'],
    );
  });

  it('is small', async () => {
    const accept = 'application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json';
    const [host, ...repository] = image.repository.split('/');
    const url = `http://${host}/v2/${repository.join('/')}/manifests/${image.digest}`;
    const { layers } = (await (await fetch(url, { headers: { accept } })).json()) as { layers: { size: number }[] };
    const pulled = layers.reduce((sum, { size }) => sum + size, 0);
    assert.ok(pulled < pulledBytes, `${pulled} bytes to pull`);
  });

  it('has the versions that the Dockerfile names, or what stands for them here', async () => {
    const [node, helm, git, buildx] = await Promise.all([
      inside('node', '--version'),
      inside('helm', 'version', '--template', '{{.Version}}'),
      inside('git', '--version'),
      inside('docker-buildx', 'version'),
    ]);
    assert.match(node, /^v24\./);
    assert.equal(helm.trim(), 'v4.1.4');
    assert.match(git, /^git version 2\.39\./);
    assert.match(buildx, /^github\.com\/docker\/buildx v?0\./);
  });

  it('fetches by HTTPS and trusts the usual authorities', async () => {
    // Nobody is there to answer, but the helper is.
    const failure = await inside('git', 'ls-remote', 'https://127.0.0.1:1/x').catch((error: unknown) => error);
    assert.match(String(failure), /Failed to connect|Could not connect|Couldn't connect/);
    const bundle = await inside(
      'node',
      '--print',
      'fs.readFileSync("/etc/ssl/certs/ca-certificates.crt", "utf8").match(/BEGIN/g).length',
    );
    assert.ok(Number(bundle) > 100, bundle);
  });

  it('helps, and tells what is missing', async () => {
    assert.match(await inside('berth', '--help'), /berth <command>/);
    const failure = await inside('berth', 'doctor', '--read-only').catch((error: unknown) => error);
    assert.ok(failure instanceof RunError && failure.exitCode !== 0, String(failure));
    assert.match(failure.message, /BERTH_GITHUB_APP_ID: is not set/);
  });

  it('reads long renderings in a thread of its own, which is a file of its own', async () => {
    const folder = await mkdtemp(path.join(tmpdir(), `${name}-`));
    try {
      const files = {
        '.berth.yaml': 'routes:\n  web: { service: web, port: 80 }\n',
        'chart/Chart.yaml': 'apiVersion: v2\nname: long\nversion: 1.0.0\n',
        'chart/templates/all.yaml': `apiVersion: v1
kind: Service
metadata: { name: web }
spec: { ports: [{ port: 80 }] }
---
apiVersion: v1
kind: ConfigMap
metadata: { name: long }
data: { text: {{ repeat 70000 "x" }} }
`,
      };
      await mkdir(path.join(folder, 'chart/templates'), { recursive: true });
      for (const [file, text] of Object.entries(files)) await writeFile(path.join(folder, file), text);
      await run(['git', 'init', '--quiet', folder], { timeoutMs: 10_000 });
      await chmod(folder, 0o755);
      const mount = `--mount=type=bind,source=${folder},target=/shop,readonly`;
      const options = ['--rm', '--network=none', ...confined, ...volumes, mount, image.reference];
      const rendered = await docker('run', ...options, 'render', '/shop', '--output=json');
      assert.ok(rendered.includes('x'.repeat(70_000)), `${rendered.length} characters`);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

  describe('while it runs', () => {
    let redis: Awaited<ReturnType<typeof startRedis>>;
    let place: ContainerPlace;
    let berth: BerthContainer;
    before(async () => {
      redis = await startRedis();
      place = await containerPlace(stack, image.reference, redis.url, name);
      berth = await place.start(['server', 'worker', 'gateway', 'sweep']);
    });
    after(async () => {
      await berth[Symbol.asyncDispose]();
      await place[Symbol.asyncDispose]();
      await redis[Symbol.asyncDispose]();
    });

    it('is ready, with all roles, as a service account on a root that cannot be written to', async () => {
      const isReady = () =>
        fetch(`http://${berth.operations}/readyz`).then(
          ({ ok }) => ok,
          () => false,
        );
      await waitUntil('Berth to be ready', isReady, { timeoutMs: 60_000 }).catch(async (error: unknown) => {
        throw new Error(await docker('logs', berth.name), { cause: error });
      });
      const refusal = await docker('exec', berth.name, 'sh', '-c', 'echo > /berth/x').catch((error: unknown) => error);
      assert.match(String(refusal), /Read-only file system/);
    });

    it('collects what others leave behind', async () => {
      // The shell ends first: its child then belongs to the container's first process.
      await docker('exec', berth.name, 'sh', '-c', 'node --eval "setTimeout(() => {}, 200)" &');
      // Asked inside, for no list of a container's processes has the dead ones.
      const states = `for (const pid of fs.readdirSync('/proc').filter(Number)) console.log(
        fs.readFileSync('/proc/' + pid + '/stat', 'utf8').split(' ').slice(0, 3).join(' '))`;
      const processes = () => docker('exec', berth.name, 'node', '--eval', states);
      const count = async () => (await processes()).trim().split('\n').length;
      // tini, Berth and the one that asks.
      await waitUntil('the orphan to be gone', async () => (await count()) === 3, { timeoutMs: 20_000 }).catch(
        async (error: unknown) => {
          throw new Error(await processes(), { cause: error });
        },
      );
    });

    it('ends when it is asked to', async () => {
      await docker('stop', '--time=30', berth.name);
      const [state] = JSON.parse(`[${await docker('inspect', '--format={{json .State}}', berth.name)}]`);
      assert.equal(state.ExitCode, 0, await docker('logs', berth.name));
    });
  });
});
