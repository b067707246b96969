{{/*
The password of the Redis in this release: the one that is already there, so that an upgrade keeps it, else a new one.
`helm template` sees no cluster and makes a new one each time: whoever deploys what it prints sets redis.existingSecret.
*/}}
{{- define "berth.redisPassword" -}}
{{- $there := lookup "v1" "Secret" .Release.Namespace (include "berth.redisSecret" .) -}}
{{- with dig "data" "password" "" ($there | default dict) -}}
{{- . | b64dec -}}
{{- else -}}
{{- randAlphaNum 40 -}}
{{- end -}}
{{- end -}}

{{/*
What Redis is told, but for its password. Everything in it may be lost, but queues that survive a restart spare the sweep work:
hence the append-only file. Evicting a queue's keys is never right: Berth refuses to work with anything but noeviction.
*/}}
{{- define "berth.redisConfiguration" -}}
bind * -::*
port 6379
dir /data
appendonly yes
appendfsync everysec
save ""
maxmemory {{ .Values.redis.maxMemory }}
maxmemory-policy noeviction
{{- end -}}
