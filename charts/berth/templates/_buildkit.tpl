{{/* The pools of BuildKit daemons in this release, as a list of their names. JSON. */}}
{{- define "berth.buildkitPools" -}}
{{- $pools := list -}}
{{- range $pool := list "trusted" "untrusted" -}}
{{- if (get $.Values.buildkit $pool).enabled -}}
{{- $pools = append $pools $pool -}}
{{- end -}}
{{- end -}}
{{- $pools | toJson -}}
{{- end -}}

{{/* What tells a pool's objects apart. Takes (dict "root" $ "pool" "trusted"). */}}
{{- define "berth.buildkitComponent" -}}
buildkit{{ if eq .pool "untrusted" }}-untrusted{{ end }}
{{- end -}}

{{/* The Secret with ca.crt, tls.crt and tls.key that a pool's daemons show. Takes (dict "root" $ "pool" "trusted"). */}}
{{- define "berth.buildkitServerSecret" -}}
{{- (get .root.Values.buildkit .pool).tls.existingSecret | default (printf "%s-server" (include "berth.buildkitName" .)) -}}
{{- end -}}

{{/* The image of a pool's daemons. Takes the pool's values. */}}
{{- define "berth.buildkitImage" -}}
{{- .image | default (printf "docker.io/moby/buildkit:v0.32.2%s" (.rootless | ternary "-rootless" "")) -}}
{{- end -}}

{{/*
buildkitd.toml. Takes (dict "root" $ "values" .Values.buildkit.trusted).
Source: github.com/moby/buildkit/blob/v0.32.2/docs/buildkitd.toml.md
*/}}
{{- define "berth.buildkitConfiguration" -}}
[worker.oci]
  gc = true
  maxUsedSpace = {{ .values.cache.maxUsed | quote }}
  minFreeSpace = {{ .values.cache.minFree | quote }}
  {{- with .values.maxParallelism }}
  max-parallelism = {{ int . }}
  {{- end }}
[worker.containerd]
  enabled = false
{{- range .root.Values.registry.insecure }}
[registry.{{ . | quote }}]
  http = true
{{- end }}
{{- with .values.config }}
{{ . | trim }}
{{- end }}
{{- end -}}

{{/*
Certificates for mutual TLS, for ten years: those that are there, so that an upgrade keeps them, else new ones by an authority
whose key nobody keeps. Takes (dict "root" $ "pool" "trusted"). JSON with ca, and crt and key of server and client.
*/}}
{{- define "berth.buildkitCertificates" -}}
{{- $name := include "berth.buildkitName" . -}}
{{- $namespace := .root.Release.Namespace -}}
{{- $server := dig "data" dict (lookup "v1" "Secret" $namespace (printf "%s-server" $name) | default dict) -}}
{{- $client := dig "data" dict (lookup "v1" "Secret" $namespace (printf "%s-client" $name) | default dict) -}}
{{- if and (hasKey $server "tls.key") (hasKey $client "tls.key") (eq (get $server "ca.crt") (get $client "ca.crt")) -}}
{{- dict "ca" (get $server "ca.crt") "server" (pick $server "tls.crt" "tls.key") "client" (pick $client "tls.crt" "tls.key") | toJson -}}
{{- else -}}
{{- $days := 3650 -}}
{{- $ca := genCAWithKey "berth-buildkit" $days (genPrivateKey "ecdsa") -}}
{{- $hosts := list "localhost" (printf "%s.%s.svc" $name $namespace) (printf "*.%s.%s.svc" $name $namespace) -}}
{{- $server := genSignedCertWithKey "buildkitd" (list "127.0.0.1") $hosts $days $ca (genPrivateKey "ecdsa") -}}
{{- $client := genSignedCertWithKey "berth" list list $days $ca (genPrivateKey "ecdsa") -}}
{{- dict "ca" ($ca.Cert | b64enc)
  "server" (dict "tls.crt" ($server.Cert | b64enc) "tls.key" ($server.Key | b64enc))
  "client" (dict "tls.crt" ($client.Cert | b64enc) "tls.key" ($client.Key | b64enc)) | toJson -}}
{{- end -}}
{{- end -}}
