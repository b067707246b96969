import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { neededRights, type Right, rightText } from '../../src/adapters/kubernetes/rights.ts';
import { type FaultProxy, startFaultProxy } from '../fault-proxy.ts';
import type { SeenRequest } from '../fault-rules.ts';
import { type SecretSource, secretSource } from '../contract/secret-source.ts';
import { localStack } from '../local-stack.ts';
import { type LimitedAccount, limitedAccount } from './limited-account.ts';
import { prepareCluster } from './prepare-cluster.ts';
import { examples, startWorld, type World } from './world.ts';

/** Used only for a service without an address of its own, and to repair what operators and others do to accounts and roles. */
const unused = new Set([
  'get endpoints',
  'get pods',
  'delete rolebindings.rbac.authorization.k8s.io',
  'delete serviceaccounts',
]);

const crashing = `FROM localhost:5000/library/busybox:stable
USER 65534:65534
CMD ["sh", "-c", "echo no luck today; exit 7"]
`;

describe('the rights that the doctor asks for', { timeout: 300_000 }, () => {
  const repo = 'acme/shop';
  let needed: readonly Right[];
  let source: SecretSource;
  let account: LimitedAccount;
  let proxy: FaultProxy;
  let world: World;
  before(async () => {
    source = await secretSource();
    await source.put('database', { repositories: repo, data: { password: 'correct horse' } });
    needed = neededRights('berth-deployer', source.options.namespace);
    account = await limitedAccount(await prepareCluster(localStack()), needed);
    proxy = await startFaultProxy({ kubeconfig: account.kubeconfigPath });
    world = await startWorld({
      env: { BERTH_KUBECONFIG: proxy.kubeconfigPath, BERTH_SECRETS_NAMESPACE: source.options.namespace },
    });
    world.github.createRepository({ owner: 'acme', name: 'shop', from: join(examples, 'shop') });
  });
  after(async () => {
    await world?.[Symbol.asyncDispose]();
    await proxy?.[Symbol.asyncDispose]();
    await account?.[Symbol.asyncDispose]();
    await source?.[Symbol.asyncDispose]();
  });

  it('are enough for a preview from its opening to its end, and for saying why one has failed', async () => {
    const { number, headSha } = world.github.openPullRequest({ repo, changes: { 'web/site/new.txt': 'new\n' } });
    const url = await world.running(repo, number, headSha);
    // Through the proxy the gateway is as real as without.
    await world.shows(url, headSha);
    world.github.push(repo, number, { 'web/Dockerfile': crashing });
    await world.commented(repo, number, /no luck today/);
    world.github.closePullRequest(repo, number);
    await world.removed(repo, number);
  });

  it('E10 leave nothing to be made in a namespace, by Helm or us, before everything that confines it', () => {
    const made = proxy.requests
      .filter(({ method }) => method === 'POST' || method === 'PATCH')
      .flatMap(({ path }) => /\/namespaces\/pr-[^/]+\/(\w+)/.exec(path)?.[1] ?? []);
    const confining = ['limitranges', 'networkpolicies', 'resourcequotas', 'serviceaccounts'];
    assert.deepEqual(made.slice(0, 4).toSorted(), confining);
    assert.deepEqual(made.slice(4, 6), ['rolebindings', 'secrets']);
    assert(made.includes('deployments'));
  });

  it('are those that were used, no more and no less', () => {
    const used = new Set(
      proxy.requests
        .filter(isOurs)
        .flatMap((request) => rightsOf(request, source.options.namespace))
        .map(rightText),
    );
    const asked = new Set(
      needed
        .filter(({ verb }) => verb !== 'bind' && verb !== 'impersonate')
        .map(rightText)
        .filter((text) => !unused.has(text)),
    );
    assert.deepEqual([...used].sort(), [...asked].sort());
  });
});

/** Helm, and what copies Secrets, acts as the deployer. */
function isOurs({ actsAs, path }: SeenRequest): boolean {
  return actsAs === '' && /^\/api(s\/[^/]+)?\/v\d/.test(path);
}

/** What the API server asks its authorizer for such a request. Source: kubernetes.io/docs/reference/access-authn-authz/authorization */
function rightsOf({ method, path, query, isWatch }: SeenRequest, secretsNamespace: string): readonly Right[] {
  const [, group = '', rest = ''] = /^\/(?:api|apis\/([^/]+))\/v\d\w*\/(.*)$/.exec(path) ?? [];
  const [plural = '', object, subresource] = rest.replace(/^namespaces\/[^/]+\/(?=.)/, '').split('/');
  const resource = subresource === undefined ? plural : `${plural}/${subresource}`;
  const isOfOperator = rest.startsWith(`namespaces/${secretsNamespace}/`);
  const where = isOfOperator ? { namespace: secretsNamespace } : {};
  const right = (verb: string): Right => ({ verb, group, resource, name: undefined, ...where });
  switch (method) {
    case 'POST':
      return [right('create')];
    case 'PATCH':
      // Server-side apply also makes what is not there.
      return query.has('force') ? [right('patch'), right('create')] : [right('patch')];
    case 'DELETE':
      return [right(object === undefined ? 'deletecollection' : 'delete')];
    default:
      if (isWatch) return [right('watch')];
      return [right(object === undefined ? 'list' : 'get')];
  }
}
