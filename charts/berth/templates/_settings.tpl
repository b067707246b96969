{{/* What the values say, in the words of docs/configuration.md. */}}

{{/* A value as the text that the environment takes; YAML's numbers come as floats. */}}
{{- define "berth.text" -}}
{{- if kindIs "float64" . -}}{{ int64 . }}{{- else -}}{{ . }}{{- end -}}
{{- end -}}

{{/* Every variable that is not a secret, as a map. */}}
{{- define "berth.variables" -}}
{{- $values := .Values -}}
BERTH_INSTANCE: {{ include "berth.instance" . | quote }}
BERTH_DEPLOYER_ROLE: {{ include "berth.deployerRole" . | quote }}
BERTH_GATEWAY_NAMESPACE: {{ .Release.Namespace | quote }}
BERTH_GITHUB_API_URL: {{ $values.github.apiUrl | quote }}
BERTH_GITHUB_ENVIRONMENT: {{ $values.github.environment | quote }}
BERTH_GITHUB_ACCOUNTS: {{ join "," $values.github.accounts | quote }}
BERTH_REDIS_URL: {{ include "berth.redisUrl" . | quote }}
BERTH_REGISTRY: {{ $values.registry.repository | quote }}
BERTH_INSECURE_REGISTRIES: {{ join "," $values.registry.insecure | quote }}
BERTH_BUILDKIT: {{ include "berth.buildkitEndpoints" (dict "root" . "pool" "trusted") | quote }}
BERTH_BUILDKIT_UNTRUSTED: {{ include "berth.buildkitEndpoints" (dict "root" . "pool" "untrusted") | quote }}
BERTH_PREVIEW_DOMAIN: {{ $values.previews.domain | quote }}
BERTH_PREVIEW_SCHEME: {{ $values.previews.scheme | quote }}
{{- with $values.previews.port }}
BERTH_PREVIEW_PORT: {{ include "berth.text" . | quote }}
{{- end }}
{{- range $name, $value := omit $values.config "INSTANCE" "DEPLOYER_ROLE" }}
BERTH_{{ $name }}: {{ include "berth.text" $value | quote }}
{{- end }}
{{- end -}}

{{/*
Variables that name files with secrets; each file is mounted by "berth.secretMounts". What it takes to build and push is only
for the roles that do: the pods that strangers talk to have none of it. Takes (dict "root" $ "roles" (list "worker")).
*/}}
{{- define "berth.secretEnv" -}}
{{- $values := .root.Values -}}
{{- $keys := include "berth.githubKeys" . | fromJsonArray -}}
{{- if has "app-id" $keys }}
{{- if $values.github.existingSecret }}
- name: BERTH_GITHUB_APP_ID_FILE
  value: /etc/berth/github/app-id
{{- else }}
- name: BERTH_GITHUB_APP_ID
  value: {{ include "berth.text" $values.github.appId | quote }}
{{- end }}
- name: BERTH_GITHUB_PRIVATE_KEY_FILE
  value: /etc/berth/github/private-key
{{- end }}
{{- if has "webhook-secret" $keys }}
- name: BERTH_GITHUB_WEBHOOK_SECRET_FILE
  value: /etc/berth/github/webhook-secret
# Not a file: it is there only while a rotation lasts, and a file that is named must be there.
- name: BERTH_GITHUB_WEBHOOK_SECRET_OLD
  valueFrom:
    secretKeyRef: { name: {{ include "berth.githubSecret" .root }}, key: webhook-secret-old, optional: true }
{{- end }}
{{- if include "berth.redisSecret" .root }}
- name: BERTH_REDIS_PASSWORD_FILE
  value: /etc/berth/redis/password
{{- end }}
{{- if not $values.redis.enabled }}
{{- with $values.redis.external }}
{{- if and .passwordSecret .sentinelPassword }}
- name: BERTH_REDIS_SENTINEL_PASSWORD_FILE
  value: /etc/berth/redis/sentinel-password
{{- end }}
{{- if .caSecret }}
- name: BERTH_REDIS_CA_FILE
  value: /etc/berth/redis-tls/ca.crt
{{- if .clientCertificate }}
- name: BERTH_REDIS_CERTIFICATE_FILE
  value: /etc/berth/redis-tls/tls.crt
- name: BERTH_REDIS_KEY_FILE
  value: /etc/berth/redis-tls/tls.key
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- if and $values.registry.dockerConfigSecret (include "berth.builds" .) }}
- name: BERTH_DOCKER_CONFIG
  value: /etc/berth/docker
{{- end }}
{{- end -}}

{{/* Which keys of the Secret with the GitHub App these roles use. JSON. Takes (dict "roles" (list "worker")). */}}
{{- define "berth.githubKeys" -}}
{{- if has "server" .roles -}}
["app-id", "private-key", "webhook-secret"]
{{- else if or (has "worker" .roles) (has "sweep" .roles) -}}
["app-id", "private-key"]
{{- else -}}
[]
{{- end -}}
{{- end -}}

{{/* Whether one of these roles speaks to the registry and to BuildKit: something or nothing. Takes (dict "roles" (list "worker")). */}}
{{- define "berth.builds" -}}
{{- if or (has "worker" .roles) (has "sweep" .roles) -}}yes{{- end -}}
{{- end -}}

{{/* The volumes with secrets, as a list: what "berth.secretEnv" and the endpoints of BuildKit name. Takes the same. */}}
{{- define "berth.secretVolumes" -}}
{{- $values := .root.Values -}}
{{- $builds := include "berth.builds" . -}}
{{- with include "berth.githubKeys" . | fromJsonArray }}
- name: github
  secret:
    secretName: {{ include "berth.githubSecret" $.root }}
    defaultMode: 0440
    items:
      {{- range . }}
      - { key: {{ . }}, path: {{ . }} }
      {{- end }}
{{- end }}
{{- with include "berth.redisSecret" .root }}
- name: redis
  secret:
    secretName: {{ . }}
    defaultMode: 0440
{{- end }}
{{- if and (not $values.redis.enabled) $values.redis.external.caSecret }}
- name: redis-tls
  secret:
    secretName: {{ $values.redis.external.caSecret }}
    defaultMode: 0440
{{- end }}
{{- if and $builds $values.registry.dockerConfigSecret }}
- name: docker
  secret:
    secretName: {{ $values.registry.dockerConfigSecret }}
    defaultMode: 0440
    items:
      - { key: .dockerconfigjson, path: config.json }
{{- end }}
{{- range $pool := (not (empty $builds)) | ternary (list "trusted" "untrusted") list }}
{{- with include "berth.poolSecret" (dict "root" $.root "pool" $pool) }}
- name: buildkit-{{ $pool }}
  secret:
    secretName: {{ . }}
    defaultMode: 0440
    items:
      - { key: ca.crt, path: ca.pem }
      - { key: tls.crt, path: cert.pem }
      - { key: tls.key, path: key.pem }
{{- end }}
{{- end }}
{{- end -}}

{{/* Where they are mounted: each below /etc/berth by its name. Takes the same. */}}
{{- define "berth.secretMounts" -}}
{{- range include "berth.secretVolumes" . | fromYamlArray }}
- { name: {{ .name }}, mountPath: /etc/berth/{{ .name }}, readOnly: true }
{{- end }}
{{- end -}}

{{/* The Secret to show to a pool that there is; nothing for one that there is not. */}}
{{- define "berth.poolSecret" -}}
{{- if include "berth.buildkitEndpoints" . -}}
{{- include "berth.buildkitClientSecret" . -}}
{{- end -}}
{{- end -}}
