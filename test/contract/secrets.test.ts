import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { kubernetesSecrets } from '../../src/adapters/kubernetes/secrets.ts';
import { DiagnosedError } from '../../src/domain/errors.ts';
import { fakeSecrets } from '../fakes/secrets.ts';
import { stackAccess } from './kubernetes-stack.ts';
import { describeSecretsContract } from './secrets.contract.ts';
import { secretSource } from './secret-source.ts';

const { signal } = new AbortController();

describeSecretsContract('in memory', async () => {
  const held: string[] = [];
  const secrets = fakeSecrets((value) => held.push(value));
  return {
    secrets,
    held,
    put: async (name, secret) => secrets.put(name, secret),
    [Symbol.asyncDispose]: async () => undefined,
  };
});

describeSecretsContract('Kubernetes', async () => {
  const source = await secretSource();
  const secrets = kubernetesSecrets(stackAccess(), source.options);
  return {
    secrets,
    held: source.held,
    put: (name, { repositories, data }) => source.put(name, { repositories: repositories.join(' , '), data }),
    async [Symbol.asyncDispose]() {
      await secrets.close();
      await source[Symbol.asyncDispose]();
    },
  };
});

describe('Secrets: Kubernetes, without a namespace for them', () => {
  it('says what an operator has to set', async () => {
    const secrets = kubernetesSecrets(stackAccess(), undefined);
    const repository = { id: 1, owner: 'acme', name: 'shop', cloneUrl: '' };
    await assert.rejects(
      secrets.values(repository, ['npm/token'], signal),
      (error) => error instanceof DiagnosedError && error.message.includes('BERTH_SECRETS_NAMESPACE'),
    );
    await secrets.close();
  });
});
