{{- define "tenure.name" -}}
{{ .Values.nameOverride | default .Chart.Name | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* The name of all that lies in the release's namespace. */}}
{{- define "tenure.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else if contains (include "tenure.name" .) .Release.Name }}
{{- .Release.Name | trunc 63 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "tenure.name" .) | trunc 63 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{/* The name of what lies in no namespace. No two releases have the same one, as a namespace's name has no dot. */}}
{{- define "tenure.clusterName" -}}
{{ include "tenure.fullname" . }}.{{ .Release.Namespace }}
{{- end }}

{{- define "tenure.serviceAccountName" -}}
{{ .Values.serviceAccount.name | default (include "tenure.fullname" .) }}
{{- end }}

{{- define "tenure.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/name: {{ include "tenure.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: tenure
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* What the operator's pods, and no others, are known by. */}}
{{- define "tenure.selectorLabels" -}}
app.kubernetes.io/name: {{ include "tenure.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: operator
{{- end }}

{{/* How Prometheus is told to call the release's targets. */}}
{{- define "tenure.job" -}}
{{ .Release.Namespace }}/{{ include "tenure.fullname" . }}
{{- end }}

{{- define "tenure.image" -}}
{{- with .Values.image -}}
{{ .repository }}{{ if .digest }}@{{ .digest }}{{ else }}:{{ .tag | default $.Chart.AppVersion }}{{ end }}
{{- end }}
{{- end }}

{{/* The list of the NATS servers' URLs, as JSON, or a sentence that says what is wrong with it. */}}
{{- define "tenure.natsUrls" -}}
{{- $urls := kindIs "string" .Values.nats.url | ternary (list .Values.nats.url) .Values.nats.url | compact }}
{{- if not $urls }}
{{- fail "nats.url is missing: name your NATS servers, for instance with --set nats.url=nats://nats.nats:4222" }}
{{- end }}
{{- range $urls }}
{{- if contains "@" . }}
{{- fail "nats.url must hold no user, password or token: put it into a Secret, and name that in nats.password, nats.token, nats.credentials or nats.nkey" }}
{{- else if not (regexMatch "^((nats|tls)://)?[^\\s/,]+/?$" .) }}
{{- fail (printf "nats.url: %s is not the URL of a NATS server: write for instance nats://nats.nats:4222, and several as a list" .) }}
{{- end }}
{{- end }}
{{- toJson $urls }}
{{- end }}

{{/* Which of the values exclude each other. */}}
{{- define "tenure.check" -}}
{{- $nats := .Values.nats }}
{{- $logins := list $nats.credentials.secret.name $nats.nkey.secret.name $nats.password.secret.name $nats.token.secret.name | compact }}
{{- if gt (len $logins) 1 }}
{{- fail "There can be one login to NATS: name a Secret in one of nats.credentials, nats.nkey, nats.password and nats.token" }}
{{- end }}
{{- if ne (empty $nats.user) (empty $nats.password.secret.name) }}
{{- fail "nats.user and nats.password.secret.name belong together: set both, or neither" }}
{{- end }}
{{- if and $nats.tls.ca.secret.name $nats.tls.ca.configMap.name }}
{{- fail "The CA of NATS is in a Secret or in a ConfigMap: set one of nats.tls.ca.secret.name and nats.tls.ca.configMap.name" }}
{{- end }}
{{- if and $nats.tls.first (not $nats.tls.ca.secret.name) (not $nats.tls.ca.configMap.name) (not $nats.tls.client.secret.name) }}
{{- range include "tenure.natsUrls" . | fromJsonArray }}
{{- if not (hasPrefix "tls://" .) }}
{{- fail "nats.tls.first needs TLS: write tls:// in nats.url, or name a CA or a client certificate in nats.tls" }}
{{- end }}
{{- end }}
{{- end }}
{{- if not (or .Values.serviceAccount.create .Values.serviceAccount.name) }}
{{- fail "serviceAccount.name is missing: name the service account to use, or let serviceAccount.create be true" }}
{{- end }}
{{- end }}

{{/* The files of the NATS connection: for each, the variable that gets its path, and where its content comes from. */}}
{{- define "tenure.natsFiles" -}}
{{- with .Values.nats }}
{{- with .credentials.secret }}{{ if .name }}
- {variable: TENURE_NATS_CREDENTIALS, file: nats.creds, kind: secret, name: {{ .name }}, key: {{ .key | quote }}}
{{- end }}{{ end }}
{{- with .nkey.secret }}{{ if .name }}
- {variable: TENURE_NATS_NKEY, file: nats.nk, kind: secret, name: {{ .name }}, key: {{ .key | quote }}}
{{- end }}{{ end }}
{{- with .password.secret }}{{ if .name }}
- {variable: TENURE_NATS_PASSWORD_FILE, file: password, kind: secret, name: {{ .name }}, key: {{ .key | quote }}}
{{- end }}{{ end }}
{{- with .token.secret }}{{ if .name }}
- {variable: TENURE_NATS_TOKEN_FILE, file: token, kind: secret, name: {{ .name }}, key: {{ .key | quote }}}
{{- end }}{{ end }}
{{- range $kind, $source := .tls.ca }}{{ if $source.name }}
- {variable: TENURE_NATS_TLS_CA, file: ca.crt, kind: {{ $kind }}, name: {{ $source.name }}, key: {{ $source.key | quote }}}
{{- end }}{{ end }}
{{- with .tls.client.secret }}{{ if .name }}
- {variable: TENURE_NATS_TLS_CERT, file: tls.crt, kind: secret, name: {{ .name }}, key: {{ .cert | quote }}}
- {variable: TENURE_NATS_TLS_KEY, file: tls.key, kind: secret, name: {{ .name }}, key: {{ .key | quote }}}
{{- end }}{{ end }}
{{- end }}
{{- end }}
