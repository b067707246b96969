{{- /* What Pod Security `restricted` asks of a pod. Takes root, workload. */}}
{{- define "preview.podSecurity" -}}
{{- with ((.root.Values.global).berth).runtimeClass -}}
runtimeClassName: {{ . | quote }}
{{ end -}}
securityContext:
  runAsNonRoot: {{ hasKey .workload "runAsNonRoot" | ternary .workload.runAsNonRoot true }}
  {{- if hasKey .workload "runAsUser" }}
  runAsUser: {{ .workload.runAsUser | int64 }}
  {{- end }}
  {{- if .workload.claims }}
  {{- /* Whoever the image's user is, a new volume is writable. */}}
  fsGroup: 1000
  fsGroupChangePolicy: OnRootMismatch
  {{- end }}
  seccompProfile:
    type: RuntimeDefault
{{- end }}

{{- /* And of each container. Takes readOnly; user when it is not the pod's. */}}
{{- define "preview.containerSecurity" -}}
securityContext:
  allowPrivilegeEscalation: false
  {{- if .readOnly }}
  readOnlyRootFilesystem: true
  {{- end }}
  {{- if .user }}
  runAsNonRoot: true
  runAsUser: {{ .user | int64 }}
  {{- end }}
  capabilities:
    drop: [ALL]
{{- end }}
