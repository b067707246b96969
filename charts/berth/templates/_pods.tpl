{{/* The Deployments that there are, by component: which roles each has, and its values. JSON. */}}
{{- define "berth.deployments" -}}
{{- if .Values.together.enabled -}}
{{- dict "all" (dict "roles" (list "server" "worker" "gateway" "sweep") "values" .Values.together) | toJson -}}
{{- else -}}
{{- $all := dict -}}
{{- range $role := list "server" "worker" "gateway" "sweep" -}}
{{- $_ := set $all $role (dict "roles" (list $role) "values" (get $.Values $role)) -}}
{{- end -}}
{{- $all | toJson -}}
{{- end -}}
{{- end -}}

{{/* The name of a Deployment, and of what belongs to it. Takes (dict "root" $ "component" "worker"). */}}
{{- define "berth.deploymentName" -}}
{{ include "berth.fullname" .root }}{{ if ne .component "all" }}-{{ .component }}{{ end }}
{{- end -}}

{{/* Half of a memory limit, in MiB, for Node's heap: the rest is for what it has outside, and for the programs it runs. */}}
{{- define "berth.heapMegabytes" -}}
{{- $amount := include "berth.text" . -}}
{{- $number := regexFind "^[0-9.]+" $amount | float64 -}}
{{- $factor := get (dict "Ki" 0.0009765625 "Mi" 1.0 "Gi" 1024.0 "Ti" 1048576.0 "k" 0.00095367431640625 "M" 0.95367431640625 "G" 953.67431640625 "" 0.00000095367431640625) (regexFind "[A-Za-z]*$" $amount) -}}
{{- mulf $number $factor 0.5 | floor | int -}}
{{- end -}}

{{/* How a container of this release is confined. */}}
{{- define "berth.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end -}}

{{/* How a pod of this release is confined. */}}
{{- define "berth.podSecurity" -}}
runAsNonRoot: true
{{- range $field := list "runAsUser" "runAsGroup" "fsGroup" }}
{{- with get $.Values.pods $field }}
{{ $field }}: {{ int64 . }}
{{- end }}
{{- end }}
fsGroupChangePolicy: OnRootMismatch
seccompProfile: { type: RuntimeDefault }
{{- end -}}

{{/* The time in seconds that work may take to end. */}}
{{- define "berth.shutdownSeconds" -}}
{{- include "berth.seconds" (.Values.config.SHUTDOWN_TIMEOUT | default "25s") -}}
{{- end -}}

{{/* A pod. Takes (dict "root" $ "component" "worker" "roles" (list "worker") "values" .Values.worker). */}}
{{- define "berth.pod" -}}
{{- $root := .root -}}
{{- $values := .values -}}
{{- $pods := $root.Values.pods -}}
{{- $takesRequests := or (has "server" .roles) (has "gateway" .roles) -}}
metadata:
  labels:
    {{- include "berth.selectorLabels" . | nindent 4 }}
    berth.dev/program: berth
    {{- range .roles }}
    berth.dev/role-{{ . }}: "true"
    {{- end }}
    {{- with merge (dict) $values.podLabels $pods.labels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  annotations:
    # Pods start anew when what they read at their start has changed.
    checksum/config: {{ include "berth.variables" $root | sha256sum }}
    {{- if not $root.Values.github.existingSecret }}
    checksum/github: {{ toJson $root.Values.github | sha256sum }}
    {{- end }}
    {{- with merge (dict) $values.podAnnotations $pods.annotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "berth.deploymentName" . }}
  {{- with $root.Values.image.pullSecrets }}
  imagePullSecrets: {{- toYaml . | nindent 4 }}
  {{- end }}
  securityContext: {{- include "berth.podSecurity" $root | nindent 4 }}
  enableServiceLinks: false
  # The pause before it ends, the time for what runs, the ten seconds after which Berth ends whatever happens, and a little.
  terminationGracePeriodSeconds: {{ add (include "berth.shutdownSeconds" $root | int) 10 ($takesRequests | ternary 5 0) 5 }}
  {{- with $values.priorityClassName | default $pods.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  {{- with merge (dict) $values.nodeSelector $pods.nodeSelector }}
  nodeSelector: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with concat $values.tolerations $pods.tolerations }}
  tolerations: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $values.affinity | default $pods.affinity }}
  affinity: {{- toYaml . | nindent 4 }}
  {{- end }}
  topologySpreadConstraints:
  {{- with $values.topologySpreadConstraints | default $pods.topologySpreadConstraints }}
    {{- toYaml . | nindent 4 }}
  {{- else }}
    - maxSkew: 1
      topologyKey: kubernetes.io/hostname
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels: {{- include "berth.selectorLabels" . | nindent 10 }}
  {{- end }}
  containers:
    - name: berth
      image: {{ include "berth.image" $root }}
      imagePullPolicy: {{ $root.Values.image.pullPolicy }}
      securityContext: {{- include "berth.containerSecurity" $root | nindent 8 }}
      envFrom:
        - configMapRef: { name: {{ include "berth.fullname" $root }} }
      env:
        - name: BERTH_ROLES
          value: {{ join "," .roles }}
        {{- with dig "limits" "memory" "" $values.resources }}
        - name: NODE_OPTIONS
          value: --max-old-space-size={{ include "berth.heapMegabytes" . }}
        {{- end }}
        {{- include "berth.secretEnv" . | trim | nindent 8 }}
        {{- with concat $values.env $pods.env }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      ports:
        {{- if has "server" .roles }}
        - { name: webhook, containerPort: 8080, protocol: TCP }
        {{- end }}
        {{- if has "gateway" .roles }}
        - { name: gateway, containerPort: 8081, protocol: TCP }
        {{- end }}
        - { name: operations, containerPort: 9090, protocol: TCP }
      startupProbe:
        httpGet: { path: /healthz, port: operations }
        periodSeconds: 1
        timeoutSeconds: 2
        failureThreshold: 300
      # Whether the process answers at all. That Redis is away is no reason to end it.
      livenessProbe:
        httpGet: { path: /healthz, port: operations }
        periodSeconds: 10
        timeoutSeconds: 5
        failureThreshold: 6
      readinessProbe:
        # Previews are served while Redis is away.
        httpGet: { path: {{ has "gateway" .roles | ternary "/readyz/roles" "/readyz" }}, port: operations }
        periodSeconds: 5
        timeoutSeconds: 3
        failureThreshold: 2
      {{- if $takesRequests }}
      lifecycle:
        preStop:
          # Until everybody knows that the pod is on its way out, requests still come.
          exec: { command: [node, -e, "setTimeout(Boolean, 5000)"] }
      {{- end }}
      resources: {{- toYaml $values.resources | nindent 8 }}
      volumeMounts:
        - { name: data, mountPath: /var/lib/berth }
        {{- include "berth.secretMounts" . | trim | nindent 8 }}
        {{- with concat $values.volumeMounts $pods.volumeMounts }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
  volumes:
    - name: data
      emptyDir: {{- pick $values.data "sizeLimit" "medium" | toYaml | nindent 8 }}
    {{- include "berth.secretVolumes" . | nindent 4 }}
    {{- with concat $values.volumes $pods.volumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end -}}
