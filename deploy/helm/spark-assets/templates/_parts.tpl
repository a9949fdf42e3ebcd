{{/* The labels that choose the pods of one part: (dict "root" $ "part" "server") */}}
{{- define "spark-assets.chosen" -}}
app.kubernetes.io/name: {{ .root.Chart.Name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .part }}
{{- end }}

{{/* The labels of everything */}}
{{- define "spark-assets.labels" -}}
{{ include "spark-assets.chosen" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ .root.Chart.Name }}-{{ .root.Chart.Version }}
{{- end }}

{{/* The name of one part */}}
{{- define "spark-assets.name" -}}
{{ printf "%s-%s" .root.Release.Name .part | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* What leads Prometheus to a pod: the annotations that its usual configuration for Kubernetes goes by */}}
{{- define "spark-assets.scraped" -}}
{{- if .Values.metrics.enabled -}}
annotations:
  prometheus.io/scrape: "true"
  prometheus.io/port: {{ .Values.metrics.port | quote }}
  prometheus.io/path: /metrics
{{- end }}
{{- end }}

{{/* The pod of one part, but for its container's own words: (dict "root" $ "part" "server" "with" .Values.server) */}}
{{- define "spark-assets.pod" -}}
automountServiceAccountToken: false
enableServiceLinks: false # or the variables of a Service called spark-assets would be taken for settings
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  seccompProfile: {type: RuntimeDefault}
{{- with .root.Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- with .with.nodeSelector }}
nodeSelector: {{ toJson . }}
{{- end }}
{{- with .with.tolerations }}
tolerations: {{ toJson . }}
{{- end }}
{{- with .with.affinity }}
affinity: {{ toJson . }}
{{- end }}
volumes:
  - name: home
    emptyDir: {sizeLimit: {{ .with.home | default "1Gi" }}}
  - name: secrets
    secret:
      secretName: {{ .root.Values.secretName }}
      defaultMode: 0440
      items:
        - {key: database-url, path: database-url}
        - {key: signing-keys, path: signing-keys}
        - {key: encryption-keys, path: encryption-keys}
{{- end }}

{{/* The container of one part, likewise; what follows is indented as its further fields */}}
{{- define "spark-assets.container" -}}
name: {{ .part }}
image: "{{ .root.Values.image.repository }}:{{ .root.Values.image.tag | default .root.Chart.AppVersion }}"
imagePullPolicy: {{ .root.Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
resources: {{ toJson .with.resources }}
volumeMounts:
  - {name: home, mountPath: /var/lib/spark-assets}
  - {name: secrets, mountPath: /run/secrets/spark-assets, readOnly: true}
{{- with .root.Values.storage.credentialsSecret }}
envFrom:
  - secretRef: {name: {{ . }}}
{{- end }}
env:
  - {name: SPARK_ASSETS_BASE_URL, value: {{ .root.Values.baseUrl | quote }}}
  - {name: SPARK_ASSETS_STORAGE_URL, value: {{ .root.Values.storage.url | quote }}}
  {{- with .root.Values.storage.endpoint }}
  - {name: SPARK_ASSETS_S3_ENDPOINT, value: {{ . | quote }}}
  {{- end }}
  {{- with .root.Values.trustedProxies }}
  - {name: SPARK_ASSETS_TRUSTED_PROXIES, value: {{ join "," . | quote }}}
  {{- end }}
  {{- if .root.Values.migration.enabled }}
  - {name: SPARK_ASSETS_AUTO_MIGRATE, value: "false"}
  {{- end }}
  {{- if and .root.Values.metrics.enabled (ne .part "migrate") }}
  - {name: SPARK_ASSETS_METRICS_LISTEN, value: "0.0.0.0:{{ .root.Values.metrics.port }}"}
  {{- end }}
  {{- if hasKey .with "drainTimeout" }}
  - {name: SPARK_ASSETS_DRAIN_TIMEOUT, value: {{ .with.drainTimeout | quote }}}
  {{- end }}
  - {name: SPARK_ASSETS_DATABASE_URL_FILE, value: /run/secrets/spark-assets/database-url}
  - {name: SPARK_ASSETS_SIGNING_KEYS_FILE, value: /run/secrets/spark-assets/signing-keys}
  - {name: SPARK_ASSETS_ENCRYPTION_KEYS_FILE, value: /run/secrets/spark-assets/encryption-keys}
  {{- range $name, $value := .root.Values.settings }}
  {{- if and (kindIs "float64" $value) (eq (floor $value) $value) }}{{ $value = int64 $value }}{{ end }}
  - {name: SPARK_ASSETS_{{ upper $name }}, value: {{ $value | toString | quote }}}
  {{- end }}
{{- end }}
