import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parseAllDocuments } from 'yaml';
import { appSecret } from '../../src/adapters/kubernetes/app-secret.ts';
import { run } from '../../src/process.ts';
import { fileDestination } from '../../src/setup/file-destination.ts';
import { localStack } from '../local-stack.ts';

const { signal } = new AbortController();
const chart = fileURLToPath(new URL('../../charts/berth', import.meta.url));
const name = { namespace: 'berth', name: 'berth-github' };
const credentials = {
  appId: 12_345,
  privateKey: '-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\n',
  webhookSecret: 'a webhook secret',
  htmlUrl: 'https://github.example.com/github-apps/berth',
  apiUrl: 'https://github.example.com/api/v3',
};

interface Rendered {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly stringData?: Readonly<Record<string, string>>;
}

describe('what berth setup tells the chart', { timeout: 60_000 }, () => {
  let directory: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'berth-setup-chart-'));
  });
  after(() => rm(directory, { recursive: true }));

  /** Everything that the chart makes, with the arguments as `berth setup` prints them. */
  async function rendered(
    args: readonly string[],
  ): Promise<{ readonly text: string; readonly objects: readonly Rendered[] }> {
    const given = ['--set previews.domain=p.example.com', '--set registry.repository=r.example.com/p', ...args];
    const { stdout: text } = await run(
      localStack().tools.helm,
      ['template', 'berth', chart, ...given.flatMap((each) => each.split(' '))],
      { signal, env: { PATH: process.env['PATH'] ?? '', HOME: directory }, timeoutMs: 50_000 },
    );
    return { text, objects: parseAllDocuments(text).map((each) => each.toJS() as Rendered) };
  }

  it('makes it put the values of the file into its Secret, under the same keys', async () => {
    const destination = fileDestination(join(directory, 'github.yaml'), 'values', name);
    await destination.look(signal);
    await destination.write(credentials, signal);
    const { text, objects } = await rendered(destination.helmArguments(credentials.apiUrl));
    const secret = objects.find((each) => each?.kind === 'Secret' && each.metadata.name === 'berth-github');
    assert.deepEqual(secret?.stringData, appSecret(name, credentials).stringData);
    assert.match(text, /https:\/\/github\.example\.com\/api\/v3/);
  });

  it('makes it mount the Secret that is there, and no other', async () => {
    const destination = fileDestination(join(directory, 'secret.yaml'), 'secret', name);
    const { text, objects } = await rendered(destination.helmArguments(credentials.apiUrl));
    assert.ok(!objects.some((each) => each?.kind === 'Secret' && each.metadata.name === 'berth-github'));
    assert.match(text, /secretName: berth-github/);
    for (const key of Object.keys(appSecret(name, credentials).stringData))
      assert.match(text, new RegExp(`/etc/berth/github/${key}`));
    assert.match(text, /https:\/\/github\.example\.com\/api\/v3/);
  });
});
