{{- /* Asked every second from the start: nobody waits longer than the app itself needs. */}}
{{- define "preview.probes" -}}
{{- $readiness := .readiness | default dict }}
{{- if or .port .readiness }}
startupProbe:
  {{- include "preview.probe" $readiness | nindent 2 }}
  periodSeconds: 1
  timeoutSeconds: {{ $readiness.timeoutSeconds | default 2 | int }}
  failureThreshold: {{ .startupSeconds | default 60 | int }}
readinessProbe:
  {{- include "preview.probe" $readiness | nindent 2 }}
  periodSeconds: {{ $readiness.periodSeconds | default 1 | int }}
  timeoutSeconds: {{ $readiness.timeoutSeconds | default 2 | int }}
  failureThreshold: 3
{{- end }}
{{- with .liveness }}
livenessProbe:
  {{- include "preview.probe" . | nindent 2 }}
  periodSeconds: {{ .periodSeconds | default 10 | int }}
  timeoutSeconds: {{ .timeoutSeconds | default 2 | int }}
  failureThreshold: 3
{{- end }}
{{- end }}

{{- define "preview.probe" -}}
{{- if .command -}}
exec:
  command: {{ toJson .command }}
{{- else if .path -}}
httpGet:
  path: {{ .path | quote }}
  port: {{ .port | default "app" }}
{{- else -}}
tcpSocket:
  port: {{ .port | default "app" }}
{{- end }}
{{- end }}
