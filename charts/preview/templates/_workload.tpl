{{- /*
What one app or worker is made from, as JSON: its own values over those that a worker takes from its app, and the values of all.
Takes root, name, own, and of a worker's app appName and app.

Values are put together key by key: Sprig's `merge` takes `false`, 0 and "" for nothing.
*/}}
{{- define "preview.workload" -}}
{{- $all := list .root.Values (.app | default dict) .own }}
{{- $workload := pick (.app | default dict) "image" "runAsUser" "runAsNonRoot" "readOnlyRootFilesystem" }}
{{- range $key, $value := .own }}{{ $_ := set $workload $key $value }}{{ end }}
{{- $env := dict }}
{{- $files := dict }}
{{- $secrets := list }}
{{- $scratch := list }}
{{- range $all }}
  {{- range $key, $value := .env }}{{ $_ := set $env $key $value }}{{ end }}
  {{- range $path, $text := .files }}{{ $_ := set $files $path $text }}{{ end }}
  {{- $secrets = concat $secrets (.secrets | default list) }}
  {{- $scratch = concat $scratch (.scratch | default list) }}
{{- end }}
{{- if $workload.readOnlyRootFilesystem }}{{ $scratch = prepend $scratch "/tmp" }}{{ end }}
{{- $claims := list }}
{{- range $name, $volume := (.app | default dict).volumes }}
  {{- $claims = append $claims (dict "name" (printf "%s-%s" $.appName $name) "path" $volume.path) }}
{{- end }}
{{- range $name, $volume := .own.volumes }}
  {{- $claims = append $claims (dict "name" (printf "%s-%s" $.name $name) "path" $volume.path) }}
{{- end }}
{{- $_ := set $workload "env" $env }}
{{- $_ := set $workload "files" $files }}
{{- $_ := set $workload "secrets" $secrets }}
{{- $_ := set $workload "scratch" (uniq $scratch) }}
{{- $_ := set $workload "claims" $claims }}
{{- $_ := set $workload "group" (.appName | default .name) }}
{{- toJson $workload }}
{{- end }}

{{- /* The values of a worker's app. */}}
{{- define "preview.appOf" -}}
{{- $worker := .worker }}
{{- if and $worker.app (not (hasKey .root.Values.apps $worker.app)) }}
  {{- fail (printf "workers.%s.app: there is no app `%s`, only %s" .name $worker.app (keys .root.Values.apps | sortAlpha | join ", ")) }}
{{- end }}
{{- if not (or $worker.app $worker.image) }}
  {{- fail (printf "workers.%s: name its `image`, or the `app` whose image it runs" .name) }}
{{- end }}
{{- get .root.Values.apps ($worker.app | default "") | default dict | toJson }}
{{- end }}

{{- define "preview.labels" -}}
app.kubernetes.io/name: {{ .name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- end }}

{{- /* Says which app's setup was done, and everything that it depends on. Takes root, name: the app's. */}}
{{- define "preview.setupMark" -}}
{{- $app := get .root.Values.apps .name }}
{{- $workload := include "preview.workload" (dict "root" .root "name" .name "own" $app) | fromJson }}
{{- printf "%s-%s" .name (pick $workload "image" "setup" "env" "files" | toJson | sha256sum | trunc 16) }}
{{- end }}

{{- /* The same for everything that Berth renders this chart for, and nobody's guess: see docs/charts.md. */}}
{{- define "preview.password" -}}
{{- $seed := ((.root.Values.global).berth).passwordSeed | default "rendered without Berth" }}
{{- printf "%s/%s" $seed .name | sha256sum | trunc 32 }}
{{- end }}
