import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { inspectChart } from '../../src/adapters/helm/chart-files.ts';
import { builtInValues } from '../../src/domain/built-in-chart.ts';
import { DiagnosedError } from '../../src/domain/errors.ts';
import type { JsonObject } from '../../src/domain/json.ts';
import { parseManifest } from '../../src/domain/manifest.ts';
import { chartFolder, lint } from './helm.ts';
import { kubernetesReleases, problemsOf } from './kubernetes-schemas.ts';
import { environmentOf, namesOf, podsOf, renderPreview } from './preview-rendering.ts';

const image = 'registry.example/web@sha256:1234';
const web = { image, port: 3000 };
const full: JsonObject = {
  env: { LOG: 'debug', CACHE: true },
  secrets: ['shared'],
  imagePullSecrets: ['pull'],
  apps: {
    web: {
      ...web,
      servicePort: 8000,
      extraPorts: { admin: 9000 },
      setup: ['bin/migrate'],
      startupSeconds: 120,
      command: ['bin/web'],
      args: ['--all'],
      env: { CACHE: false, THREADS: 5, KEY: { secret: 'shop/api.key', optional: true } },
      secrets: [{ name: 'own', optional: true }],
      replicas: 2,
      resources: { requests: { cpu: '100m' }, limits: { memory: '1Gi' } },
      readiness: { path: '/up', timeoutSeconds: 5 },
      liveness: { path: '/live', port: 9000, periodSeconds: 30 },
      files: { '/etc/web/web.toml': "text = '{{ not a template }}'\n" },
      volumes: { uploads: { path: '/app/uploads', size: '1Gi', storageClass: 'fast' } },
      scratch: ['/app/tmp'],
      readOnlyRootFilesystem: true,
      runAsUser: 1000,
    },
    api: { image: 'registry.example/api:1', port: 8080, readiness: { command: ['bin/ready'] } },
  },
  workers: {
    jobs: { app: 'web', command: ['bin/jobs'], env: { THREADS: 10 }, files: { '/etc/web/jobs.toml': 'a\n' } },
    mail: {
      image: 'registry.example/mail:1',
      volumes: { spool: { path: '/spool', size: '2Gi' } },
      liveness: { command: ['bin/alive'] },
    },
  },
  postgres: { enabled: true, seed: 'CREATE TABLE a (b int);' },
  redis: { enabled: true, size: '1Gi' },
};

describe('charts/preview', { concurrency: 2 }, () => {
  it('lints', async () => {
    await lint(chartFolder('preview'), full);
  });

  it('asks the cluster for nothing, so that it is rendered the quick way', async () => {
    const { asksCluster, asksRevision, takesTemplates } = await inspectChart(
      chartFolder('preview'),
      new AbortController().signal,
    );
    assert.deepEqual(
      { asksCluster, asksRevision, takesTemplates },
      { asksCluster: false, asksRevision: false, takesTemplates: false },
    );
  });

  it('makes a Deployment and a Service of an app, and nothing else', async () => {
    assert.deepEqual(namesOf(await renderPreview({ apps: { web } })), ['Deployment/web', 'Service/web']);
  });

  it('makes of everything together what the gate lets pass, by `restricted`', async () => {
    assert.deepEqual(namesOf(await renderPreview(full)), [
      'ConfigMap/jobs-files',
      'ConfigMap/postgres',
      'ConfigMap/web-files',
      'Deployment/api',
      'Deployment/jobs',
      'Deployment/mail',
      'Deployment/postgres',
      'Deployment/redis',
      'Deployment/web',
      'PersistentVolumeClaim/mail-spool',
      'PersistentVolumeClaim/postgres',
      'PersistentVolumeClaim/redis',
      'PersistentVolumeClaim/web-uploads',
      'Secret/preview-postgres',
      'Secret/preview-redis',
      'Service/api',
      'Service/postgres',
      'Service/redis',
      'Service/web',
    ]);
  });

  for (const release of kubernetesReleases) {
    it(`makes what Kubernetes ${release} knows`, async () => {
      const objects = await renderPreview(full);
      assert.deepEqual(
        objects.flatMap((object) => problemsOf(object, release)),
        [],
      );
    });
  }

  it('names the RuntimeClass in every pod of a fork', async () => {
    const untrusted = { trust: 'untrusted' } as const;
    const pods = podsOf(await renderPreview(full, untrusted, { untrustedRuntimeClass: 'gvisor' }));
    for (const [name, pod] of Object.entries(pods)) assert.equal(pod.runtimeClassName, 'gvisor', name);
  });

  it('has no hooks and no workloads but Deployments, so that all of them can be put to sleep', async () => {
    for (const { kind, metadata } of await renderPreview(full)) {
      assert.doesNotMatch(kind, /^(Job|CronJob|Pod|StatefulSet|DaemonSet|ReplicaSet)$/);
      assert.equal(metadata.annotations?.['helm.sh/hook'], undefined);
    }
  });

  it('lets an app know its port, and lets its environment win over that of all, `false` too', async () => {
    const { web: pod } = podsOf(await renderPreview(full));
    const { PORT, LOG, CACHE, THREADS } = environmentOf(pod?.containers[0] ?? assert.fail());
    assert.deepEqual({ PORT, LOG, CACHE, THREADS }, { PORT: '3000', LOG: 'debug', CACHE: 'false', THREADS: '5' });
  });

  it('gives a worker what its app has, under its own', async () => {
    const { web: app, jobs } = podsOf(await renderPreview(full));
    const [ofApp, ofWorker] = [app?.containers[0], jobs?.containers[0]];
    assert.ok(ofApp && ofWorker);
    assert.equal(ofWorker.image, image);
    assert.deepEqual(ofWorker.envFrom, ofApp.envFrom);
    const { CACHE, THREADS, PORT } = environmentOf(ofWorker);
    assert.deepEqual({ CACHE, THREADS, PORT }, { CACHE: 'false', THREADS: '10', PORT: undefined });
    assert.deepEqual(
      ofWorker.volumeMounts?.map(({ mountPath }) => mountPath),
      ['/etc/web/jobs.toml', '/etc/web/web.toml', '/tmp', '/app/tmp', '/app/uploads'],
    );
    assert.deepEqual(jobs?.['securityContext'], app?.['securityContext']);
    assert.deepEqual(jobs?.affinity, app?.affinity);
  });

  it('starts everybody when the databases answer, and workers when the setup of their app is done', async () => {
    const pods = podsOf(await renderPreview(full));
    const initOf = (name: string) => pods[name]?.initContainers?.map((container) => container.name);
    assert.deepEqual(initOf('web'), ['await-postgres', 'await-redis', 'setup', 'mark-setup']);
    assert.deepEqual(initOf('jobs'), ['await-postgres', 'await-redis']);
    const text = (name: string, container: string) =>
      JSON.stringify(pods[name]?.initContainers?.find((each) => each.name === container));
    const [mark] = /web-[0-9a-f]{16}/.exec(text('web', 'mark-setup')) ?? [];
    assert.ok(mark !== undefined && text('jobs', 'await-postgres').includes(mark));
    assert.ok(!text('mail', 'await-postgres').includes('mark'));
  });

  describe('passwords', () => {
    const passwordOf = async (namespace: string, key: string | undefined, isUpgrade = false) => {
      const objects = await renderPreview({ ...full }, { namespace, isUpgrade }, { passwordKey: key });
      const secret = objects.find(({ metadata }) => metadata.name === 'preview-postgres');
      const data = secret?.['data'] as Readonly<Record<string, string>> | undefined;
      return Buffer.from(data?.['PGPASSWORD'] ?? '', 'base64').toString();
    };

    it('stay the same over upgrades, and are another for every preview and every installation', async () => {
      const password = await passwordOf('pr-1', 'k');
      assert.match(password, /^[0-9a-f]{32}$/);
      assert.equal(await passwordOf('pr-1', 'k', true), password);
      const others = [
        await passwordOf('pr-2', 'k'),
        await passwordOf('pr-1', 'l'),
        await passwordOf('pr-1', undefined),
      ];
      assert.equal(new Set([password, ...others]).size, 4);
    });
  });

  describe('says what is wrong with values', () => {
    const rows: readonly (readonly [values: JsonObject, message: string])[] = [
      [{ apps: { web: { ...web, prot: 1 } } }, '`apps.web` has no key `prot` (did you mean `port`?)'],
      [{ apps: { web }, postgress: {} }, '`values` has no key `postgress` (did you mean `postgres`?)'],
      [{ apps: { web }, redis: { siez: '1Gi' } }, '`redis` has no key `siez` (did you mean `size`?)'],
      [{ apps: { web: { ...web, port: '80' } } }, '`apps.web.port`: got string, want integer'],
      [{ apps: { web: { ...web, env: { A: { sekret: 'a/b', secret: 'a/b' } } } } }, 'did you mean `secret`?'],
      [{ apps: { web }, workers: { jobs: { app: 'web', port: 1 } } }, '`workers.jobs` has no key `port`'],
      [{ apps: { web }, workers: { jobs: { app: 'wbe' } } }, 'workers.jobs.app: there is no app `wbe`, only web'],
      [{ apps: { web }, workers: { jobs: {} } }, 'workers.jobs: name its `image`, or the `app` whose image it runs'],
      [{ apps: { web }, workers: { web: { app: 'web' } } }, 'workers.web: there is an app of the same name'],
      [
        { apps: { web, redis: web }, redis: { enabled: true } },
        'apps.redis: `redis.enabled` makes something of the same name',
      ],
    ];
    for (const [values, message] of rows) {
      it(message, async () => {
        const refused = await renderPreview(values).then(
          () => assert.fail('it was rendered'),
          (error: unknown) => error,
        );
        assert.ok(refused instanceof DiagnosedError, String(refused));
        assert.equal(refused.diagnosis.reason, 'ChartInvalid');
        assert.ok(refused.diagnosis.message.includes(message), refused.diagnosis.message);
      });
    }
  });
});

describe('docs/charts.md', () => {
  const docs = readFileSync(new URL('../../docs/charts.md', import.meta.url), 'utf8');

  for (const [, text = ''] of (docs.split('\n### Recipes\n')[1] ?? '').matchAll(/```yaml\n([^]*?)```/g)) {
    it(`has a recipe that can be cooked: ${text.split('\n', 1)[0]} …`, async () => {
      const { images = [{ name: 'web' }], values } = parseManifest(text, '.berth.yaml');
      const objects = await renderPreview(builtInValues(images, new Map(), values));
      assert.deepEqual(
        objects.flatMap((object) => problemsOf(object, '1.34')),
        [],
      );
    });
  }

  it('describes every value of the built-in chart, and none that there is not', () => {
    const schema = JSON.parse(readFileSync(join(chartFolder('preview'), 'values.schema.json'), 'utf8')) as {
      readonly properties: object;
      readonly definitions: Readonly<Record<string, { readonly properties?: object }>>;
    };
    const keysOf = (name: string) => Object.keys(schema.definitions[name]?.properties ?? {});
    const tables = {
      Values: Object.keys(schema.properties).filter((key) => key !== 'global'),
      '`apps.<name>`': keysOf('app'),
      '`workers.<name>`': keysOf('worker').filter((key) => !keysOf('app').includes(key)),
      '`postgres`': keysOf('postgres'),
      '`redis`': keysOf('redis'),
    };
    for (const [heading, keys] of Object.entries(tables)) {
      const [, section = ''] = docs.split(`\n#### ${heading}\n`);
      const rows = section.split(/\n#{2,4} /)[0]?.matchAll(/^\| ((?:`\w+`(?:, )?)+) \|/gm) ?? [];
      const documented = [...rows].flatMap(([, cell = '']) =>
        [...cell.matchAll(/`(\w+)`/g)].map(([, key = '']) => key),
      );
      assert.deepEqual(documented.toSorted(), keys.toSorted(), heading);
    }
  });
});
