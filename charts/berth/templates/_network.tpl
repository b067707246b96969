{{/* What network policies have in common. */}}

{{/* A selector for every pod of the release, that of `helm test` too. */}}
{{- define "berth.ownPods" -}}
matchLabels:
  app.kubernetes.io/name: berth
  app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{/* Names; OpenShift's resolvers listen on 5353 behind their Service. */}}
{{- define "berth.toResolvers" -}}
- ports:
    - { port: 53, protocol: UDP }
    - { port: 53, protocol: TCP }
    - { port: 5353, protocol: UDP }
    - { port: 5353, protocol: TCP }
  to: {{- toYaml .Values.networkPolicies.resolvers | nindent 4 }}
{{- end -}}

{{- define "berth.toRedis" -}}
{{- if .Values.redis.enabled -}}
- ports: [{ port: 6379 }]
  to:
    - podSelector:
        matchLabels: {{- include "berth.selectorLabels" (dict "root" . "component" "redis") | nindent 10 }}
{{- else -}}
# Redis elsewhere; a cluster's nodes name their own ports.
{{ include "berth.toEverywhere" .Values.networkPolicies.internal }}
{{- end -}}
{{- end -}}

{{/*
By port alone: an API server is a pod of the host's network, which network plugins match by no selector and some by no range
of addresses. No metadata service listens there.
*/}}
{{- define "berth.toApiServer" -}}
- ports:
    {{- range .Values.networkPolicies.apiServerPorts }}
    - { port: {{ . }} }
    {{- end }}
{{- end -}}

{{/* Every address but those of clouds' metadata services, and more peers, which this takes. */}}
{{- define "berth.toEverywhere" -}}
- to:
    - ipBlock:
        cidr: 0.0.0.0/0
        except: [169.254.0.0/16, 168.63.129.16/32, 192.0.0.0/24]
    - ipBlock:
        cidr: ::/0
        except: [fe80::/10, fd00:ec2::254/128, fd20:ce::254/128]
    {{- with . }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end -}}

{{/* Public addresses, as BERTH_EGRESS=internet has them for previews, and more peers, which this takes. */}}
{{- define "berth.toInternet" -}}
- to:
    - ipBlock:
        cidr: 0.0.0.0/0
        except:
          - 10.0.0.0/8
          - 172.16.0.0/12
          - 192.168.0.0/16
          - 100.64.0.0/10
          - 198.18.0.0/15
          - 240.0.0.0/4
          - 169.254.0.0/16
          - 168.63.129.16/32
          - 192.0.0.0/24
    - ipBlock:
        cidr: ::/0
        except: [fc00::/7, fe80::/10, '64:ff9b::/96', '64:ff9b:1::/48', '2002::/16']
    {{- with . }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end -}}
