{{/* Says everything at once that is missing or contradictory, in sentences; nothing when all is well. */}}
{{- define "berth.check" -}}
{{- $problems := list -}}
{{- if not .Values.previews.domain -}}
{{- $problems = append $problems "previews.domain is not set: the domain that previews are served below, e.g. previews.example.com" -}}
{{- end -}}
{{- if not .Values.registry.repository -}}
{{- $problems = append $problems "registry.repository is not set: where images of previews go, e.g. registry.example.com/previews" -}}
{{- end -}}
{{- with .Values.github -}}
{{- if .existingSecret -}}
{{- if or .privateKey .webhookSecret .webhookSecretOld -}}
{{- $problems = append $problems "github.existingSecret is set, and so is a key or secret that would be ignored: leave out one or the other" -}}
{{- end -}}
{{- else if not (and .appId .privateKey .webhookSecret) -}}
{{- $problems = append $problems "github.existingSecret is not set, nor all of github.appId, github.privateKey and github.webhookSecret: `berth setup` makes the App and the Secret" -}}
{{- end -}}
{{- end -}}
{{- if and (not .Values.redis.enabled) (not .Values.redis.external.url) -}}
{{- $problems = append $problems "redis.enabled is false and redis.external.url is not set: Berth needs a Redis" -}}
{{- end -}}
{{- if not (include "berth.buildkitEndpoints" (dict "root" . "pool" "trusted")) -}}
{{- $problems = append $problems "buildkit.trusted.enabled is false and buildkit.external.endpoints has none: Berth needs a BuildKit" -}}
{{- end -}}
{{- range $pool := list "trusted" "untrusted" -}}
{{- with (get $.Values.buildkit $pool).tls -}}
{{- if ne (empty .existingSecret) (empty .existingClientSecret) -}}
{{- $names := .existingSecret | empty | ternary (list "existingClientSecret" "existingSecret") (list "existingSecret" "existingClientSecret") -}}
{{- $problems = append $problems (printf "buildkit.%s.tls.%s is set and %s is not: daemons and Berth take their certificates from one place" $pool (index $names 0) (index $names 1)) -}}
{{- end -}}
{{- if and .certManager (or .existingSecret .existingClientSecret) -}}
{{- $problems = append $problems (printf "buildkit.%s.tls has certManager and existing Secrets: leave out one or the other" $pool) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if and (eq .Values.expose.via "gateway") (not .Values.expose.gateway.parentRefs) -}}
{{- $problems = append $problems "expose.via is gateway and expose.gateway.parentRefs names none: say which Gateways lead to Berth" -}}
{{- end -}}
{{- if $problems -}}
{{- fail (printf "\n\nThe values are not complete:\n  - %s\n" (join "\n  - " $problems)) -}}
{{- end -}}
{{- end -}}
