{{- /* One database beside the apps: Deployment, Service, Secret and, unless its data may go with its pod, a volume. */}}
{{- /* Takes root, name, port, secret: what the apps get as environment, and container: the rest of its container. */}}
{{- define "preview.database" -}}
{{- $values := get .root.Values .name }}
{{- range list "apps" "workers" }}
  {{- if hasKey (get $.root.Values .) $.name }}
    {{- fail (printf "%s.%s: `%s.enabled` makes something of the same name" . $.name $.name) }}
  {{- end }}
{{- end }}
{{- $claims := list }}
{{- if $values.size }}{{ $claims = list .name }}{{ end }}
{{- $workload := dict "runAsUser" $values.runAsUser "claims" $claims }}
---
apiVersion: v1
kind: Secret
metadata:
  name: preview-{{ .name }}
  labels:
    {{- include "preview.labels" . | nindent 4 }}
type: Opaque
data:
  {{- range $key, $value := .secret }}
  {{ $key }}: {{ $value | b64enc }}
  {{- end }}
---
apiVersion: v1
kind: Service
metadata:
  name: {{ .name }}
  labels:
    {{- include "preview.labels" . | nindent 4 }}
spec:
  selector:
    {{- include "preview.labels" . | nindent 4 }}
  ports:
    - name: {{ .name }}
      port: {{ .port }}
      protocol: TCP
      targetPort: {{ .name }}
---
{{- /* A StatefulSet does not replace a pod that never becomes ready; a Deployment does, with the next push. */}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .name }}
  labels:
    {{- include "preview.labels" . | nindent 4 }}
spec:
  replicas: 1
  revisionHistoryLimit: 2
  {{- /* Two must never share the data. */}}
  strategy:
    type: Recreate
  selector:
    matchLabels:
      {{- include "preview.labels" . | nindent 6 }}
  template:
    metadata:
      labels:
        {{- include "preview.labels" . | nindent 8 }}
      annotations:
        checksum/secret: {{ toJson .secret | sha256sum | trunc 16 }}
    spec:
      automountServiceAccountToken: false
      enableServiceLinks: false
      terminationGracePeriodSeconds: 15
      {{- include "preview.podSecurity" (dict "root" .root "workload" $workload) | nindent 6 }}
      {{- with .root.Values.imagePullSecrets }}
      imagePullSecrets:
        {{- range . }}
        - name: {{ . | quote }}
        {{- end }}
      {{- end }}
      containers:
        - name: {{ .name }}
          image: {{ $values.image | quote }}
          ports:
            - name: {{ .name }}
              containerPort: {{ .port }}
              protocol: TCP
          envFrom:
            - secretRef:
                name: preview-{{ .name }}
          resources: {{ toJson $values.resources }}
          {{- include "preview.containerSecurity" (dict "readOnly" true) | nindent 10 }}
          volumeMounts:
            - name: data
              mountPath: /data
            - name: scratch
              mountPath: /tmp
            {{- if .config }}
            - name: config
              mountPath: /config
            {{- end }}
          {{- .container | nindent 10 }}
      volumes:
        - name: data
          {{- if $values.size }}
          persistentVolumeClaim:
            claimName: {{ .name }}
          {{- else }}
          emptyDir: {}
          {{- end }}
        - name: scratch
          emptyDir: {}
        {{- if .config }}
        - name: config
          configMap:
            name: {{ .name }}
        {{- end }}
{{- if $values.size }}
---
{{ include "preview.claim" (dict "root" .root "name" .name "claim" $values) }}
{{- end }}
{{- with .config }}
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ $.name }}
  labels:
    {{- include "preview.labels" $ | nindent 4 }}
data:
  {{- range $key, $value := . }}
  {{ $key }}: {{ $value | quote }}
  {{- end }}
{{- end }}
{{- end }}
