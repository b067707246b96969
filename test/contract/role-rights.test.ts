import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { kubernetesCluster } from '../../src/adapters/kubernetes/cluster.ts';
import { corePath } from '../../src/adapters/kubernetes/collections.ts';
import { neededRights } from '../../src/adapters/kubernetes/rights.ts';
import { kubernetesServiceDirectory } from '../../src/adapters/kubernetes/service-directory.ts';
import { type LimitedAccount, limitedAccount } from '../e2e/limited-account.ts';
import { deployment, deploymentsPath, stackAccess, stackKubeConfig, testPreview } from './kubernetes-stack.ts';
import { secretSource } from './secret-source.ts';

const { signal } = new AbortController();

function accountOf(role: string, secretsNamespace?: string): Promise<LimitedAccount> {
  return limitedAccount(stackKubeConfig(), neededRights('berth-deployer', secretsNamespace, [role]));
}

describe('the rights of one role', { timeout: 60_000 }, () => {
  it('are enough for a sweep to see what there is, and what somebody has changed', async () => {
    await using source = await secretSource();
    await source.put('database', { repositories: 'acme/shop', data: { password: 'correct horse' } });
    await using preview = await testPreview({ secrets: source.options });
    await preview.prepare();
    await using account = await accountOf('sweep', source.options.namespace);
    const { instance } = preview;
    const cluster = kubernetesCluster(stackAccess(account.kubeconfigPath), { instance, secrets: source.options });
    try {
      assert.deepEqual(
        (await cluster.previews(signal)).map(({ name }) => name),
        [preview.name],
      );
      await preview.remove(`${corePath(preview.name, 'limitranges')}/berth`);
      assert.deepEqual([...(await cluster.disturbed(signal))], [await preview.uid()]);
    } finally {
      await cluster.close();
    }
  });

  it('are enough for a gateway to find services, those without an address of their own too', async () => {
    await using preview = await testPreview();
    await preview.prepare();
    await using account = await accountOf('gateway');
    const directory = kubernetesServiceDirectory(stackAccess(account.kubeconfigPath), {
      instance: preview.instance,
    });
    try {
      await directory.start(signal);
      const ports = [{ name: 'http', port: 80, targetPort: 8080, protocol: 'TCP' }];
      const services = corePath(preview.name, 'services');
      for (const [name, spec] of Object.entries({ web: {}, headless: { clusterIP: 'None' } })) {
        await preview.create(services, { metadata: { name }, spec: { selector: { app: 'web' }, ports, ...spec } });
      }
      await preview.create(deploymentsPath(preview.name), deployment('web', {}));
      assert.equal((await directory.address(preview.name, 'web', 80, signal))?.port, 80);
      const found = async () => await directory.address(preview.name, 'headless', 80, signal);
      const deadline = AbortSignal.timeout(40_000);
      let address = await found();
      while (address === undefined) {
        deadline.throwIfAborted();
        await new Promise((resolve) => setTimeout(resolve, 100));
        address = await found();
      }
      assert.equal(address.port, 8080);
    } finally {
      await directory.close();
    }
  });

  it('are none for a server', () => {
    assert.deepEqual(neededRights('berth-deployer', 'given', ['server']), []);
  });
});
