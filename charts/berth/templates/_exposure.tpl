{{/* The host of the webhook's URL. */}}
{{- define "berth.webhookHost" -}}
{{- .Values.expose.webhook.host | default (printf "berth.%s" .Values.previews.domain) -}}
{{- end -}}

{{/* Whether a certificate for *.<previews.domain> is one for the webhook's host too: something or nothing. */}}
{{- define "berth.isWebhookBelowPreviews" -}}
{{- $host := include "berth.webhookHost" . -}}
{{- if eq $host (printf "%s.%s" (splitList "." $host | first) .Values.previews.domain) -}}yes{{- end -}}
{{- end -}}

{{/* The Secret with the certificate for the webhook's host. */}}
{{- define "berth.webhookTlsSecret" -}}
{{- $tls := .Values.expose.ingress.tls -}}
{{- $tls.webhookSecret | default (include "berth.isWebhookBelowPreviews" . | empty | ternary "berth-webhook-tls" $tls.previewsSecret) -}}
{{- end -}}
