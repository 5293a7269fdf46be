{{/* Names are fixed: a cluster has one webhook, and its certificate, its policies and what it writes name it. */}}
{{- define "openshell.name" -}}openshell-webhook{{- end }}

{{- define "openshell.selector" -}}
app.kubernetes.io/name: openshell-webhook
{{- end }}

{{- define "openshell.labels" -}}
{{ include "openshell.selector" . }}
app.kubernetes.io/part-of: openshell
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
{{- end }}

{{/* A reference of `.image` (images.webhook or images.agent), without tag and digest. */}}
{{- define "openshell.repository" -}}
{{- with .root.Values.images.registry }}{{ trimSuffix "/" . }}/{{ end }}{{ .image.repository }}
{{- end }}

{{- define "openshell.image" -}}
{{- include "openshell.repository" . -}}
{{- if .image.digest }}@{{ .image.digest }}{{ else }}:{{ .image.tag | default .root.Chart.AppVersion }}{{ end }}
{{- end }}

{{- define "openshell.account" -}}
system:serviceaccount:{{ .Release.Namespace }}:{{ include "openshell.name" . }}
{{- end }}

{{/* "yes" where the API server evaluates ValidatingAdmissionPolicies: Kubernetes 1.30. */}}
{{- define "openshell.policies" -}}
{{- $mode := .Values.admissionPolicies.mode }}
{{- $known := semverCompare ">=1.30-0" .Capabilities.KubeVersion.Version }}
{{- if or (eq $mode "always") (and (eq $mode "auto") $known) }}yes{{ end }}
{{- end }}

{{/* Puts the policy `.name` into effect everywhere: what it concerns is in the policy itself. */}}
{{- define "openshell.binding" -}}
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata:
  name: {{ .name }}
  labels: {{- include "openshell.labels" .root | nindent 4 }}
spec:
  policyName: {{ .name }}
  validationActions: [Deny]
{{- end }}

{{/* Kubernetes' own controllers of these names, as lists of CEL; one account for all where they have none of their own. */}}
{{- define "openshell.cel.controllers" -}}
['system:kube-controller-manager'{{ range . }}, 'system:serviceaccount:kube-system:{{ . }}'{{ end }}]
{{- end }}

{{/* Our labels and annotations of the metadata in CEL `.of`, each as text "annotation KEY=VALUE"; a list. */}}
{{- define "openshell.cel.marks" -}}
{{ .of }}.?annotations.orValue({}).filter(k, k.startsWith('openshell.io/'))
  .map(k, 'annotation ' + k + '=' + {{ .of }}.annotations[k]) +
{{ .of }}.?labels.orValue({}).filter(k, k.startsWith('openshell.io/'))
  .map(k, 'label ' + k + '=' + {{ .of }}.labels[k])
{{- end }}
