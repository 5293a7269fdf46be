/* SPDX-License-Identifier: Apache-2.0 */
/* denials: every reason for which a pod is refused. A code is never used for anything else, also
 * not after its reason is gone (22, 24, 25, 26). docs/denials.md is printed from this table.
 *
 * Columns: name, number, HTTP status of the answer (403: who runs the cluster forbids it, 422: the
 * pod cannot be sandboxed as it is), when it happens, what to do. No ';' in a remedy: it separates. */
#ifndef WEBHOOK_DENIALS_H
#define WEBHOOK_DENIALS_H

#include "lib/buf.h"

#define DENIALS(X)                                                                                 \
	X(NAMESPACE_UNKNOWN, 1, 403, "The namespace of the pod is not known to the webhook.",      \
	  "create it, or try again in a moment if it is new")                                      \
	X(INJECTION, 2, 403,                                                                       \
	  "The namespace's label openshell.io/injection is absent or has another value.",          \
	  "label the namespace openshell.io/injection=enabled or =annotated")                      \
	X(NAMESPACE_KEY, 3, 403,                                                                   \
	  "A label or annotation of the namespace that begins with openshell.io/ is unknown or "   \
	  "has an invalid value.",                                                                 \
	  "ask who runs the namespace to correct it")                                              \
	X(TOPOLOGY_VALUE, 4, 422, "The topology asked for does not exist.",                        \
	  "use one of combined, sidecar, proxy-pod, none")                                         \
	X(TOPOLOGY_FORBIDDEN, 5, 403,                                                              \
	  "The namespace does not allow the topology (label openshell.io/allowed; none is "        \
	  "allowed "                                                                               \
	  "only where it is listed).",                                                             \
	  "choose an allowed one, or ask who runs the namespace")                                  \
	X(TOPOLOGY_UNSUPPORTED, 6, 422, "Topology proxy-pod is not switched on in this cluster.",  \
	  "choose combined or sidecar, or ask who runs the cluster (chart: proxyPod.enabled)")     \
	X(KEY_UNKNOWN, 7, 422,                                                                     \
	  "A label or annotation of the pod that begins with openshell.io/ is not one of ours: a " \
	  "typing error must never let a pod run open.",                                           \
	  "correct or remove it")                                                                  \
	X(KEY_VALUE, 8, 422, "An annotation of ours has an invalid value.", "correct it")          \
	X(KEY_LOCKED, 9, 403,                                                                      \
	  "The namespace locks the annotation (annotation openshell.io/locked).",                  \
	  "remove it from the pod template")                                                       \
	X(KEY_OURS, 10, 403,                                                                       \
	  "The pod was submitted with a label or annotation that only OpenShell writes, and not "  \
	  "as it would be written.",                                                               \
	  "remove it from the pod template")                                                       \
	X(KEY_WITHOUT_TOPOLOGY, 11, 422,                                                           \
	  "The namespace sandboxes annotated pods only, and the pod has annotations of ours but "  \
	  "no openshell.io/topology.",                                                             \
	  "add openshell.io/topology, or remove the others to run without a sandbox")              \
	X(MALFORMED, 12, 422, "A field of the pod has the wrong type or is missing.",              \
	  "correct the manifest")                                                                  \
	X(KEY_UNSUPPORTED, 13, 422,                                                                \
	  "The annotation's value is valid but not available in this topology.",                   \
	  "remove it, or choose another topology")                                                 \
	X(HOST_NETWORK, 14, 422, "The pod shares the node's network.",                             \
	  "remove it, or drop openshell.io/topology")                                              \
	X(HOST_PID, 15, 422, "The pod shares the node's process table.",                           \
	  "remove it, or drop openshell.io/topology")                                              \
	X(HOST_IPC, 16, 422, "The pod shares the node's IPC namespace.",                           \
	  "remove it, or drop openshell.io/topology")                                              \
	X(PRIVILEGED, 17, 422, "A container is privileged: it could leave any sandbox.",           \
	  "remove privileged")                                                                     \
	X(WINDOWS, 18, 422, "The pod is for Windows nodes.", "only Linux pods can be sandboxed")   \
	X(SHARED_PROCESSES, 19, 422, "The containers share one process table.",                    \
	  "remove shareProcessNamespace, or choose sidecar")                                       \
	X(NO_COMMAND, 20, 422,                                                                     \
	  "The container has no command, so what its image would start is not known.",             \
	  "set command, or the annotation openshell.io/command, to the image's entrypoint")        \
	X(MANY_CONTAINERS, 21, 422, "Topology combined confines exactly one container.",           \
	  "split the pod, or choose sidecar")                                                      \
	X(EPHEMERAL_CONTAINER, 23, 422,                                                            \
	  "An ephemeral container would stand beside the sandbox, or a pod is asked for "          \
	  "something that this version does not know.",                                            \
	  "debug by kubectl exec, or in a copy of the pod (docs/threat-model.md)")                 \
	X(MESH, 27, 422, "A service mesh wants to put its own proxy into the pod.",                \
	  "switch the mesh off for this pod (sidecar.istio.io/inject: false, "                     \
	  "linkerd.io/inject: disabled)")                                                          \
	X(HOST_PATH, 28, 422,                                                                      \
	  "A hostPath volume is writable, or shows the node's system or container runtime.",       \
	  "use another kind of volume, or mount a harmless folder readOnly")                       \
	X(VOLUME_DEVICE, 29, 422, "A container uses a raw block device.",                          \
	  "use a volume with a file system")                                                       \
	X(PROC_MOUNT, 30, 422, "A container asks for an unmasked /proc.", "remove procMount")      \
	X(CAPABILITY, 31, 422, "A container adds capabilities, which the sandbox takes away.",     \
	  "remove capabilities.add")                                                               \
	X(RESERVED_NAME, 32, 422,                                                                  \
	  "The name of a container or volume begins with openshell-, or is used but not ours.",    \
	  "rename it")                                                                             \
	X(RESERVED_PATH, 33, 422,                                                                  \
	  "A path lies in, or covers, a folder that belongs to the sandbox.", "use another path")  \
	X(MOUNT_PROPAGATION, 34, 422, "A mount would change the node's mounts.",                   \
	  "remove mountPropagation: Bidirectional")                                                \
	X(MOUNT_PATH, 35, 422,                                                                     \
	  "A mount path is not absolute, contains '..' or has 20 parts or more.",                  \
	  "write the plain absolute path, and a shorter one")                                      \
	X(ENVIRONMENT, 36, 422,                                                                    \
	  "A variable begins with OPENSHELL_: these are cleared and configure nothing.",           \
	  "remove it, configuration is by annotation")                                             \
	X(IDENTITY, 37, 422, "The sandbox user is invalid, or is the proxy's.",                    \
	  "choose valid ids that differ (openshell.io/run-as-user, openshell.io/proxy-uid)")       \
	X(COMMAND, 38, 422, "The command to run is empty, or is the agent itself.",                \
	  "name the program to run")                                                               \
	X(TAMPERED, 39, 403,                                                                       \
	  "The pod has pieces of a sandbox, but not as this version renders them for it.",         \
	  "submit the pod as written by its author, and keep other webhooks away from "            \
	  "OpenShell's containers and volumes")                                                    \
	X(TOO_LARGE, 40, 422, "The rewritten pod would be too large.",                             \
	  "shorten command and environment")                                                       \
	X(MOUNT_NESTED, 41, 422,                                                                   \
	  "A volume that may hold programs is mounted inside one that may be written: the "        \
	  "workload could put a link in its way, and at the next start it would be mounted where " \
	  "that leads, over the agent for example.",                                               \
	  "mount each in a folder of its own")                                                     \
	X(PORT_PROTOCOL, 42, 422,                                                                  \
	  "A port cannot be let into the sandbox: SCTP, or more ports than it can have.",          \
	  "declare TCP and UDP ports only, at most 64")                                            \
	X(NATIVE_SIDECAR, 43, 422,                                                                 \
	  "An init container runs on beside the workload (restartPolicy: Always): topology "       \
	  "combined confines one container at a time.",                                            \
	  "remove restartPolicy from the init container, or choose sidecar")                       \
	X(PROBE_HOST, 44, 422,                                                                     \
	  "A probe or hook would send the node to another host than the pod.", "remove its host")  \
	X(POD_SECURITY, 45, 403,                                                                   \
	  "The namespace enforces a level of PodSecurity that refuses the capabilities which "     \
	  "building the sandbox takes.",                                                           \
	  "use a namespace that enforces privileged, or choose proxy-pod where it is switched on") \
	X(PORT_OURS, 46, 422,                                                                      \
	  "A port is one of the sandbox's own: 3128, 15001 to 15008, 15053, 15090.",               \
	  "let the workload use another one")                                                      \
	X(HOST_PORT, 47, 422, "A container takes a port of the node.",                             \
	  "remove hostPort and use a Service")                                                     \
	X(RUNTIME_CLASS, 48, 422,                                                                  \
	  "The RuntimeClass has a kernel of its own (gVisor, Kata), which the workload's root "    \
	  "could change, and not all that the sandbox is built of.",                               \
	  "use another RuntimeClass, or choose proxy-pod where it is switched on")                 \
	X(NOT_AS_RENDERED, 50, 403,                                                                \
	  "Something changed the pod after it was rewritten, and it was not rewritten again.",     \
	  "keep other webhooks away from sandboxed pods, or give their configuration a name that " \
	  "sorts before openshell-webhook")                                                        \
	X(KEY_CHANGED, 51, 403,                                                                    \
	  "A label, annotation or scheduling gate that begins with openshell.io/ would come, go "  \
	  "or change on a pod that exists: its sandbox was built when it began.",                  \
	  "change the pod template, which makes a new pod")                                        \
	X(CONTAINER_OURS, 53, 403,                                                                 \
	  "In a sandboxed pod a command or terminal was asked for in a container that is "         \
	  "OpenShell's own, or is none that it confines.",                                         \
	  "name one of the pod's own containers (kubectl exec -c NAME)")                           \
	X(EXEC_OUTSIDE, 54, 403,                                                                   \
	  "A command would start beside the sandbox: something changed it after it was taken in.", \
	  "keep other webhooks away from pods/exec")                                               \
	X(POD_UNKNOWN, 55, 403,                                                                    \
	  "Whether the pod of an exec or attach is sandboxed could not be learnt from the API "    \
	  "server.",                                                                               \
	  "try again, and ask who runs the cluster to see that the webhook may get pods")          \
	X(POLICY, 56, 422, "A ConfigMap that is labelled as a policy is none.",                    \
	  "correct the policy (docs/policy.md), or remove the label openshell.io/policy")          \
	X(IMAGE_NAME, 70, 422, "The image of a container has no name that a runtime takes.",       \
	  "correct it")                                                                            \
	X(IMAGE_VOLUME, 71, 422,                                                                   \
	  "The image says itself (VOLUME) that something is mounted where a link of the image "    \
	  "could lead the runtime over the agent.",                                                \
	  "mount a volume of the pod (emptyDir) at exactly that path, or use an image without it") \
	X(IMAGE_UNKNOWN, 72, 422,                                                                  \
	  "The cluster asks that each image be looked up before it runs, and this one was not.",   \
	  "try again, and ask who runs the cluster whether the webhook may ask that registry")     \
	X(IMAGE_CHANGED, 73, 403,                                                                  \
	  "A pod that exists would get another image, which nobody has looked up.",                \
	  "change the pod template, which makes a new pod")                                        \
	/* 80 to 84 by the API server itself: charts/openshell/templates/policies. */              \
	X(API_UNLABELLED, 80, 403,                                                                 \
	  "A pod or template has keys that begin with openshell.io/, and its namespace has no "    \
	  "label openshell.io/injection: it would run without a sandbox.",                         \
	  "label the namespace openshell.io/injection=annotated or =enabled, or remove the keys")  \
	X(API_UNSANDBOXED, 81, 403,                                                                \
	  "A pod that is to be sandboxed is not: the webhook was not asked, or something changed " \
	  "the pod after it.",                                                                     \
	  "look whether MutatingWebhookConfiguration openshell-webhook is there (helm upgrade "    \
	  "brings it back), and keep other webhooks away from OpenShell's containers and volumes") \
	X(API_COMPANION, 82, 403,                                                                  \
	  "An object belongs to a pair of topology proxy-pod (os-sup-, os-svc-, os-ca-, os-eg-, "  \
	  "os-ing- and a pod's UID, openshell-agent-closed), which the webhook writes, and "       \
	  "nothing else.",                                                                         \
	  "delete the pod that it is for: it goes with it")                                        \
	X(API_NAMESPACE_KEY, 83, 403,                                                              \
	  "A label or annotation of a namespace that begins with openshell.io/ is mistyped or "    \
	  "has an invalid value.",                                                                 \
	  "use the labels openshell.io/injection (enabled, annotated), openshell.io/topology and " \
	  "openshell.io/allowed, and the annotations openshell.io/locked and openshell.io/policy") \
	X(API_ADMINS, 84, 403,                                                                     \
	  "Only the groups of the chart's value admins may change what of a namespace begins "     \
	  "with openshell.io/.",                                                                   \
	  "ask one of them")                                                                       \
	X(KUBERNETES_VERSION, 85, 422,                                                             \
	  "Topology sidecar takes init containers that run on, which Kubernetes has since 1.29, "  \
	  "and this one is older, or its version is not known.",                                   \
	  "choose combined, or tell the webhook with --kubernetes-version")                        \
	X(ROOT, 86, 422,                                                                           \
	  "A container wants to be root: topologies sidecar and proxy-pod run it as a user that "  \
	  "is not.",                                                                               \
	  "set runAsUser or openshell.io/run-as-user to another user, or choose combined")         \
	X(PRIVILEGE_ESCALATION, 87, 422,                                                           \
	  "A container wants to gain privileges (allowPrivilegeEscalation: true).",                \
	  "remove allowPrivilegeEscalation")                                                       \
	X(PROCESSES_NOT_SHARED, 88, 422,                                                           \
	  "The proxy cannot see which program connects where shareProcessNamespace is false.",     \
	  "remove it, or set openshell.io/binary-identity: relaxed")                               \
	X(USER_NAMESPACE, 89, 422, "With hostUsers: false a pod has the ids up to 65535 only.",    \
	  "choose smaller ids (runAsUser, openshell.io/run-as-user, openshell.io/proxy-uid)")      \
	X(NAMES_LOCKED, 90, 403,                                                                   \
	  "The namespace locks the policy, and the pod would decide itself where the names in it " \
	  "lead.",                                                                                 \
	  "use a Service or DNS, or ask who runs the namespace")                                   \
	X(PAIRED_VERSION, 100, 422,                                                                \
	  "Topology proxy-pod takes scheduling gates, which Kubernetes has since 1.30, and this "  \
	  "one is older, or its version is not known.",                                            \
	  "choose combined or sidecar, or tell the webhook with --kubernetes-version")             \
	X(NODE_NAME, 101, 422,                                                                     \
	  "The pod names its node: it would pass by the scheduler, and so by the gate that keeps " \
	  "it from starting before its network is closed.",                                        \
	  "use nodeSelector or affinity")                                                          \
	X(PAIR_SECRET, 102, 403,                                                                   \
	  "A pod asks for a Secret whose name begins with os-ca-: it holds the key of a proxy's "  \
	  "authority, and is the proxy's alone.",                                                  \
	  "name another Secret")                                                                   \
	X(SUPERVISOR, 103, 403,                                                                    \
	  "What says that it is the proxy of an agent pod (label openshell.io/sandbox-role: "      \
	  "supervisor), and would be let out by that pod's fence, is not what OpenShell makes "    \
	  "for it.",                                                                               \
	  "remove the label, as OpenShell's controller alone makes proxies")                       \
	X(SUPERVISOR_UNKNOWN, 104, 403,                                                            \
	  "The agent pod that a proxy is for could not be learnt from the API server.",            \
	  "it is tried again by itself, ask who runs the cluster to see that the webhook may get " \
	  "pods")                                                                                  \
	X(POLICY_OPENS, 105, 403,                                                                  \
	  "A NetworkPolicy would let traffic out of or into agent pods of topology proxy-pod, "    \
	  "beside what their own policies let through: policies only ever add up.",                \
	  "add to podSelector.matchExpressions {key: openshell.io/sandbox-role, operator: NotIn, " \
	  "values: [agent]}")                                                                      \
	X(CREDENTIALS_GROUP, 121, 422,                                                             \
	  "The pod has an fsGroup, and its containers could read the credentials of the "          \
	  "network's "                                                                             \
	  "own proxy, which topology combined has in them.",                                       \
	  "remove spec.securityContext.fsGroup, or choose sidecar or proxy-pod")

enum denial {
#define DENIAL_ENUM(name, number, status, when, remedy) DENIAL_##name,
	DENIALS(DENIAL_ENUM)
#undef DENIAL_ENUM
		DENIAL_COUNT,
};

struct denial_text {
	char code[8]; /* "OSW014" */
	int status;
	const char *when;
	const char *remedy;
};

const struct denial_text *denial_text(enum denial denial);

/* The table as a page of documentation (Markdown). */
void denials_markdown(struct buf *out);

#endif
