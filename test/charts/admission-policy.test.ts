import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { Environment } from '@marcbachmann/cel-js';
import { chartFolder, type KubernetesObject, render } from './helm.ts';
import { objectOf } from './objects.ts';
import { least } from './option-sets.ts';

const chart = chartFolder('berth');

interface Policy {
  readonly failurePolicy: string;
  readonly matchConstraints: object;
  readonly matchConditions: readonly { readonly expression: string }[];
  readonly variables: readonly { readonly name: string; readonly expression: string }[];
  readonly validations: readonly { readonly expression: string; readonly message: string }[];
}

/** What the API server hands to expressions; what does not apply to a request is null, what is empty is left out. */
interface Request {
  readonly user: string;
  readonly operation?: 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT';
  readonly group?: string;
  readonly resource?: string;
  readonly namespace?: string;
  readonly namespaceLabels?: Readonly<Record<string, string>> | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
  readonly oldLabels?: Readonly<Record<string, string>> | undefined;
}

const kind = 'ValidatingAdmissionPolicy';
const available = { apiVersions: [`admissionregistration.k8s.io/v1/${kind}`] };
const ours = { 'app.kubernetes.io/managed-by': 'berth', 'berth.dev/instance': 'berth' };
const others = { ...ours, 'berth.dev/instance': 'second' };
const worker = 'system:serviceaccount:berth:berth-worker';
const deployer = 'system:serviceaccount:pr-1-shop:berth-deployer';
const bare = { 'kubernetes.io/metadata.name': 'kube-system' };

/**
 * Decides as the API server does: variables are evaluated when they are asked for, an error is a no.
 * @returns `not asked`, `admitted`, or the message of the refusal.
 */
function verdictOf(policy: Policy, request: Request): string {
  const { user, operation = 'CREATE', group = '', resource = 'pods', namespace, namespaceLabels } = request;
  const environment = new Environment().registerVariable('request', 'map').registerVariable('variables', 'map');
  for (const name of ['object', 'oldObject', 'namespaceObject']) environment.registerVariable(name, 'dyn');
  const variables = {};
  const metadata = (labels: Request['labels']) => ({ metadata: { name: 'x', ...(labels && { labels }) } });
  const isNamespace = group === '' && resource === 'namespaces';
  const context = {
    request: {
      userInfo: { username: user },
      operation,
      resource: { group, version: 'v1', resource },
      ...(namespace === undefined ? {} : { namespace }),
    },
    object: operation === 'DELETE' ? null : metadata(request.labels),
    oldObject: operation === 'CREATE' || operation === 'CONNECT' ? null : metadata(request.oldLabels),
    namespaceObject: namespace === undefined || isNamespace ? null : metadata(namespaceLabels),
    variables,
  };
  const evaluate = (expression: string): unknown => environment.evaluate(expression, context);
  for (const { name, expression } of policy.variables) {
    Object.defineProperty(variables, name, { enumerable: true, get: () => evaluate(expression) });
  }
  if (!policy.matchConditions.every(({ expression }) => evaluate(expression) === true)) return 'not asked';
  for (const { expression, message } of policy.validations) if (evaluate(expression) !== true) return message;
  return 'admitted';
}

describe('the admission policy in charts/berth', () => {
  let policy: Policy;
  let objects: readonly KubernetesObject[];
  before(async () => {
    objects = await render(chart, { ...least, together: { enabled: false } }, available);
    policy = objectOf(objects, kind, 'berth-berth')['spec'] as Policy;
  });

  const inPreview = { namespace: 'pr-1-shop', namespaceLabels: ours };
  const namespaces = { resource: 'namespaces', namespace: 'pr-1-shop' };
  const rows: readonly { readonly name: string; readonly request: Request; readonly want: RegExp }[] = [
    { name: 'does not ask about people', request: { user: 'ada', namespace: 'kube-system' }, want: /^not asked/ },
    {
      name: 'does not ask about an account of its name elsewhere',
      request: { user: 'system:serviceaccount:other:berth-worker', namespace: 'kube-system' },
      want: /^not asked/,
    },
    {
      name: 'does not ask about a person who is called as deployers are',
      request: { user: 'x:berth-deployer', namespace: 'kube-system' },
      want: /^not asked/,
    },
    {
      name: 'lets Berth make a namespace of its own',
      request: { user: worker, resource: 'namespaces', labels: ours },
      want: /^admitted/,
    },
    { name: 'refuses one without labels', request: { user: worker, resource: 'namespaces' }, want: /only make/ },
    {
      name: "refuses one with another instance's",
      request: { user: worker, resource: 'namespaces', labels: others },
      want: /only make/,
    },
    {
      name: 'lets Berth change one of its own',
      request: { user: worker, ...namespaces, operation: 'UPDATE', oldLabels: ours, labels: { ...ours, a: 'b' } },
      want: /^admitted/,
    },
    {
      name: 'keeps Berth from taking one that is not',
      request: { user: worker, ...namespaces, operation: 'UPDATE', oldLabels: bare, labels: ours },
      want: /only make/,
    },
    {
      name: 'keeps Berth from letting go of one',
      request: { user: worker, ...namespaces, operation: 'UPDATE', oldLabels: ours, labels: bare },
      want: /only make/,
    },
    {
      name: 'lets Berth delete one of its own',
      request: { user: worker, ...namespaces, operation: 'DELETE', oldLabels: ours },
      want: /^admitted/,
    },
    {
      name: 'keeps Berth from deleting another',
      request: { user: worker, ...namespaces, operation: 'DELETE', oldLabels: bare },
      want: /only make/,
    },
    {
      name: 'keeps Berth from deleting one without labels',
      request: { user: worker, ...namespaces, operation: 'DELETE' },
      want: /only make/,
    },
    {
      name: 'keeps charts from deleting their namespace',
      request: { user: deployer, ...namespaces, operation: 'DELETE', oldLabels: ours },
      want: /only make/,
    },
    {
      name: 'lets Berth write in a preview',
      request: { user: worker, resource: 'networkpolicies', group: 'networking.k8s.io', ...inPreview },
      want: /^admitted/,
    },
    {
      name: 'lets Berth delete pods in a preview',
      request: { user: worker, ...inPreview, operation: 'DELETE', oldLabels: {} },
      want: /^admitted/,
    },
    {
      name: 'lets Berth open a connection to a pod of a preview',
      request: { user: worker, ...inPreview, operation: 'CONNECT' },
      want: /^admitted/,
    },
    {
      name: 'keeps Berth from writing elsewhere',
      request: { user: worker, namespace: 'kube-system', namespaceLabels: bare },
      want: /not a preview's/,
    },
    {
      name: 'keeps Berth from writing where there are no labels',
      request: { user: worker, namespace: 'kube-system' },
      want: /not a preview's/,
    },
    {
      name: "keeps Berth out of another instance's previews",
      request: { user: worker, namespace: 'pr-2', namespaceLabels: others },
      want: /not a preview's/,
    },
    {
      name: 'keeps Berth from what belongs to no namespace',
      request: { user: worker, group: 'rbac.authorization.k8s.io', resource: 'clusterrolebindings' },
      want: /no namespace/,
    },
    { name: 'lets a chart write in its namespace', request: { user: deployer, ...inPreview }, want: /^admitted/ },
    {
      name: "lets another instance's chart write in its namespace",
      request: { user: deployer, ...inPreview, namespaceLabels: others },
      want: /^admitted/,
    },
    {
      name: "keeps a chart out of another preview's",
      request: { user: deployer, ...inPreview, namespace: 'pr-2-shop' },
      want: /its own preview/,
    },
    {
      name: 'keeps a deployer in a namespace that is no preview from writing',
      request: {
        user: 'system:serviceaccount:kube-system:berth-deployer',
        namespace: 'kube-system',
        namespaceLabels: bare,
      },
      want: /not a preview's/,
    },
    {
      name: 'keeps a chart from what belongs to no namespace',
      request: { user: deployer, group: 'apiextensions.k8s.io', resource: 'customresourcedefinitions' },
      want: /no namespace/,
    },
    {
      name: 'takes a resource called namespaces of another group for what it is',
      request: { user: worker, group: 'example.com', resource: 'namespaces', labels: ours },
      want: /no namespace/,
    },
  ];
  for (const { name, request, want } of rows) it(name, () => assert.match(verdictOf(policy, request), want));

  it('is about every account of the release, and refuses when in doubt', () => {
    const accounts = objects
      .filter(
        (object) =>
          object.kind === 'ServiceAccount' && object.metadata.labels?.['app.kubernetes.io/component'] !== undefined,
      )
      .map(({ metadata }) => metadata.name)
      .filter((name) => /^berth-(server|worker|gateway|sweep)$/.test(name));
    assert.equal(accounts.length, 4);
    for (const account of accounts) {
      assert.match(verdictOf(policy, { user: `system:serviceaccount:berth:${account}` }), /no namespace/);
    }
    assert.equal(policy.failurePolicy, 'Fail');
    assert.deepEqual(objectOf(objects, `${kind}Binding`, 'berth-berth')['spec'], {
      policyName: 'berth-berth',
      validationActions: ['Deny'],
    });
  });

  it('is left out where the cluster has no such thing, unless it is asked for', async () => {
    const has = (rendered: readonly KubernetesObject[]) => rendered.some((object) => object.kind === kind);
    assert.equal(has(await render(chart, least)), false);
    assert.equal(has(await render(chart, { ...least, admissionPolicy: { enabled: false } }, available)), false);
    assert.equal(has(await render(chart, { ...least, admissionPolicy: { enabled: true } })), true);
    assert.equal(has(await render(chart, least, available)), true);
  });
});
