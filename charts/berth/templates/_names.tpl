{{/* Names that templates of this chart share. Each takes the root context unless it says otherwise. */}}

{{/*
`berth` for a release called so; `<release>-berth` for another. Short enough for every suffix that is added to it: a StatefulSet's name has
at most 52 characters, since its pods carry it in a label with a hash.
*/}}
{{- define "berth.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride -}}
{{- else if contains "berth" .Release.Name -}}
{{- .Release.Name | trunc 32 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-berth" (.Release.Name | trunc 26 | trimSuffix "-") -}}
{{- end -}}
{{- end -}}

{{/* What a Service, a policy or a budget picks pods by. Takes (dict "root" $ "component" "redis"). */}}
{{- define "berth.selectorLabels" -}}
app.kubernetes.io/name: berth
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{/* On every object. Takes (dict "root" $ "component" "redis"). */}}
{{- define "berth.labels" -}}
{{ include "berth.selectorLabels" . }}
app.kubernetes.io/part-of: berth
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- with .root.Values.labels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/*
On the pods that have this role, whether the roles run together or apart, so that Services and policies need not know which.
Takes (dict "root" $ "role" "gateway").
*/}}
{{- define "berth.roleSelector" -}}
app.kubernetes.io/name: berth
app.kubernetes.io/instance: {{ .root.Release.Name }}
berth.dev/role-{{ .role }}: "true"
{{- end -}}

{{/* Tells several Berths on one cluster apart; on the namespace of every preview as the label berth.dev/instance. */}}
{{- define "berth.instance" -}}
{{- .Values.config.INSTANCE | default (include "berth.fullname" .) -}}
{{- end -}}

{{/* The ClusterRole that charts of previews are installed with. */}}
{{- define "berth.deployerRole" -}}
{{- .Values.config.DEPLOYER_ROLE | default (printf "%s-deployer" (include "berth.fullname" .)) -}}
{{- end -}}

{{/* The image with its digest, or else its tag. */}}
{{- define "berth.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* The Secret with app-id, private-key and webhook-secret. */}}
{{- define "berth.githubSecret" -}}
{{- .Values.github.existingSecret | default (printf "%s-github" (include "berth.fullname" .)) -}}
{{- end -}}

{{/* The Secret with the password of Redis under its key `password`; nothing when Redis has none. */}}
{{- define "berth.redisSecret" -}}
{{- if .Values.redis.enabled -}}
{{- .Values.redis.existingSecret | default (printf "%s-redis" (include "berth.fullname" .)) -}}
{{- else -}}
{{- .Values.redis.external.passwordSecret -}}
{{- end -}}
{{- end -}}

{{/* Where Redis is. */}}
{{- define "berth.redisUrl" -}}
{{- if .Values.redis.enabled -}}
redis://{{ include "berth.fullname" . }}-redis:6379
{{- else -}}
{{- .Values.redis.external.url -}}
{{- end -}}
{{- end -}}

{{/*
The pool of BuildKit daemons that this chart runs, one name for each. Takes (dict "root" $ "pool" "trusted"); the other
pool is `untrusted`. Port 1234, certificates for these names.
*/}}
{{- define "berth.buildkitName" -}}
{{ include "berth.fullname" .root }}-buildkit{{ if eq .pool "untrusted" }}-untrusted{{ end }}
{{- end -}}

{{/* The Secret with ca.crt, tls.crt and tls.key that Berth shows to the pool; nothing when it shows none. */}}
{{- define "berth.buildkitClientSecret" -}}
{{- $pool := get .root.Values.buildkit .pool -}}
{{- if $pool.enabled -}}
{{ $pool.tls.existingClientSecret | default (printf "%s-client" (include "berth.buildkitName" .)) }}
{{- else -}}
{{- .root.Values.buildkit.external.tlsSecret -}}
{{- end -}}
{{- end -}}

{{/* What BERTH_BUILDKIT or BERTH_BUILDKIT_UNTRUSTED says. Takes (dict "root" $ "pool" "trusted"). */}}
{{- define "berth.buildkitEndpoints" -}}
{{- $pool := get .root.Values.buildkit .pool -}}
{{- $external := .root.Values.buildkit.external -}}
{{- $name := include "berth.buildkitName" . -}}
{{- $endpoints := list -}}
{{- if $pool.enabled -}}
{{- range $index := until (int $pool.replicas) -}}
{{- $endpoints = append $endpoints (printf "tcp://%s-%d.%s.%s.svc:1234?tls=/etc/berth/buildkit-%s" $name $index $name $.root.Release.Namespace $.pool) -}}
{{- end -}}
{{- else -}}
{{- range (eq .pool "trusted" | ternary $external.endpoints $external.untrustedEndpoints) -}}
{{- $isBare := and (not (empty $external.tlsSecret)) (hasPrefix "tcp://" .) (not (contains "?" .)) -}}
{{- $endpoints = append $endpoints ($isBare | ternary (printf "%s?tls=/etc/berth/buildkit-%s" . $.pool) .) -}}
{{- end -}}
{{- end -}}
{{- join "," $endpoints -}}
{{- end -}}

{{/* The seconds of a duration such as 45s, 30m, 12h or 7d. */}}
{{- define "berth.seconds" -}}
{{- $count := regexFind "^[0-9]+" . | int -}}
{{- mul $count (get (dict "s" 1 "m" 60 "h" 3600 "d" 86400) (regexFind "[smhd]$" .)) -}}
{{- end -}}
