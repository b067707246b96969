import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gitSource } from '../../src/adapters/git/git-source.ts';
import { openLocalRepository } from '../../src/adapters/git/local-repository.ts';
import { startGitRemote } from '../adapters/git/git-remote.ts';
import { fakeSource } from '../fakes/source.ts';
import { describeSourceContract } from './source.contract.ts';

describeSourceContract('in memory', async () => {
  const source = fakeSource();
  const repository = { id: 7, owner: 'acme', name: 'shop', cloneUrl: 'https://git.example/acme/shop.git' };
  return {
    source,
    repository,
    commit: async (files) => source.commit(repository.id, files),
    [Symbol.asyncDispose]: async () => undefined,
  };
});

describeSourceContract('git', async () => {
  const remote = await startGitRemote();
  const directory = await mkdtemp(path.join(tmpdir(), 'source-'));
  return {
    source: gitSource({ directory, token: async () => 'token', allowHttpLoopback: true }),
    repository: { id: 7, owner: 'acme', name: 'shop', cloneUrl: remote.cloneUrl },
    commit: (files) => remote.commit(files),
    async [Symbol.asyncDispose]() {
      await remote[Symbol.asyncDispose]();
      await rm(directory, { recursive: true, force: true });
    },
  };
});

describeSourceContract('a repository on this machine', async () => {
  const remote = await startGitRemote();
  const temporaryDirectory = await mkdtemp(path.join(tmpdir(), 'source-'));
  const options = { gitPath: 'git', programPath: process.env['PATH'] ?? '', temporaryDirectory };
  return {
    source: await openLocalRepository(remote.directory, options, new AbortController().signal),
    repository: { id: 7, owner: 'acme', name: 'shop', cloneUrl: '' },
    commit: (files) => remote.commit(files),
    async [Symbol.asyncDispose]() {
      await remote[Symbol.asyncDispose]();
      await rm(temporaryDirectory, { recursive: true, force: true });
    },
  };
});
