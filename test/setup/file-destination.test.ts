import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { parse } from 'yaml';
import { fileDestination } from '../../src/setup/file-destination.ts';

const { signal } = new AbortController();
const secret = { namespace: 'berth', name: 'berth-github' };
const credentials = {
  appId: 12_345,
  privateKey: '-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\n',
  webhookSecret: '0123456789: "#',
  htmlUrl: 'https://github.com/apps/berth',
  apiUrl: 'https://api.github.com',
};

describe('fileDestination', () => {
  let directory: string;
  let path: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'berth-file-'));
    path = join(directory, 'github.yaml');
  });
  afterEach(() => rm(directory, { recursive: true }));

  it('writes values for the chart that only their owner can read', async () => {
    const destination = fileDestination(path, 'values', secret);
    assert.deepEqual(await destination.look(signal), { state: 'absent' });
    await destination.tryOut(signal);
    await destination.write(credentials, signal);
    const { appId, apiUrl, privateKey, webhookSecret } = credentials;
    assert.deepEqual(parse(await readFile(path, 'utf8')), { github: { appId, apiUrl, privateKey, webhookSecret } });
    assert.equal((await stat(path)).mode & 0o777, 0o600);
    assert.deepEqual(await readdir(directory), ['github.yaml']);
    assert.deepEqual(destination.helmArguments(apiUrl), [`--values ${path}`]);
  });

  it('writes a Secret for those who seal theirs', async () => {
    const destination = fileDestination(path, 'secret', secret);
    await destination.look(signal);
    await destination.write(credentials, signal);
    const object = parse(await readFile(path, 'utf8')) as { kind: string; metadata: object; stringData: object };
    assert.equal(object.kind, 'Secret');
    assert.deepEqual(Object.keys(object.stringData), ['app-id', 'private-key', 'webhook-secret']);
    assert.deepEqual(destination.helmArguments('https://github.example.com/api/v3'), [
      '--set github.existingSecret=berth-github',
      '--set github.apiUrl=https://github.example.com/api/v3',
    ]);
  });

  it('knows its own files, and replaces nothing else', async () => {
    const destination = fileDestination(path, 'values', secret);
    await destination.look(signal);
    await destination.write(credentials, signal);
    assert.deepEqual(await destination.look(signal), { state: 'ours', app: credentials.htmlUrl });
    await destination.write({ ...credentials, appId: 2 }, signal);
    assert.match(await readFile(path, 'utf8'), /appId: 2\n/);
    await writeFile(path, 'github: {}\n');
    await assert.rejects(destination.write(credentials, signal), /has changed in the meantime/);
    assert.deepEqual(await destination.look(signal), { state: 'foreign' });
    assert.equal(await readFile(path, 'utf8'), 'github: {}\n');
  });

  it('does not overwrite a file that has come since it looked', async () => {
    const destination = fileDestination(path, 'values', secret);
    await destination.look(signal);
    await writeFile(path, '# Written by `berth setup` for https://github.com/apps/other\n');
    await assert.rejects(destination.write(credentials, signal), /has changed in the meantime/);
    assert.match(await readFile(path, 'utf8'), /apps\/other/);
  });

  it('says before anything is made that there is no such directory', async () => {
    const destination = fileDestination(join(directory, 'none', 'github.yaml'), 'values', secret);
    await assert.rejects(destination.tryOut(signal), /none cannot be written to/);
  });
});
