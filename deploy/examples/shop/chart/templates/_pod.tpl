{{/* What every pod of the shop has in common: it runs without rights and ends fast. */}}
{{- define "shop.pod" -}}
automountServiceAccountToken: false
terminationGracePeriodSeconds: 5
securityContext:
  runAsNonRoot: true
  runAsUser: 65534
  seccompProfile: { type: RuntimeDefault }
{{- end }}

{{- define "shop.container" -}}
securityContext:
  allowPrivilegeEscalation: false
  capabilities: { drop: [ALL] }
resources:
  requests: { cpu: 10m, memory: 16Mi }
  limits: { memory: 64Mi }
{{- end }}
