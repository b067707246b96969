import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { kubernetesReleases, problemsOf } from './kubernetes-schemas.ts';

const metadata = { name: 'a' };
const container = { name: 'a', image: 'a:1' };
const pod = (fields: object) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata,
  spec: { containers: [container], ...fields },
});

describe('problemsOf', () => {
  for (const release of kubernetesReleases) {
    it(`finds nothing wrong with what Kubernetes ${release} takes`, () => {
      assert.deepEqual(problemsOf(pod({ volumes: [{ name: 'a', emptyDir: {} }] }), release), []);
      const port = { port: 80, targetPort: 'http' };
      assert.deepEqual(
        problemsOf({ apiVersion: 'v1', kind: 'Service', metadata, spec: { ports: [port] } }, release),
        [],
      );
    });

    for (const { name, object, says } of [
      { name: 'a field that there is not', object: pod({ hostnetwork: true }), says: /\/spec .*hostnetwork/ },
      {
        name: 'a field deep within',
        object: pod({ containers: [{ ...container, limits: {} }] }),
        says: /containers\/0 .*limits/,
      },
      {
        name: 'a field that is missing',
        object: pod({ containers: [{ image: 'a:1' }] }),
        says: /containers\/0 .*name/,
      },
      { name: 'a value of another type', object: pod({ hostNetwork: 'yes' }), says: /hostNetwork must be boolean/ },
      {
        name: 'a label that is no text',
        object: { ...pod({}), metadata: { name: 'a', labels: { a: 1 } } },
        says: /labels/,
      },
      {
        name: 'a kind that is gone',
        object: { ...pod({}), apiVersion: 'policy/v1beta1' },
        says: /has no policy\/v1beta1\/Pod/,
      },
      {
        name: 'a field that a custom resource has not',
        object: {
          apiVersion: 'monitoring.coreos.com/v1',
          kind: 'ServiceMonitor',
          metadata,
          spec: { selector: {}, endpoints: [], namespace: 'a' },
        },
        says: /additionalProperty":"namespace/,
      },
    ]) {
      it(`finds ${name}, for Kubernetes ${release}`, () => {
        assert.match(problemsOf(object as unknown as Parameters<typeof problemsOf>[0], release).join('\n'), says);
      });
    }
  }
});
