{{- /* The pod of an app or worker. Takes root, name, workload; of a worker whose app has a setup, awaits: its mark. */}}
{{- define "preview.pod" -}}
{{- $root := .root }}
{{- $workload := .workload }}
{{- $values := .root.Values }}
metadata:
  labels:
    {{- include "preview.labels" . | nindent 4 }}
    app.kubernetes.io/part-of: {{ $workload.group }}
  {{- /* A pod reads them once, when it starts. */}}
  {{- if or $workload.files $values.postgres.enabled $values.redis.enabled }}
  annotations:
    {{- if $workload.files }}
    checksum/files: {{ toJson $workload.files | sha256sum | trunc 16 }}
    {{- end }}
    {{- range $name := include "preview.databases" $root | fromJsonArray }}
    checksum/{{ $name }}: {{ include "preview.password" (dict "root" $root "name" $name) | sha256sum | trunc 16 }}
    {{- end }}
  {{- end }}
spec:
  automountServiceAccountToken: false
  {{- /* What Kubernetes makes of a Service `redis` is REDIS_PORT=tcp://…, which is not what programs take it for. */}}
  enableServiceLinks: false
  terminationGracePeriodSeconds: 10
  {{- include "preview.podSecurity" . | nindent 2 }}
  {{- if $workload.claims }}
  {{- /* A volume is on one node at a time: where the app's pods are, also while a new one takes over. */}}
  affinity:
    podAffinity:
      requiredDuringSchedulingIgnoredDuringExecution:
        - topologyKey: kubernetes.io/hostname
          labelSelector:
            matchLabels:
              app.kubernetes.io/part-of: {{ $workload.group }}
              app.kubernetes.io/instance: {{ $root.Release.Name }}
  {{- end }}
  {{- with $values.imagePullSecrets }}
  imagePullSecrets:
    {{- range . }}
    - name: {{ . | quote }}
    {{- end }}
  {{- end }}
  {{- if or $workload.setup $values.postgres.enabled $values.redis.enabled }}
  initContainers:
    {{- if $values.postgres.enabled }}
    {{- include "preview.awaitPostgres" (dict "root" $root "mark" .awaits) | nindent 4 }}
    {{- end }}
    {{- if $values.redis.enabled }}
    {{- include "preview.awaitRedis" $root | nindent 4 }}
    {{- end }}
    {{- if $workload.setup }}
    - name: setup
      command: {{ toJson $workload.setup }}
      {{- include "preview.container" . | nindent 6 }}
    {{- if $values.postgres.enabled }}
    {{- include "preview.markSetup" (dict "root" $root "mark" (include "preview.setupMark" (dict "root" $root "name" .name))) | nindent 4 }}
    {{- end }}
    {{- end }}
  {{- end }}
  containers:
    - name: {{ .name }}
      {{- with $workload.command }}
      command: {{ toJson . }}
      {{- end }}
      {{- with $workload.args }}
      args: {{ toJson . }}
      {{- end }}
      {{- if $workload.port }}
      ports:
        - name: app
          containerPort: {{ $workload.port | int }}
          protocol: TCP
        {{- range $name, $port := $workload.extraPorts }}
        - name: {{ $name }}
          containerPort: {{ $port | int }}
          protocol: TCP
        {{- end }}
      {{- end }}
      {{- include "preview.probes" $workload | nindent 6 }}
      {{- include "preview.container" . | nindent 6 }}
  {{- if or $workload.files $workload.scratch $workload.claims }}
  volumes:
    {{- if $workload.files }}
    - name: files
      configMap:
        name: {{ .name }}-files
        {{- /* 0555: some are programs. */}}
        defaultMode: 365
    {{- end }}
    {{- if $workload.scratch }}
    - name: scratch
      emptyDir: {}
    {{- end }}
    {{- range $workload.claims }}
    - name: {{ .name }}
      persistentVolumeClaim:
        claimName: {{ .name }}
    {{- end }}
  {{- end }}
{{- end }}

{{- /* What an app's containers have in common: image, environment, mounts, resources. */}}
{{- define "preview.container" -}}
{{- $workload := .workload -}}
image: {{ $workload.image | quote }}
{{- $databases := include "preview.databases" .root | fromJsonArray }}
{{- if or $databases $workload.secrets }}
envFrom:
  {{- range $databases }}
  - secretRef:
      name: preview-{{ . }}
  {{- end }}
  {{- range $workload.secrets }}
  - secretRef:
      {{- if kindIs "string" . }}
      name: {{ . | quote }}
      {{- else }}
      name: {{ .name | quote }}
      optional: {{ .optional | default false }}
      {{- end }}
  {{- end }}
{{- end }}
{{- if or $workload.port $workload.env }}
env:
  {{- if and $workload.port (not (hasKey $workload.env "PORT")) }}
  - name: PORT
    value: {{ $workload.port | int | quote }}
  {{- end }}
  {{- range $key, $value := $workload.env }}
  - name: {{ $key | quote }}
    {{- if kindIs "map" $value }}
    valueFrom:
      secretKeyRef:
        name: {{ dir $value.secret | quote }}
        key: {{ base $value.secret | quote }}
        optional: {{ $value.optional | default false }}
    {{- else }}
    value: {{ kindIs "string" $value | ternary $value (toJson $value) | quote }}
    {{- end }}
  {{- end }}
{{- end }}
{{- with $workload.resources }}
resources: {{ toJson . }}
{{- end }}
{{- if or $workload.files $workload.scratch $workload.claims }}
volumeMounts:
  {{- range $path, $text := $workload.files }}
  - name: files
    mountPath: {{ $path | quote }}
    subPath: {{ include "preview.fileKey" $path }}
    readOnly: true
  {{- end }}
  {{- range $workload.scratch }}
  - name: scratch
    mountPath: {{ . | quote }}
    subPath: {{ include "preview.fileKey" . }}
  {{- end }}
  {{- range $workload.claims }}
  - name: {{ .name }}
    mountPath: {{ .path | quote }}
  {{- end }}
{{- end }}
{{ include "preview.containerSecurity" (dict "readOnly" ($workload.readOnlyRootFilesystem | default false)) }}
{{- end }}

{{- /* A path as the key of a ConfigMap, or the name of a folder. */}}
{{- define "preview.fileKey" -}}
{{ sha256sum . | trunc 16 }}
{{- end }}

{{- define "preview.databases" -}}
{{- $names := list }}
{{- if .Values.postgres.enabled }}{{ $names = append $names "postgres" }}{{ end }}
{{- if .Values.redis.enabled }}{{ $names = append $names "redis" }}{{ end }}
{{- toJson $names }}
{{- end }}
