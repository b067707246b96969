import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { berthCommand } from './berth-command.ts';

describe('berth setup', { timeout: 60_000 }, () => {
  let directory: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'berth-cli-'));
  });
  after(() => rm(directory, { recursive: true }));

  const wrong = [
    { args: ['--github-url', 'github.example.com'], words: /--github-url: "github\.example\.com" is not an address/ },
    { args: ['--webhook-url', 'http://localhost:8080'], words: /--webhook-url: GitHub cannot reach this machine/ },
    { args: ['--name', 'x'.repeat(35)], words: /--name: GitHub takes at most 34 characters; these are 35/ },
    { args: ['--organisation', 'a b'], words: /--organisation: Give the name in its URL/ },
    { args: ['--listen', 'here'], words: /--listen: "here" is not an address such as 127\.0\.0\.1:8765/ },
    { args: ['--namespace', 'Not_One'], words: /--namespace: "Not_One" is not a name such as berth/ },
    { args: ['--format', 'json'], words: /--format: must be values or secret/ },
  ];
  for (const { args, words } of wrong) {
    it(`refuses ${args.join(' ').slice(0, 40)}`, async () => {
      const { code, stdout, stderr } = await berthCommand(['setup', ...args], { cwd: directory });
      assert.equal(code, 2);
      assert.equal(stdout, '');
      assert.match(stderr, words);
    });
  }

  it('says where credentials could go when there is no cluster', async () => {
    const { code, stdout } = await berthCommand(['setup'], { cwd: directory, env: { HOME: directory } });
    assert.equal(code, 1);
    assert.match(stdout, /there is no kubeconfig with a current context: .* --kubeconfig, .* --output/);
  });

  it('names the contexts that there are', async () => {
    const path = join(directory, 'kubeconfig');
    const cluster = { name: 'one', cluster: { server: 'https://127.0.0.1:1' } };
    const context = { name: 'prod', context: { cluster: 'one', user: 'me' } };
    const config = {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [cluster],
      contexts: [context],
      users: [{ name: 'me', user: {} }],
    };
    await writeFile(path, JSON.stringify(config));
    const { code, stdout } = await berthCommand(['setup', '--kubeconfig', path, '--context', 'production']);
    assert.equal(code, 1);
    assert.match(stdout, /no context "production"; it has prod/);
  });

  it('leaves a file alone that it has not written, with --force too', async () => {
    const path = join(directory, 'values.yaml');
    await writeFile(path, 'previews: {}\n');
    const { code, stdout } = await berthCommand(['setup', '--output', path, '--force']);
    assert.equal(code, 1);
    assert.match(stdout, /has not made it: name another one, or remove it/);
  });
});
