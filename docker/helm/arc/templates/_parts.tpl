{{/* The beginning of every name: the release's own where it says "arc" already. */}}
{{- define "arc.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" }}
{{- else if contains .Chart.Name .Release.Name }}
{{- .Release.Name | trunc 40 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 40 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{/* What pods are found by; it never changes. */}}
{{- define "arc.selector" -}}
app.kubernetes.io/name: arc
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "arc.labels" -}}
{{ include "arc.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ .root.Chart.Name }}-{{ .root.Chart.Version }}
{{- end }}

{{/* Name and labels of an object that is of one tier. */}}
{{- define "arc.metadata" -}}
name: {{ .name }}
labels: {{- include "arc.labels" . | nindent 2 }}
{{- end }}

{{- define "arc.serviceAccount" -}}
{{- .Values.serviceAccount.name | default (ternary (include "arc.fullname" .) "default" .Values.serviceAccount.create) }}
{{- end }}

{{/* Of a Service. One without an address of its own is for what spreads requests over pods itself, and for their names. */}}
{{- define "arc.headless" -}}
apiVersion: v1
kind: Service
metadata:
  {{- include "arc.metadata" (merge (dict "name" (printf "%s-headless" .name)) .) | nindent 2 }}
spec:
  clusterIP: None
  selector: {{- include "arc.selector" . | nindent 4 }}
  ports: {{- .ports | nindent 4 }}
{{- end }}

{{- define "arc.podMetadata" -}}
labels:
  {{- include "arc.labels" . | nindent 2 }}
  {{- with .tier.podLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- if or .tier.podAnnotations .root.Values.secret.create }}
annotations:
  {{- if .root.Values.secret.create }}
  checksum/secret: {{ toJson .root.Values.secret | sha256sum }}
  {{- end }}
  {{- with .tier.podAnnotations }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}
{{- end }}

{{- define "arc.pod" -}}
serviceAccountName: {{ include "arc.serviceAccount" .root }}
automountServiceAccountToken: false
# Nobody here reads what Kubernetes says of Services in variables.
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: { type: RuntimeDefault }
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .tier.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .tier.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .tier.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .tier.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- if .tier.topologySpreadConstraints }}
topologySpreadConstraints: {{- toYaml .tier.topologySpreadConstraints | nindent 2 }}
{{- else if .many }}
topologySpreadConstraints:
  {{- range $key := list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
  - maxSkew: 1
    topologyKey: {{ $key }}
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels: {{- include "arc.selector" $ | nindent 8 }}
  {{- end }}
{{- end }}
{{- end }}

{{- define "arc.container" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: { drop: [ALL] }
{{- end }}

{{- define "arc.env" -}}
{{- range $name, $value := . }}
- { name: {{ $name }}, value: {{ $value | quote }} }
{{- end }}
{{- end }}

{{- define "arc.fromSecret" -}}
valueFrom: { secretKeyRef: { name: {{ .root.Values.secret.name }}, key: {{ .key }} } }
{{- end }}

{{- define "arc.claim" -}}
- apiVersion: v1
  kind: PersistentVolumeClaim
  metadata: { name: {{ .name }} }
  spec:
    accessModes: [ReadWriteOnce]
    {{- with .persistence.storageClass }}
    storageClassName: {{ . }}
    {{- end }}
    resources: { requests: { storage: {{ .persistence.size }} } }
{{- end }}

{{/* What a queue or a database is in outlives its pod, and whoever deletes the pod's owner. */}}
{{- define "arc.retention" -}}
persistentVolumeClaimRetentionPolicy: { whenDeleted: Retain, whenScaled: Retain }
{{- end }}

{{- define "arc.autoscaler" -}}
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  {{- include "arc.metadata" . | nindent 2 }}
spec:
  scaleTargetRef: { apiVersion: apps/v1, kind: {{ .kind }}, name: {{ .name }} }
  minReplicas: {{ .tier.autoscaling.minReplicas }}
  maxReplicas: {{ .tier.autoscaling.maxReplicas }}
  metrics:
    - type: Resource
      resource: { name: cpu, target: { type: Utilization, averageUtilization: {{ .tier.autoscaling.cpuPercent }} } }
  {{- if eq .kind "StatefulSet" }}
  behavior:
    # While the next hop is away queues fill and CPU falls: a pod that went then would leave its queue behind, in a volume
    # that nobody reads. So pods are taken away by hand.
    scaleDown: { selectPolicy: Disabled }
  {{- end }}
{{- end }}

{{- define "arc.budget" -}}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  {{- include "arc.metadata" . | nindent 2 }}
spec:
  maxUnavailable: 1
  # One that is not ready anyway may go: it must not keep a node from being emptied.
  unhealthyPodEvictionPolicy: AlwaysAllow
  selector:
    matchLabels: {{- include "arc.selector" . | nindent 6 }}
{{- end }}
