/** Where the objects are that Berth reads. */
import type { ApiRequest } from './api.ts';

type Collection = Pick<ApiRequest, 'path' | 'query' | 'accept'>;

/** Only names, labels and annotations, whatever the kind: the payload of Secrets is never asked for. */
export const metadataOnly = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1';

const inNamespace = (api: string, namespace: string, plural: string) =>
  `${api}/namespaces/${encodeURIComponent(namespace)}/${plural}`;

export const namespacePath = (name: string): string => `/api/v1/namespaces/${encodeURIComponent(name)}`;

export const corePath = (namespace: string, plural: string): string => inNamespace('/api/v1', namespace, plural);

export const workloadCollections = {
  deployments: (namespace: string): Collection => ({ path: inNamespace('/apis/apps/v1', namespace, 'deployments') }),
  replicaSets: (namespace: string): Collection => ({ path: inNamespace('/apis/apps/v1', namespace, 'replicasets') }),
  statefulSets: (namespace: string): Collection => ({ path: inNamespace('/apis/apps/v1', namespace, 'statefulsets') }),
  daemonSets: (namespace: string): Collection => ({ path: inNamespace('/apis/apps/v1', namespace, 'daemonsets') }),
  jobs: (namespace: string): Collection => ({ path: inNamespace('/apis/batch/v1', namespace, 'jobs') }),
  pods: (namespace: string): Collection => ({ path: corePath(namespace, 'pods') }),
  events: (namespace: string): Collection => ({ path: corePath(namespace, 'events') }),
};

/** One Secret for each revision of a release, as Helm keeps them. Source: helm.sh/docs/topics/kubernetes_apis */
export function helmSecrets(namespace: string, release: string): Collection {
  return {
    path: corePath(namespace, 'secrets'),
    query: { labelSelector: `owner=helm,name=${release}` },
    accept: metadataOnly,
  };
}
