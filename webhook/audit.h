/* SPDX-License-Identifier: Apache-2.0 */
/* audit: whether a pod that exists runs in the sandbox that its namespace asks for. Pure: it is judged by the rule
 * that /validate has for new pods. Codes are of the same row as those of denials.h, and never used again. */
#ifndef WEBHOOK_AUDIT_H
#define WEBHOOK_AUDIT_H

#include "lib/json.h"
#include "webhook/handler.h"

/* Name, code, word, what is the case, what to do. */
#define AUDIT_REASONS(X)                                                                           \
	X(UNSANDBOXED, "OSW060", "unsandboxed",                                                    \
	  "The namespace asks for a sandbox, and the pod has none: it is older than the "          \
	  "namespace's label, or was created while the API server did not ask the webhook.",       \
	  "delete the pod, or restart what made it, so that it is created anew")                   \
	X(STATIC, "OSW061", "static",                                                              \
	  "A static pod, which a node runs from its own files: no webhook is asked for it.",       \
	  "move its file away from the node, or give it a namespace that is not opted in")         \
	X(ALTERED, "OSW062", "altered",                                                            \
	  "The pod is sandboxed, and not as it would be now: it was changed, or the namespace's "  \
	  "or the webhook's settings were.",                                                       \
	  "restart it, and look who changed what")                                                 \
	X(EPHEMERAL, "OSW063", "ephemeral-container",                                              \
	  "An ephemeral container stands beside the sandbox, in the pod's own network.",           \
	  "delete the pod: an ephemeral container cannot be taken out")                            \
	X(UNLABELLED, "OSW064", "unlabelled",                                                      \
	  "The pod is sandboxed, and its namespace has lost the label openshell.io/injection: "    \
	  "nothing guards the pod any more, and the next one comes without a sandbox.",            \
	  "label the namespace again, or restart the workload to run without a sandbox")           \
	X(OUTDATED, "OSW065", "outdated",                                                          \
	  "The pod's agent comes from another image than that of new pods.",                       \
	  "restart it when it suits")                                                              \
	X(NAMESPACE, "OSW066", "namespace",                                                        \
	  "A key of the namespace has an invalid value, so that its pods cannot be judged and no " \
	  "new one is created.",                                                                   \
	  "correct the namespace's labels and annotations")

enum audit_reason {
	AUDIT_NONE = 0, /* it is as it should be */
#define AUDIT_ENUM(name, code, word, when, remedy) AUDIT_##name,
	AUDIT_REASONS(AUDIT_ENUM)
#undef AUDIT_ENUM
		AUDIT_REASON_COUNT,
};

enum { AUDIT_DETAIL_MAX = 600 };

struct audit_verdict {
	enum audit_reason reason;
	char detail[AUDIT_DETAIL_MAX + 1]; /* of this pod; "" where the reason says it all */
};

struct audit_text {
	const char *code, *word, *when, *remedy;
};

/* Not of AUDIT_NONE. */
const struct audit_text *audit_text(enum audit_reason reason);

/* The table as a section of documentation (Markdown). */
void audit_markdown(struct buf *out);

/* `pod` may be of any shape; one that has ended is as it should be. Of a proxy `handler->found` is its agent pod. */
void audit_judge(const struct handler *handler, json_t *pod, const char *namespace_name,
		 struct audit_verdict *out);

/* Whether that pod is one of a namespace that is not known, and sandboxed: to be judged again once the namespaces
 * were listed behind it. */
bool audit_is_provisional(const struct audit_verdict *verdict);

#endif
