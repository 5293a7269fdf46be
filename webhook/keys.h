/* SPDX-License-Identifier: Apache-2.0 */
/* keys: the labels and annotations that are the contract with users (docs/annotations.md). */
#ifndef WEBHOOK_KEYS_H
#define WEBHOOK_KEYS_H

#define KEY_PREFIX "openshell.io/"

/* Labels of a namespace. KEY_TOPOLOGY is one there, and an annotation on a pod. */
#define KEY_INJECTION KEY_PREFIX "injection"
#define KEY_ALLOWED KEY_PREFIX "allowed"
/* Annotation of a namespace; so is KEY_POLICY. */
#define KEY_LOCKED KEY_PREFIX "locked"

/* Annotations that users write on a pod template. */
#define KEY_TOPOLOGY KEY_PREFIX "topology"
#define KEY_POLICY KEY_PREFIX "policy"
#define KEY_COMMAND KEY_PREFIX "command"
#define KEY_RUN_AS_USER KEY_PREFIX "run-as-user"
#define KEY_RUN_AS_GROUP KEY_PREFIX "run-as-group"
#define KEY_PROXY_UID KEY_PREFIX "proxy-uid"
#define KEY_BINARY_IDENTITY KEY_PREFIX "binary-identity"
#define KEY_PROCESS_ENFORCEMENT KEY_PREFIX "process-enforcement"
#define KEY_PROXY_AFFINITY KEY_PREFIX "proxy-affinity"
#define KEY_RUNTIME_CLASS KEY_PREFIX "runtime-class"
#define KEY_INBOUND_PORTS KEY_PREFIX "inbound-ports"
#define KEY_KEEP_TOKEN KEY_PREFIX "keep-service-account-token"

/* What only we write: annotations, then labels. */
#define KEY_STATUS KEY_PREFIX "status"
#define KEY_PROXY_URL KEY_PREFIX "proxy-url"
#define KEY_PROXY_CA KEY_PREFIX "proxy-ca"
#define KEY_SANDBOX_ROLE KEY_PREFIX "sandbox-role"
#define KEY_SANDBOX_ID KEY_PREFIX "sandbox-id"

/* Other people's keys that matter here. */
#define KEY_MANAGED "app.kubernetes.io/managed-by"
#define KEY_OPENSHIFT_UID_RANGE "openshift.io/sa.scc.uid-range"
#define KEY_POD_SECURITY "pod-security.kubernetes.io/enforce"
#define KEY_MIRROR_POD "kubernetes.io/config.mirror"

#endif
