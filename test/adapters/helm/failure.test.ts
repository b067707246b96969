import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { failedHookJob, failureOf } from '../../../src/adapters/helm/failure.ts';
import { DiagnosedError } from '../../../src/domain/errors.ts';
import type { Reason } from '../../../src/domain/preview.ts';
import { ExitError } from '../../../src/process.ts';

/** What Helm 4.1.4 wrote to standard error, and what is made of it. */
const chart = { kind: 'path', path: 'deploy/chart', treeId: 'x' } as const;
const user = 'User "system:serviceaccount:pr-1:berth-deployer" cannot get resource';

function failureFor(stderr: string): Error {
  return failureOf('installing', new ExitError('helm', { code: 1, stdout: '', stderr }), chart);
}

describe('failureOf', () => {
  const authors: readonly {
    said: string;
    reason: Reason;
    message: string;
    place?: readonly [string, number, number];
  }[] = [
    {
      said: 'Error: UPGRADE FAILED: web/templates/web.yaml:22:10\n  executing "web/templates/web.yaml" at <.Values.a.b.c>:\n    nil pointer evaluating interface {}.b\n',
      reason: 'ChartInvalid',
      message:
        'The chart cannot be rendered: web/templates/web.yaml:22:10 executing "web/templates/web.yaml" at <.Values.a.b.c>: nil pointer evaluating interface {}.b.',
      place: ['deploy/chart/templates/web.yaml', 22, 10],
    },
    {
      said: 'Error: execution error at (web/charts/db/templates/web.yaml:22:3): set .Values.host\n',
      reason: 'ChartInvalid',
      message: 'The chart refuses its values: set .Values.host (web/charts/db/templates/web.yaml:22:3).',
      place: ['deploy/chart/charts/db/templates/web.yaml', 22, 3],
    },
    {
      said: 'Error: UPGRADE FAILED: parse error at (web/templates/web.yaml:22): missing value for if\n',
      reason: 'ChartInvalid',
      message: 'The chart cannot be rendered: parse error at (web/templates/web.yaml:22): missing value for if.',
      place: ['deploy/chart/templates/web.yaml', 22, 1],
    },
    {
      said: 'Error: UPGRADE FAILED: parse error at (web/templates/web.yaml:3): unexpected EOF\n',
      reason: 'ChartInvalid',
      message: 'The chart cannot be rendered: parse error at (web/templates/web.yaml:3): unexpected EOF.',
      place: ['deploy/chart/templates/web.yaml', 3, 1],
    },
    {
      said: 'Error: an error occurred while checking for chart dependencies. You may need to run `helm dependency build` to fetch missing dependencies: found in Chart.yaml, but missing in charts/ directory: redis, postgresql\n',
      reason: 'ChartInvalid',
      message:
        "The chart's dependencies (redis, postgresql) are not in its folder: run `helm dependency build` and commit `charts/`.",
    },
    {
      said: "Error: UPGRADE FAILED: values don't meet the specifications of the schema(s) in the following chart(s):\nweb:\n- at '': missing property 'foo'\n- at '/image': got string, want integer\n\n",
      reason: 'ChartInvalid',
      message: "The values do not fit the chart's schema: `values` lacks `foo`; `image`: got string, want integer.",
    },
    {
      said: 'Error: unable to detect chart at /tmp/a/Chart.yaml: open /tmp/a/Chart.yaml: no such file or directory\n',
      reason: 'ChartInvalid',
      message: 'There is no chart in that folder: it has no `Chart.yaml`.',
    },
    {
      said: 'Error: failed to perform "FetchReference" on source: registry.example.com/charts/web:1.0.0: not found\n',
      reason: 'ChartInvalid',
      message: 'The chart cannot be pulled: registry.example.com/charts/web:1.0.0: not found.',
    },
    {
      said: `Error: unable to continue with install: could not get information about the resource NetworkPolicy "open" in namespace "pr-1": networkpolicies.networking.k8s.io "open" is forbidden: ${user} "networkpolicies" in API group "networking.k8s.io" in the namespace "pr-1"\n`,
      reason: 'ReleaseFailed',
      message: 'Previews may not have networkpolicies (NetworkPolicy `open`): take it out of the chart.',
    },
    {
      said: `Error: unable to continue with install: could not get information about the resource ConfigMap "mine" in namespace "kube-system": configmaps "mine" is forbidden: ${user} "configmaps" in API group "" in the namespace "kube-system"\n`,
      reason: 'ReleaseFailed',
      message:
        'Previews may not have configmaps in the namespace `kube-system` (ConfigMap `mine`): take it out of the chart.',
    },
    {
      said: `Error: unable to continue with install: could not get information about the resource ClusterRoleBinding "mine" in namespace "": clusterrolebindings.rbac.authorization.k8s.io "mine" is forbidden: ${user} "clusterrolebindings" in API group "rbac.authorization.k8s.io" at the cluster scope\n`,
      reason: 'ReleaseFailed',
      message:
        'Previews may not have clusterrolebindings, which are for the whole cluster (ClusterRoleBinding `mine`): take it out of the chart.',
    },
    {
      said: 'Error: UPGRADE FAILED: resource mapping not found for name: "open" namespace: "" from "": no matches for kind "Thing" in version "example.com/v1"\nensure CRDs are installed first\n',
      reason: 'ReleaseFailed',
      message: 'The cluster does not know the kind `Thing` of `example.com/v1`.',
    },
    {
      said: 'level=WARN msg="upgrade failed" name=preview error="..."\nError: UPGRADE FAILED: cannot patch "web" with kind Deployment: Deployment.apps "web" is invalid: spec.selector: Invalid value: field is immutable\n',
      reason: 'ReleaseFailed',
      message:
        'Kubernetes does not let Deployment `web` change as the chart wants it to: give it another name, or close and reopen the pull request for a fresh preview.',
    },
    {
      said: 'Error: UPGRADE FAILED: pre-upgrade hooks failed: resource Job/pr-1/migrate not ready. status: Failed, message: Job Failed. failed: 1/1\n',
      reason: 'HookFailed',
      message: 'The pre-upgrade hook, job `migrate`, failed: Job Failed. failed: 1/1.',
    },
    {
      said: 'Error: failed pre-install: resource Job/pr-1/seed not ready. status: InProgress, message: Job in progress\ncontext deadline exceeded\n',
      reason: 'HookFailed',
      message: 'The pre-install hook, job `seed`, did not end in time.',
    },
    {
      said: 'Error: UPGRADE FAILED: resource Deployment/pr-1/web not ready. status: InProgress, message: Pending termination: 1\ncontext deadline exceeded\n',
      reason: 'NotReadyInTime',
      message:
        'The release did not become ready in time: resource Deployment/pr-1/web not ready. status: InProgress, message: Pending termination: 1.',
    },
  ];
  for (const { said, reason, message, place } of authors) {
    it(`tells the author: ${message.slice(0, 60)}…`, () => {
      const failure = failureFor(said);
      assert(failure instanceof DiagnosedError, failure.message);
      assert.equal(failure.diagnosis.reason, reason);
      assert.equal(failure.diagnosis.message, message);
      assert(failure.diagnosis.log?.every((line) => !line.startsWith('level=')));
      const [first] = failure.diagnosis.places ?? [];
      assert.deepEqual(first && [first.path, first.line, first.column], place);
    });
  }

  for (const said of [
    'Error: kubernetes cluster unreachable: Get "https://127.0.0.1:1/version": dial tcp 127.0.0.1:1: connect: connection refused',
    'Error: UPGRADE FAILED: another operation (install/upgrade/rollback) is in progress',
    'Error: UPGRADE FAILED: "preview" has no deployed releases',
    'Error: UPGRADE FAILED: create: failed to create: etcdserver: request timed out',
    'Error: UPGRADE FAILED: failed to create resource: configmaps "a" is forbidden: unable to create new content in namespace pr-1 because it is being terminated',
    'Error: UPGRADE FAILED: failed to create resource: pods "web" is forbidden: status unknown for quota: berth, resources: pods',
    'Error: failed to perform "FetchReference" on source: dial tcp: lookup registry.example.com: no such host',
    'Error: UPGRADE FAILED: could not get server version from Kubernetes: an error on the server ("unknown") has prevented the request from succeeding',
    'Error: UPGRADE FAILED: could not get apiVersions from Kubernetes: the server was unable to return a response in the time allotted, but may still be processing the request',
    'Error: UPGRADE FAILED: could not get apiVersions from Kubernetes: the server reported a conflict',
    'Error: UPGRADE FAILED: query: failed to query with labels: Timeout: request did not complete within requested timeout - context deadline exceeded',
    'Error: UPGRADE FAILED: create: failed to create: Post "http://127.0.0.1:1/api/v1/namespaces/pr-1/secrets": EOF',
    'Error: UPGRADE FAILED: update: failed to update: Put "https://127.0.0.1:1/api/v1/namespaces/pr-1/secrets/a": net/http: request canceled',
  ]) {
    it(`G8 tries again after: ${said.slice(7, 70)}…`, () => {
      const failure = failureFor(said);
      assert(!(failure instanceof DiagnosedError));
      assert.match(failure.message, /^installing: /);
    });
  }

  it('blames no chart for a Helm that is not there', () => {
    for (const code of [126, 127]) {
      const error = new ExitError('sh', { code, stdout: '', stderr: 'sh: 1: exec: helm: not found\n' });
      assert.ok(!(failureOf('installing', error, chart) instanceof DiagnosedError));
    }
  });

  it('passes on what is not from Helm', () => {
    const timeout = new DOMException('too long', 'TimeoutError');
    assert.equal(failureOf('installing', timeout, chart), timeout);
  });
});

describe('failedHookJob', () => {
  it('is the job of a failed hook alone', () => {
    assert.equal(failedHookJob({ reason: 'HookFailed', message: 'The hook, job `seed`, failed.' }), 'seed');
    assert.equal(failedHookJob({ reason: 'HookFailed', message: 'The hook, pod `seed`, failed.' }), undefined);
    assert.equal(failedHookJob({ reason: 'ChartInvalid', message: 'job `seed`' }), undefined);
  });
});
