import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { productionPackages } from '../licenses/production-packages.ts';
import { allowedLicenses, thirdPartyLicenses } from '../licenses/third-party.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const textOf = (name: string) => readFileSync(new URL(`../${name}`, import.meta.url), 'utf8');

describe('what is installed to run Berth', () => {
  const packages = productionPackages(root);

  it('is few packages', () => {
    assert.ok(packages.length <= 150, `${packages.length} packages`);
  });

  it('has licences that let everybody use it', () => {
    const others = packages.filter(({ license }) => license === undefined || !allowedLicenses.has(license));
    assert.deepEqual(
      others.map(({ name, license }) => `${name}: ${license}`),
      [],
    );
  });

  it('is listed with its licences, as it is now', () => {
    assert.equal(textOf('THIRD_PARTY_LICENSES.md'), thirdPartyLicenses(root), 'run `npm run licenses`');
  });

  it('is pinned by its content', () => {
    const unpinned = packages.filter(({ integrity }) => !integrity?.startsWith('sha512-'));
    assert.deepEqual(
      unpinned.map(({ name }) => name),
      [],
    );
  });

  it('runs no programs of its own while it is installed', () => {
    assert.deepEqual(
      packages.filter(({ hasInstallScript }) => hasInstallScript).map(({ name }) => name),
      [],
    );
  });
});

describe('the lock file', () => {
  interface Entry {
    readonly resolved?: string;
    readonly link?: boolean;
    readonly hasInstallScript?: boolean;
  }
  const { packages } = JSON.parse(textOf('package-lock.json')) as {
    readonly packages: Readonly<Record<string, Entry>>;
  };
  const entries = Object.entries(packages).filter(([path]) => path !== '');

  it('takes packages from whatever registry npm is told to use, and from nowhere else', () => {
    const elsewhere = entries.filter(([, { resolved, link }]) => link || resolved !== undefined);
    assert.deepEqual(elsewhere, []);
  });

  it('has install scripts only where package.json allows them', () => {
    const { allowScripts } = JSON.parse(textOf('package.json')) as { readonly allowScripts: Record<string, boolean> };
    const scripted = entries.filter(([, { hasInstallScript }]) => hasInstallScript).map(([path]) => path);
    const unknown = scripted.filter((path) => !(path.replace(/^.*node_modules\//, '') in allowScripts));
    assert.deepEqual(unknown, []);
  });
});

describe('the Dockerfile', () => {
  const stages = textOf('Dockerfile').split(/^FROM /m);
  const last = stages.at(-1) ?? '';

  it('runs as somebody without rights', () => {
    assert.match(last, /^USER 65532:65532$/m);
    assert.doesNotMatch(last, /^USER (root|0)/m);
  });

  it('brings along what the lock file names, and no tools to get more', () => {
    assert.doesNotMatch(textOf('Dockerfile'), /curl |wget |ADD http/);
    for (const text of stages.filter((each) => /npm (ci|install) /.test(each))) {
      assert.match(text, /^COPY .*package-lock\.json \.npmrc /m);
      assert.match(text, /npm (ci|install) .*--ignore-scripts/);
    }
    assert.match(textOf('.npmrc'), /^strict-allow-scripts=true$/m);
    const stage = (name: string) => stages.find((text) => text.split('\n', 1)[0]?.endsWith(` AS ${name}`)) ?? '';
    assert.match(last, /^foundation\n/);
    assert.match(stage('foundation'), /^scratch /);
    assert.match(stage('packages'), /npm ci --omit=dev /);
    assert.match(stage('inventory'), /^packages /);
    assert.deepEqual(`${stage('foundation')}${last}`.match(/^COPY .*node_modules.*$/gm), [
      'COPY --from=inventory /berth/node_modules /berth/node_modules',
    ]);
  });
});
