import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DiagnosedError } from '../../src/domain/errors.ts';
import { parseManifest } from '../../src/domain/manifest.ts';
import type { Diagnosis } from '../../src/domain/preview.ts';

function diagnosisOf(text: string): Diagnosis {
  try {
    parseManifest(text, '.berth.yaml');
  } catch (error) {
    assert.ok(error instanceof DiagnosedError, String(error));
    return error.diagnosis;
  }
  return assert.fail('the manifest was accepted');
}

const places = (text: string) =>
  (diagnosisOf(text).places ?? []).map(({ line, column, message }) => `${line}:${column} ${message}`);

describe('parseManifest', () => {
  it('reads everything that a manifest can say', () => {
    const { positionOf, positionWithin, ...manifest } = parseManifest(
      `
images:
  web: { context: ./web/, dockerfile: docker//web.Dockerfile, target: runtime, args: { NODE_ENV: production }, secrets: { npm: npm/token } }
  api: { from: "ghcr.io/acme/api:\${sha}" }
chart: { path: deploy/chart/ }
values: { image: "\${images.web}", list: [1, 1.5, true, null, { deep: "$\${x}" }] }
valuesFiles: [./deploy/preview.yaml]
routes:
  web: { service: "\${release}-web", port: 80 }
when: { label: preview, drafts: false, branches: [main], paths: ["src/**"] }
ttl: 7d
sleepAfter: 30m
`,
      '.berth.yaml',
    );
    assert.deepEqual(manifest, {
      path: '.berth.yaml',
      images: [
        {
          kind: 'build',
          name: 'web',
          context: 'web',
          dockerfile: 'docker/web.Dockerfile',
          target: 'runtime',
          args: { NODE_ENV: 'production' },
          secrets: { npm: 'npm/token' },
        },
        { kind: 'external', name: 'api', from: 'ghcr.io/acme/api:${sha}' },
      ],
      chart: { kind: 'path', path: 'deploy/chart' },
      values: { image: '${images.web}', list: [1, 1.5, true, null, { deep: '$${x}' }] },
      valuesFiles: ['deploy/preview.yaml'],
      routes: [{ name: 'web', service: '${release}-web', port: 80 }],
      when: { label: 'preview', drafts: false, branches: ['main'], paths: ['src/**'] },
      ttlMs: 604_800_000,
      sleepAfterMs: 1_800_000,
    });
    assert.deepEqual(positionOf(['images', 'web', 'dockerfile']), { line: 3, column: 39 });
    assert.deepEqual(positionOf(['images', 'web', 'not written']), { line: 3, column: 8 });
    assert.deepEqual(positionWithin(['images', 'api', 'from'], '${sha}'), { line: 4, column: 34 });
  });

  for (const text of ['', '# nothing but a comment\n', '---\n', '{}']) {
    it(`takes ${JSON.stringify(text)} for a manifest that leaves everything out`, () => {
      const manifest = parseManifest(text, '.berth.yaml');
      assert.equal(manifest.images, undefined);
      assert.equal(manifest.chart, undefined);
      assert.equal(manifest.routes, undefined);
      assert.deepEqual(manifest.when, {});
    });
  }

  it('keeps images and routes in the order written, also when their names are numbers', () => {
    const route = '{ service: web, port: 80 }';
    const manifest = parseManifest(`routes: { web: ${route}, 2048: ${route}, 7: ${route} }`, '.berth.yaml');
    assert.deepEqual(
      manifest.routes?.map(({ name }) => name),
      ['web', '2048', '7'],
    );
  });

  it('passes build arguments on as they were written', () => {
    const { images } = parseManifest('images: { web: { args: { A: 1.10, B: 0x10, C: yes, D: true } } }', '.berth.yaml');
    assert.deepEqual(images?.[0]?.kind === 'build' && images[0].args, { A: '1.10', B: '0x10', C: 'yes', D: 'true' });
  });

  it('looks for the Dockerfile in the context unless told otherwise', () => {
    const { images } = parseManifest('images: { api: { context: services/api } }', '.berth.yaml');
    assert.equal(images?.[0]?.kind === 'build' && images[0].dockerfile, 'services/api/Dockerfile');
  });

  it('follows aliases', () => {
    const text = 'values: { a: &env { LEVEL: debug }, b: *env }';
    assert.deepEqual(parseManifest(text, '.berth.yaml').values, { a: { LEVEL: 'debug' }, b: { LEVEL: 'debug' } });
  });

  it('says in one sentence what to change and where, and how much else there is', () => {
    const diagnosis = diagnosisOf('iamges: {}\nttl: 7 days\n');
    assert.equal(diagnosis.reason, 'ManifestInvalid');
    assert.equal(diagnosis.message, '.berth.yaml:1:1: `iamges` is not known: did you mean `images`? (and 1 more)');
    assert.deepEqual(diagnosis.places?.[1], {
      path: '.berth.yaml',
      line: 2,
      column: 6,
      message: '`ttl` must be a duration like `30m`, `12h` or `7d`',
    });
  });
});

describe('what is wrong with a manifest', () => {
  const name = 'lower-case letters, digits and single dashes, at most 20 characters';
  const path = 'must be a path relative to the root of the repository, without `..` or a leading `/`';
  const rows: readonly { readonly name: string; readonly text: string; readonly want: readonly string[] }[] = [
    {
      name: 'a misspelt key in an image',
      text: 'images:\n  web:\n    contxt: .\n',
      want: ['3:5 `contxt` is not known in `images.web`: did you mean `context`?'],
    },
    {
      name: 'a key that resembles none',
      text: 'when: { weather: fine }',
      want: ['1:9 `weather` is not known in `when`: use `label`, `drafts`, `branches`, `paths`'],
    },
    {
      name: 'keys of two kinds of image',
      text: 'images: { api: { from: "a/b:1", context: x } }',
      want: ['1:18 `from` cannot stand beside `context` in `images.api`: keep one of them'],
    },
    {
      name: 'keys of two kinds of chart',
      text: 'chart: { path: x, oci: "oci://a/b" }',
      want: ['1:19 `oci` cannot stand beside `path` in `chart`: keep one of them'],
    },
    {
      name: 'wrong types, each with what it is',
      text: 'images: { web: { dockerfile: 3 }, api: }\nvaluesFiles: x.yaml\nwhen: { drafts: yes }\nchart: []\n',
      want: [
        '1:30 `images.web.dockerfile` must be text, not the number 3',
        '1:35 `images.api` must be a mapping, not empty',
        '2:14 `valuesFiles` must be a list, not text',
        '3:17 `when.drafts` must be `true` or `false`, not text',
        '4:8 `chart` must be a mapping or `built-in`, not a list',
      ],
    },
    { name: 'a list', text: '- web\n', want: ['1:1 the file must be a mapping, not a list'] },
    { name: 'a missing key', text: 'routes:\n  web: { service: web }\n', want: ['2:3 `routes.web.port` is missing'] },
    {
      name: 'ports out of range',
      text: 'routes:\n  a: { service: a, port: 0 }\n  b: { service: b, port: 65536 }\n  c: { service: c, port: 1.5 }\n',
      want: [
        '2:26 `routes.a.port` must be between 1 and 65535',
        '3:26 `routes.b.port` must be between 1 and 65535',
        '4:26 `routes.c.port` must be a whole number, not the number 1.5',
      ],
    },
    {
      name: 'route names that are no part of a host',
      text: ['a--b', '-a', 'a-', 'A', 'a.b', 'a'.repeat(21), 'ü']
        .map((route) => `  ${JSON.stringify(route)}: { service: a, port: 1 }\n`)
        .reduce((text, line) => text + line, 'routes:\n'),
      want: ['a--b', '-a', 'a-', 'A', 'a.b', 'a'.repeat(21), 'ü'].map(
        (route, index) => `${index + 2}:3 \`routes.${route}\` must be a name: ${name}`,
      ),
    },
    {
      name: 'image names that are no names of Services',
      text: 'images: { 1st: {}, Web: {} }',
      want: [
        `1:11 \`images.1st\` must be a name that begins with a letter: ${name}`,
        `1:20 \`images.Web\` must be a name that begins with a letter: ${name}`,
      ],
    },
    {
      name: 'paths out of the repository',
      text: 'chart: { path: /etc }\nvaluesFiles: [../x, a/../../x, "a\\\\b", "a\\nb"]\nimages: { web: { context: .. } }\n',
      want: [
        `1:16 \`chart.path\` ${path}`,
        `2:15 \`valuesFiles.0\` ${path}`,
        `2:21 \`valuesFiles.1\` ${path}`,
        `2:32 \`valuesFiles.2\` ${path}`,
        '2:40 `valuesFiles.3` must not have control characters',
        `3:27 \`images.web.context\` ${path}`,
      ],
    },
    {
      name: 'durations',
      text: 'ttl: 0s\nsleepAfter: 999999d\n',
      want: ['1:6 `ttl` must be 1 second to 366 days', '2:13 `sleepAfter` must be 1 second to 366 days'],
    },
    {
      name: 'references without a tag, or that are none',
      text: 'images: { a: { from: ghcr.io/acme/api }, b: { from: "Acme:1" } }',
      want: ['a', 'b'].map(
        (image, index) =>
          `1:${[22, 53][index]} \`images.${image}.from\` must be an image reference with a tag or a digest, ` +
          'e.g. `ghcr.io/acme/api:${sha}`',
      ),
    },
    {
      name: 'what Berth fills in itself',
      text: 'images: { web: { args: { BERTH_REVISION: x } } }\nvalues: { global: { berth: {} } }\n',
      want: [
        '1:26 `images.web.args.BERTH_REVISION` is filled in by Berth: remove it',
        '2:28 `values.global.berth` is filled in by Berth: remove it',
      ],
    },
    {
      name: 'secrets that are none, with their places',
      text: 'images:\n  web:\n    secrets: { npm: token, "a,b": npm/token }\n',
      want: [
        '3:21 `images.web.secrets.npm` must be the name of a Kubernetes Secret and a key of it, like `npm/token`',
        '3:28 `images.web.secrets.a,b` must be an id of letters, digits, `_`, `.` and `-`, at most 64 characters',
      ],
    },
    {
      name: 'a `global` that cannot be added to',
      text: 'values: { global: 1 }',
      want: ['1:19 `values.global` must be a mapping'],
    },
    {
      name: 'unknown placeholders, at their place within the text',
      text: 'values:\n  a: "x ${imges.web} ${sha}"\n  b: [ "${HOME:-x}" ]\n',
      want: [
        '2:9 `${imges.web}` is not known: did you mean `${images.web}`?',
        '3:9 `${HOME:-x}` is not known: write `$${` for a literal `${`, or use one of `sha`, `shortSha`, `number`, ' +
          '`branch`, `namespace`, `release`, `urls.web`, `hosts.web`, `images.web`',
      ],
    },
    {
      name: 'a placeholder without an end',
      text: 'values: { a: "${sha" }',
      want: ['1:15 `${sha` is not known: did you mean `${sha}`?'],
    },
    {
      name: 'placeholders of things that do not exist yet',
      text: 'images: { web: { args: { A: "${images.web}" } }, api: { from: "a/b:${images.web.tag}" } }',
      want: [
        '1:30 `${images.web}` is not known before the images are built',
        '1:68 `${images.web.tag}` is not known before the images are built',
      ],
    },
    {
      name: 'placeholders in keys, and where nothing is replaced',
      text: 'values: { "${sha}": 1 }\nimages: { web: { context: "${branch}" } }\n',
      want: [
        '1:11 `${sha}` cannot be used in a key',
        '2:28 `${branch}` cannot be used here, only in `values`, `args`, `from` and `service`',
      ],
    },
    {
      name: 'keys given twice',
      text: 'ttl: 1d\nttl: 2d\nvalues: { a: 1, a: 2 }\n',
      want: ['2:1 `ttl` is given twice: keep one of them', '3:17 `a` is given twice: keep one of them'],
    },
    {
      name: 'YAML that is none',
      text: 'images:\n\tweb: {}\n',
      want: ['2:1 tabs are not allowed as indentation'],
    },
    {
      name: 'two documents',
      text: 'ttl: 1d\n---\nttl: 2d\n',
      want: ['2:1 a second document starts here: keep only one'],
    },
    {
      name: 'tags',
      text: 'values: { a: !!binary aGk=, b: !!js/function "x" }',
      want: ['1:14 tags are not supported here: remove the `!…`', '1:32 tags are not supported here: remove the `!…`'],
    },
    {
      name: 'merge keys, which YAML 1.2 does not have',
      text: '%YAML 1.1\n---\nvalues: { a: &a { b: 1 }, c: { <<: *a } }',
      want: ['3:32 merge keys (`<<`) are not supported: write the keys out'],
    },
    {
      name: 'keys that are no text, or that JavaScript gives a meaning',
      text: 'values: { ? [a] : 1, __proto__: { x: 1 } }',
      want: ['1:13 keys must be plain text', '1:22 `__proto__` cannot be used as a key'],
    },
    {
      name: 'what JSON does not know',
      text: 'values: { a: .inf }',
      want: ['1:14 not a value that JSON knows: put it in quotes'],
    },
    { name: 'aliases of nothing', text: 'values: { a: *b }', want: ['1:14 nothing above is named `&b`'] },
  ];
  for (const { name: what, text, want } of rows) {
    it(what, () => assert.deepEqual(places(text), want));
  }

  it('does not let a key break out of the sentence that names it', () => {
    const [message = ''] = places(`${JSON.stringify(`a\`\n\u0007${'x'.repeat(200)}`)}: 1`);
    assert.match(message, /^1:1 `a\?\?\?x+…` is not known/);
    assert.ok(message.length < 250);
  });
});

describe('E6 a manifest made to exhaust its reader', () => {
  const many = (count: number, line: (index: number) => string) =>
    Array.from({ length: count }, (_, index) => line(index)).join('');
  const counts = [
    { name: 'images', text: `images:\n${many(51, (index) => `  i${index}: {}\n`)}` },
    { name: 'routes', text: `routes:\n${many(51, (index) => `  r${index}: { service: web, port: 80 }\n`)}` },
    { name: 'when.paths', text: `when:\n  paths:\n${many(51, (index) => `    - a${index}\n`)}` },
  ];
  for (const { name, text } of counts) {
    it(`too many ${name}`, () => assert.throws(() => parseManifest(text, '.berth.yaml'), /must be at most 50/));
  }

  const bomb = ['values:', '  a: &a [x, x, x, x, x, x, x, x, x, x]'];
  for (let level = 1; level < 12; level += 1) {
    const [above, here] = [String.fromCharCode(96 + level), String.fromCharCode(97 + level)];
    bomb.push(`  ${here}: &${here} [${Array.from({ length: 10 }, () => `*${above}`).join(', ')}]`);
  }
  const rows = [
    { name: 'an alias bomb', text: bomb.join('\n'), want: /more than 10000 values|more than 100 aliases/ },
    { name: 'an alias of itself', text: 'values: &a { a: *a }', want: /more than 100 aliases|32 levels/ },
    { name: 'brackets 100,000 deep', text: '['.repeat(100_000), want: /larger than 64 KiB/ },
    { name: 'brackets 60,000 deep', text: '['.repeat(60_000), want: /nested more than 32 levels deep/ },
    { name: 'mappings 10,000 deep', text: '{a: '.repeat(10_000), want: /nested more than 32 levels deep/ },
    { name: 'lists 30,000 deep', text: '- '.repeat(30_000), want: /nested more than 32 levels deep/ },
    { name: 'explicit keys 30,000 deep', text: '? '.repeat(30_000), want: /nested more than 32 levels deep/ },
    { name: '10 MB', text: `values: { a: "${'x'.repeat(10_000_000)}" }`, want: /larger than 64 KiB/ },
    {
      name: '11,000 keys',
      text: `{${Array.from({ length: 11_000 }, (_, i) => `${i}`)}}`,
      want: /is not known.*and 49 more/,
    },
    { name: '60,000 syntax errors', text: '}'.repeat(60_000), want: /10000|unexpected/i },
    { name: '30,000 comments', text: '#\n'.repeat(30_000), want: /more than 10000/ },
  ];
  for (const { name, text, want } of rows) {
    it(`${name}: refused in a sentence, soon`, () => {
      const before = process.cpuUsage();
      const { message, places: found } = diagnosisOf(text);
      assert.match(message, want);
      assert.ok(message.length < 300, message);
      assert.ok((found?.length ?? 0) <= 50);
      // Generous: a machine that is busy. Unbounded, each of these takes minutes or the whole heap.
      // Of the processor: the machine may be busy with something else.
      assert.ok(process.cpuUsage(before).user < 3_000_000);
    });
  }
});
