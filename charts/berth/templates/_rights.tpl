{{/*
What each role may do in all namespaces, for previews live in some that do not exist yet: exactly the rights that
src/adapters/kubernetes/rights.ts lists, which a test compares. The server needs none.
Takes (dict "root" $ "role" "worker"); gives the rules of a ClusterRole.
*/}}
{{- define "berth.rules" -}}
{{- if eq .role "worker" }}
- { apiGroups: [""], resources: [namespaces], verbs: [get, list, watch, create, patch, delete] }
- { apiGroups: [""], resources: [resourcequotas, limitranges], verbs: [get, list, create, patch] }
- { apiGroups: [""], resources: [serviceaccounts], verbs: [get, list, create, patch, delete] }
- { apiGroups: [networking.k8s.io], resources: [networkpolicies], verbs: [get, list, create, patch] }
- { apiGroups: [rbac.authorization.k8s.io], resources: [rolebindings], verbs: [get, list, create, patch, delete] }
- { apiGroups: [""], resources: [pods], verbs: [list, watch, delete] }
- { apiGroups: [""], resources: [pods/log], verbs: [get] }
- { apiGroups: [""], resources: [events], verbs: [list, watch] }
# Helm's records; their payload is never asked for.
- { apiGroups: [""], resources: [secrets], verbs: [list] }
- { apiGroups: [""], resources: [services], verbs: [list] }
- { apiGroups: [apps], resources: [deployments, replicasets, statefulsets, daemonsets], verbs: [list, watch] }
- { apiGroups: [batch], resources: [jobs], verbs: [list, watch] }
# To give the deployer of a preview's namespace its rights there, and to act as it.
- apiGroups: [rbac.authorization.k8s.io]
  resources: [clusterroles]
  resourceNames: [{{ include "berth.deployerRole" .root }}]
  verbs: [bind]
- { apiGroups: [""], resources: [serviceaccounts], resourceNames: [berth-deployer], verbs: [impersonate] }
{{- else if eq .role "sweep" }}
- { apiGroups: [""], resources: [namespaces, resourcequotas, limitranges, serviceaccounts, secrets], verbs: [list] }
- { apiGroups: [networking.k8s.io], resources: [networkpolicies], verbs: [list] }
- { apiGroups: [rbac.authorization.k8s.io], resources: [rolebindings], verbs: [list] }
{{- else if eq .role "gateway" }}
- { apiGroups: [""], resources: [namespaces], verbs: [list, watch] }
- { apiGroups: [""], resources: [services, endpoints, pods], verbs: [get] }
{{- end }}
{{- end -}}

{{/* The same in the namespace of Secrets for previews; the rules of a Role. */}}
{{- define "berth.secretRules" -}}
{{- if eq .role "worker" }}
- { apiGroups: [""], resources: [secrets], verbs: [get, list] }
{{- else if eq .role "sweep" }}
- { apiGroups: [""], resources: [secrets], verbs: [list] }
{{- end }}
{{- end -}}
