import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DiagnosedError } from '../../src/domain/errors.ts';
import { parseManifest } from '../../src/domain/manifest.ts';
import { type PlanInput, planOf } from '../../src/domain/plan-of.ts';
import { dockerfilesToRead, pathsToLookUp, type SourceEntry } from '../../src/domain/plan-sources.ts';
import type { Plan } from '../../src/domain/plan.ts';
import type { Diagnosis } from '../../src/domain/preview.ts';
import { revision, samplePullRequest } from './plan-sample.ts';

const settings: PlanInput['settings'] = {
  registry: 'localhost:5000/previews',
  previewDomain: 'preview.localhost',
  scheme: 'http',
  port: 8080,
  platform: 'linux/amd64',
  instance: 'berth',
};

/** A repository as text by path, looked up as the caller of `planOf` does it. Folders follow from the files. */
function plan(
  files: Readonly<Record<string, string>>,
  changes: Partial<PlanInput> = {},
  baseFiles: Readonly<Record<string, string>> = files,
): Plan {
  const text = baseFiles['.berth.yaml'];
  const manifest = text === undefined ? undefined : parseManifest(text, '.berth.yaml');
  const paths = pathsToLookUp(manifest, 'shop');
  const sources = { code: entries(files, paths.code), configuration: entries(baseFiles, paths.configuration) };
  const dockerfiles = new Map(dockerfilesToRead(manifest, 'shop', sources).map((path) => [path, files[path] ?? '']));
  return planOf({
    manifest,
    pullRequest: samplePullRequest(),
    namespace: 'pr-1-shop-abc123',
    trust: 'trusted',
    chartRevision: revision,
    sources,
    dockerfiles,
    settings,
    ...changes,
  });
}

function entries(files: Readonly<Record<string, string>>, paths: readonly string[]): Map<string, SourceEntry> {
  const found = new Map<string, SourceEntry>();
  for (const path of paths) {
    const text = files[path];
    const inside = Object.entries(files).filter(([name]) => path === '' || name.startsWith(`${path}/`));
    if (text !== undefined) found.set(path, { type: 'file', id: `blob ${text}` });
    else if (inside.length > 0) found.set(path, { type: 'directory', id: `tree ${JSON.stringify(inside)}` });
  }
  return found;
}

function diagnosisOf(files: Readonly<Record<string, string>>): Diagnosis {
  try {
    plan(files);
  } catch (error) {
    assert.ok(error instanceof DiagnosedError, String(error));
    return error.diagnosis;
  }
  return assert.fail('a plan was made');
}

const dockerfile = 'FROM scratch\nEXPOSE 3000\n';
const chart = { 'chart/Chart.yaml': 'name: shop', 'chart/values.yaml': '' };

describe('planOf a repository without a manifest', () => {
  it('builds the Dockerfile at the root and serves the port it exposes', () => {
    const { images, ...rest } = plan({ Dockerfile: dockerfile });
    assert.deepEqual(rest, {
      revision,
      chartRevision: revision,
      trust: 'trusted',
      chart: { kind: 'built-in' },
      values: { apps: { web: { image: '${images.web}', port: 3000 } } },
      valuesFiles: [],
      routes: [
        {
          name: 'web',
          service: 'web',
          port: 80,
          host: 'pr-1-shop-abc123',
          url: 'http://pr-1-shop-abc123.preview.localhost:8080',
        },
      ],
      about: { number: 1, branch: 'topic', repository: 'acme/shop' },
    });
    const [image] = images;
    assert.ok(image?.kind === 'build' && images.length === 1);
    assert.match(image.ref, /^localhost:5000\/previews\/acme\/shop\/web:c-[0-9a-f]{32}$/);
    assert.deepEqual(image.build, { context: '', dockerfile: 'Dockerfile', target: undefined, args: {} });
  });

  it('expects port 8080 when the Dockerfile does not say', () => {
    assert.deepEqual(plan({ Dockerfile: 'FROM scratch' }).values, {
      apps: { web: { image: '${images.web}', port: 8080 } },
    });
  });

  const nothing = 'there is nothing to preview: add a Dockerfile or a .berth.yaml';
  for (const files of [{ 'README.md': '' }, {}, { 'Dockerfile/x': '' }, { 'web/Dockerfile': '' }]) {
    it(`with only ${Object.keys(files).join() || 'nothing'} says what is missing`, () => {
      const { reason, message, places } = diagnosisOf(files);
      assert.equal(reason, 'ManifestInvalid');
      if ('Dockerfile/x' in files) assert.match(message, /no file `Dockerfile` for the image `web`/);
      else assert.equal(message, nothing);
      assert.equal(places, undefined);
    });
  }

  it('asks for routes when there is a chart, with an example', () => {
    const { message } = diagnosisOf({ Dockerfile: dockerfile, ...chart });
    assert.equal(
      message,
      'it is not said which Service of the chart in `chart` to show: ' +
        'add `routes: { web: { service: web, port: 80 } }` to .berth.yaml, or `routes: {}` to show none',
    );
  });
});

describe('planOf a repository with a manifest', () => {
  const routes = 'routes: { web: { service: "${release}-web", port: 80 }, api: { service: api, port: 8000 } }\n';

  it('finds the chart where charts usually are', () => {
    const files = { '.berth.yaml': routes, Dockerfile: dockerfile };
    const found = (extra: object) => plan({ ...files, ...extra }).chart;
    assert.equal((found(chart) as { path?: string }).path, 'chart');
    assert.equal((found({ 'charts/shop/Chart.yaml': '' }) as { path?: string }).path, 'charts/shop');
    assert.equal((found({ ...chart, 'charts/shop/Chart.yaml': '' }) as { path?: string }).path, 'chart');
    assert.equal(plan({ ...files, ...chart, '.berth.yaml': 'chart: built-in' }).chart.kind, 'built-in');
  });

  it('needs no Dockerfile for a chart that brings its images', () => {
    const { images, chart: planned } = plan({ '.berth.yaml': routes, ...chart });
    assert.deepEqual(images, []);
    assert.equal(planned.kind, 'path');
  });

  it('gives every route a host of its own, and the first the shortest', () => {
    const planned = plan({ '.berth.yaml': routes, ...chart });
    assert.deepEqual(
      planned.routes.map(({ service, host, port }) => ({ service, host, port })),
      [
        { service: 'preview-web', host: 'pr-1-shop-abc123', port: 80 },
        { service: 'api', host: 'api--pr-1-shop-abc123', port: 8000 },
      ],
    );
  });

  it("leaves the scheme's own port out of URLs", () => {
    const urls = [
      { ...settings, scheme: 'https', port: 443 } as const,
      { ...settings, scheme: 'https', port: undefined } as const,
      { ...settings, scheme: 'http', port: 80 } as const,
    ].map((each) => plan({ Dockerfile: dockerfile }, { settings: each }).routes[0]?.url);
    assert.deepEqual(urls, [
      'https://pr-1-shop-abc123.preview.localhost',
      'https://pr-1-shop-abc123.preview.localhost',
      'http://pr-1-shop-abc123.preview.localhost',
    ]);
  });

  it('replaces what is known before the builds, and nothing else', () => {
    const planned = plan({
      '.berth.yaml':
        'images:\n  web: { args: { URL: "${urls.web}", RAW: "$${sha}" } }\n  api: { from: "ghcr.io/acme/api:${sha}" }\n' +
        'values:\n  a: "${shortSha} ${number} ${branch} ${namespace} ${release} ${hosts.web}"\n' +
        '  b: ["${images.web}", "$${sha}", "${images.api.tag}"]\n',
      Dockerfile: dockerfile,
    });
    const [web, api] = planned.images;
    assert.deepEqual(web?.kind === 'build' && web.build.args, {
      URL: 'http://pr-1-shop-abc123.preview.localhost:8080',
      RAW: '${sha}',
    });
    assert.equal(api?.ref, `ghcr.io/acme/api:${revision}`);
    assert.equal(planned.values['a'], 'aaaaaaa 1 topic pr-1-shop-abc123 preview pr-1-shop-abc123.preview.localhost');
    assert.deepEqual(planned.values['b'], ['${images.web}', '$${sha}', '${images.api.tag}']);
  });

  it('gives the built-in chart an app and a route for each image, and what `values` add', () => {
    const planned = plan({
      '.berth.yaml':
        'images: { web: {}, api: { context: api } }\n' +
        'values: { env: { A: b }, apps: { api: { port: 9000, env: { URL: "${urls.web}" } }, redis: { image: r, port: 1 } } }\n',
      Dockerfile: dockerfile,
      'api/Dockerfile': dockerfile,
    });
    assert.deepEqual(planned.values, {
      env: { A: 'b' },
      apps: {
        web: { image: '${images.web}', port: 3000 },
        api: {
          image: '${images.api}',
          port: 9000,
          env: { URL: 'http://pr-1-shop-abc123.preview.localhost:8080' },
        },
        redis: { image: 'r', port: 1 },
      },
    });
    assert.deepEqual(
      planned.routes.map(({ name, service, port }) => [name, service, port]),
      [
        ['web', 'web', 80],
        ['api', 'api', 80],
      ],
    );
  });

  it('makes a worker of an image that the values call one, without a route, and leaves those of an app alone', () => {
    const planned = plan({
      '.berth.yaml':
        'images: { web: {}, mailer: { context: api }, cron: { context: api } }\n' +
        'values: { workers: { mailer: null, cron: { image: c, args: [a] }, jobs: { app: web } } }\n',
      Dockerfile: dockerfile,
      'api/Dockerfile': dockerfile,
    });
    assert.deepEqual(planned.values, {
      apps: { web: { image: '${images.web}', port: 3000 } },
      workers: { mailer: { image: '${images.mailer}' }, cron: { image: 'c', args: ['a'] }, jobs: { app: 'web' } },
    });
    assert.deepEqual(
      planned.routes.map(({ name }) => name),
      ['web'],
    );
  });

  it('takes values files with their content', () => {
    const text = `${routes}valuesFiles: [deploy/a.yaml, deploy/b.yaml]\n`;
    const planned = plan({ '.berth.yaml': text, ...chart, 'deploy/a.yaml': 'a', 'deploy/b.yaml': 'b' });
    assert.deepEqual(planned.valuesFiles, [
      { path: 'deploy/a.yaml', blobId: 'blob a' },
      { path: 'deploy/b.yaml', blobId: 'blob b' },
    ]);
  });

  it('D9 takes chart and values files of untrusted code from the base branch, and the code from the head', () => {
    const head = { Dockerfile: 'FROM head\nEXPOSE 1\n', 'chart/Chart.yaml': 'head', 'v.yaml': 'head' };
    const base = { '.berth.yaml': `${routes}valuesFiles: [v.yaml]`, 'chart/Chart.yaml': 'base', 'v.yaml': 'base' };
    const planned = plan(head, { trust: 'untrusted', chartRevision: 'b'.repeat(40) }, base);
    assert.equal(planned.chartRevision, 'b'.repeat(40));
    assert.equal(planned.chart.kind === 'path' && planned.chart.treeId, 'tree [["chart/Chart.yaml","base"]]');
    assert.equal(planned.valuesFiles[0]?.blobId, 'blob base');
    assert.equal(planned.images.length, 1);
  });
});

describe("an image's reference", () => {
  const files = { 'web/Dockerfile': dockerfile, 'web/index.html': '1', 'Dockerfile.other': 'FROM x', 'README.md': '' };
  const refOf = (image: string, extra: object = {}, changes: Partial<PlanInput> = {}) =>
    plan({ ...files, ...extra, '.berth.yaml': `images: { web: ${image} }\nvalues: { n: "\${sha}" }\n` }, changes)
      .images[0]?.ref;
  const ref = refOf('{ context: web }');

  it('stays when nothing that goes into the image changes', () => {
    const pullRequest = samplePullRequest({
      key: { repositoryId: 7, number: 2 },
      head: { revision: 'c'.repeat(40), branch: 'other', repositoryId: 7 },
    });
    assert.equal(refOf('{ context: web }', { 'README.md': 'changed' }), ref);
    assert.equal(refOf('{ context: ./web/ }', {}, { pullRequest, namespace: 'pr-2-shop-xyz789' }), ref);
    const args = (image: string) => refOf(image);
    assert.equal(args('{ context: web, args: { A: a, B: b } }'), args('{ context: web, args: { B: b, A: a } }'));
  });

  for (const [what, changed] of Object.entries({
    'a file of the context': refOf('{ context: web }', { 'web/index.html': '2' }),
    'the Dockerfile outside the context': refOf('{ context: web, dockerfile: Dockerfile.other }'),
    'its ignore file': refOf('{ context: web, dockerfile: Dockerfile.other }', {
      'Dockerfile.other.dockerignore': '*',
    }),
    'the target': refOf('{ context: web, target: runtime }'),
    'an argument': refOf('{ context: web, args: { A: b } }'),
    'an argument that names the revision': refOf('{ context: web, args: { A: "${sha}" } }'),
    'the instance that builds it': refOf('{ context: web }', {}, { settings: { ...settings, instance: 'other' } }),
    'the platform': refOf('{ context: web }', {}, { settings: { ...settings, platform: 'linux/arm64' } }),
    'which secrets it gets': refOf('{ context: web, secrets: { npm: npm/token } }'),
    'who is trusted': refOf('{ context: web }', {}, { trust: 'untrusted' }),
  })) {
    it(`changes with ${what}`, () => {
      assert.match(changed ?? '', /:c-[0-9a-f]{32}$/);
      assert.notEqual(changed, ref);
    });
  }

  it('E13 gives what forks make a place of its own, and no secrets', () => {
    const images =
      'images:\n  web: { context: web, secrets: { npm: npm/token } }\nroutes: { web: { service: web, port: 80 } }\n';
    const files = { '.berth.yaml': images, 'web/Dockerfile': dockerfile };
    const [trusted] = plan(files).images;
    const [untrusted] = plan(files, { trust: 'untrusted' }, files).images;
    assert.match(trusted?.ref ?? '', /^localhost:5000\/previews\/acme\/shop\/web:c-/);
    assert.match(untrusted?.ref ?? '', /^localhost:5000\/previews\/untrusted\/acme\/shop\/web:c-/);
    assert.deepEqual(trusted?.kind === 'build' && trusted.build.secrets, { npm: 'npm/token' });
    assert.ok(untrusted?.kind === 'build' && !('secrets' in untrusted.build));
  });

  it('E1 is a valid reference whatever owner and repository are called', () => {
    for (const name of ['My.Shop_', '...', '_', '-x-', 'a'.repeat(100)]) {
      const repository = { ...samplePullRequest().repository, owner: 'Acme-Corp', name };
      const { images } = plan({ Dockerfile: dockerfile }, { pullRequest: samplePullRequest({ repository }) });
      assert.match(images[0]?.ref ?? '', /^localhost:5000\/previews\/acme-corp\/[a-z0-9]+(-[a-z0-9]+)*\/web:c-/);
    }
  });

  it('E1 gives charts a branch that can be part of a name', () => {
    for (const [branch, want] of [
      ['--upload-pack=touch /tmp/x', 'upload-pack-touch-tmp-x'],
      ['$(id)\n{{ .Values }}', 'id-values'],
      ['🚀', 'branch'],
      ['a'.repeat(255), 'a'.repeat(40)],
    ] as const) {
      const pullRequest = samplePullRequest({ head: { revision, branch, repositoryId: 7 } });
      const planned = plan({ '.berth.yaml': 'values: { x: "${branch}" }', Dockerfile: dockerfile }, { pullRequest });
      assert.equal(planned.values['x'], want);
      assert.equal(planned.about.branch, want);
    }
  });
});

describe('what the manifest names and is not there', () => {
  const routes = 'routes: { web: { service: web, port: 80 } }\n';
  const rows = [
    {
      name: 'a context',
      files: { '.berth.yaml': 'images:\n  web: { context: wbe }\n', 'web/Dockerfile': '' },
      want: ['2:19 there is no folder `wbe` for the image `web`'],
    },
    {
      name: 'a Dockerfile, with where it is',
      files: { '.berth.yaml': 'images:\n  web: { context: web, dockerfile: Dockerfile }\n', 'web/Dockerfile': '' },
      want: [
        '2:36 there is no file `Dockerfile` for the image `web`: write `web/Dockerfile`, paths begin at the ' +
          "repository's root",
      ],
    },
    {
      name: 'a Dockerfile that was not named, at the image',
      files: { '.berth.yaml': 'images:\n  web: { context: web }\n', 'web/x': '' },
      want: ['2:8 there is no file `web/Dockerfile` for the image `web`'],
    },
    {
      name: 'chart and values file, both at once',
      files: { '.berth.yaml': `chart: { path: c }\nvaluesFiles: [v.yaml]\n${routes}`, Dockerfile: '' },
      want: ['1:16 there is no folder `c`', '2:15 there is no file `v.yaml`'],
    },
    {
      name: 'a Chart.yaml',
      files: { '.berth.yaml': `chart: { path: c }\n${routes}`, 'c/values.yaml': '' },
      want: ['1:16 there is no chart in `c`: it has no file `Chart.yaml`'],
    },
    {
      name: 'an image that only a Dockerfile would have made',
      files: { '.berth.yaml': `values: { a: "x \${images.web}" }\n${routes}`, ...chart },
      want: ['1:17 `${images.web}` stands for nothing in this preview'],
    },
    {
      name: 'a Service of the built-in chart',
      files: { '.berth.yaml': 'routes: { web: { service: api, port: 80 } }', Dockerfile: '' },
      want: ['1:27 there is no Service `api`: the built-in chart makes `web`'],
    },
    {
      name: 'a name that no Service can have',
      files: { '.berth.yaml': 'routes: { web: { service: "Web ${sha}", port: 80 } }', ...chart },
      want: [`1:27 \`Web ${revision}\` cannot be the name of a Service`],
    },
    {
      name: 'routes to a chart from a registry',
      files: { '.berth.yaml': 'chart: { oci: "oci://r.example/shop", version: 1.2.3 }', Dockerfile: '' },
      want: [
        '1:8 it is not said which Service of the chart oci://r.example/shop to show: ' +
          'add `routes: { web: { service: web, port: 80 } }` to .berth.yaml, or `routes: {}` to show none',
      ],
    },
  ];
  for (const { name, files, want } of rows) {
    it(name, () => {
      const places = diagnosisOf(files).places ?? [];
      assert.deepEqual(
        places.map(({ line, column, message }) => `${line}:${column} ${message}`),
        want,
      );
    });
  }

  it('says that there is nothing when the manifest does not help', () => {
    assert.equal(
      diagnosisOf({ '.berth.yaml': 'ttl: 1d' }).message,
      'there is nothing to preview: add a Dockerfile, or say in .berth.yaml which `images` or `chart` to use',
    );
  });

  it('does not follow symbolic links and submodules', () => {
    for (const type of ['symlink', 'submodule'] as const) {
      const manifest = parseManifest('images: { web: { context: web } }', '.berth.yaml');
      const code = new Map([['web', { type, id: 'x' }]]);
      const input = { manifest, sources: { code, configuration: new Map() }, dockerfiles: new Map() };
      assert.throws(() => plan({}, input), /there is no folder `web`/);
    }
  });
});
