{{/* The pod of a Collector: root, component, tier, configs, ports, env, first (seconds before it asks whether its queue
     is empty), queue (whether it has one on disk). */}}
{{- define "arc.collector" -}}
{{- include "arc.pod" (merge (dict "many" true) .) }}
terminationGracePeriodSeconds: {{ add .first (.tier.drainSeconds | default 0) 30 }}
containers:
  - name: collector
    image: {{ .root.Values.collector.image }}
    imagePullPolicy: {{ .root.Values.collector.imagePullPolicy }}
    {{- include "arc.container" . | nindent 4 }}
    args:
      {{- range .configs }}
      - --config={{ hasPrefix "/" . | ternary "" "/etc/arc/" }}{{ . }}
      {{- end }}
    ports:
      {{- with .ports }}
      {{- . | nindent 6 }}
      {{- end }}
      - { name: metrics, containerPort: 8888 }
      - { name: health, containerPort: 13133 }
    env:
      - { name: COLLECTOR_HEALTH, value: "0.0.0.0:13133" }
      - { name: COLLECTOR_METRICS_HOST, value: "0.0.0.0" }
      {{- .env | nindent 6 }}
      {{- with .tier.env }}
      {{- include "arc.env" . | nindent 6 }}
      {{- end }}
    {{- with .tier.envFrom }}
    envFrom: {{- toYaml . | nindent 6 }}
    {{- end }}
    startupProbe:
      httpGet: { path: /, port: health }
      periodSeconds: 2
      failureThreshold: 30
    livenessProbe:
      httpGet: { path: /, port: health }
      periodSeconds: 10
      timeoutSeconds: 5
      failureThreshold: 6
    readinessProbe:
      httpGet: { path: /, port: health }
      periodSeconds: 5
    {{- if .queue }}
    lifecycle:
      # Senders hear first that it goes; then what waits goes on, for drainSeconds at most.
      preStop: { exec: { command: [arc-drain, "{{ .first }}", "{{ .tier.drainSeconds }}"] } }
    {{- end }}
    resources: {{- toYaml .tier.resources | nindent 6 }}
    volumeMounts:
      {{- if .queue }}
      - { name: queue, mountPath: /var/lib/otelcol }
      {{- end }}
      - { name: tmp, mountPath: /tmp }
      {{- with .tier.volumeMounts }}
      {{- toYaml . | nindent 6 }}
      {{- end }}
volumes:
  - { name: tmp, emptyDir: {} }
  {{- with .tier.volumes }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}

{{/* A StatefulSet of them, because each has a queue on disk, to which it comes back. */}}
{{- define "arc.collectors" -}}
apiVersion: apps/v1
kind: StatefulSet
metadata:
  {{- include "arc.metadata" . | nindent 2 }}
spec:
  serviceName: {{ .name }}-headless
  {{- if not (dig "autoscaling" "enabled" false .tier) }}
  replicas: {{ .tier.replicas }}
  {{- end }}
  podManagementPolicy: Parallel
  {{- include "arc.retention" . | nindent 2 }}
  selector:
    matchLabels: {{- include "arc.selector" . | nindent 6 }}
  template:
    metadata: {{- include "arc.podMetadata" . | nindent 6 }}
    spec:
      {{- include "arc.collector" (merge (dict "queue" true) .) | nindent 6 }}
  volumeClaimTemplates:
    {{- include "arc.claim" (dict "name" "queue" "persistence" .tier.persistence) | nindent 4 }}
{{- end }}
