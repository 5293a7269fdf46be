/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/audit_event.h"

#include <string.h>

#include "webhook/pod.h"

#define REASON "SandboxAudit"

void audit_event_of_pod(const struct audit_found *found, struct buf *message,
			struct kube_event *out)
{
	const struct audit_text *text = audit_text(found->verdict->reason);
	const char *detail = found->verdict->detail;

	buf_clear(message);
	buf_printf(message, "[%s] %s: %s: %s", text->code, text->word,
		   *detail != '\0' ? detail : text->when, text->remedy);
	*out = (struct kube_event){
		.api_version = "v1",
		.kind = "Pod",
		.name = found->name,
		.namespace_name = found->namespace_name,
		.uid = json_member_text(json_member(found->pod, "metadata"), "uid"),
		.is_warning = true,
		.reason = REASON,
		.message = buf_text(message),
	};
}

bool audit_event_of_owner(const struct audit_found *found, struct buf *message,
			  struct kube_event *out)
{
	const struct audit_text *text = audit_text(found->verdict->reason);
	const json_t *owner = pod_controller(found->pod);
	const char *kind = json_member_text(owner, "kind");
	const char *name = json_member_text(owner, "name");
	const char *api_version = json_member_text(owner, "apiVersion");

	/* Of a node, which has no namespace, are static pods. */
	if (kind == NULL || name == NULL || api_version == NULL || strcmp(kind, "Node") == 0)
		return false;
	buf_clear(message);
	buf_printf(message, "[%s] pods of it are %s: %s %s", text->code, text->word, text->when,
		   text->remedy);
	*out = (struct kube_event){
		.api_version = api_version,
		.kind = kind,
		.name = name,
		.namespace_name = found->namespace_name,
		.uid = json_member_text(owner, "uid"),
		.is_warning = true,
		.reason = REASON,
		.message = buf_text(message),
	};
	return true;
}

bool audit_is_told(enum audit_reason reason)
{
	return reason != AUDIT_NONE && reason != AUDIT_OUTDATED;
}
