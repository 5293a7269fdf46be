/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/kube_request.h"

#include <string.h>

#include "lib/cleanup.h"

static const struct {
	const char *method, *content_type, *query;
} verbs[KUBE_VERB_COUNT] = {
	[KUBE_GET] = { "GET", NULL, NULL },
	[KUBE_CREATE] = { "POST", "application/json", "fieldManager=" },
	[KUBE_REPLACE] = { "PUT", "application/json", "fieldManager=" },
	[KUBE_PATCH_STRATEGIC] = { "PATCH", "application/strategic-merge-patch+json",
				   "fieldManager=" },
	[KUBE_PATCH_MERGE] = { "PATCH", "application/merge-patch+json", "fieldManager=" },
	/* JSON is YAML, and servers before 1.32 know this name alone. */
	[KUBE_APPLY] = { "PATCH", "application/apply-patch+yaml", "force=true&fieldManager=" },
	[KUBE_OFFER] = { "PATCH", "application/apply-patch+yaml", "fieldManager=" },
	[KUBE_DELETE] = { "DELETE", "application/json", NULL },
};

static const struct {
	long status;
	enum kube_outcome outcome;
} outcomes[] = {
	{ 401, KUBE_FORBIDDEN }, { 403, KUBE_FORBIDDEN }, { 404, KUBE_ABSENT },
	{ 409, KUBE_CONFLICT },  { 410, KUBE_GONE },      { 429, KUBE_BUSY },
	{ 503, KUBE_BUSY },      { 504, KUBE_BUSY },
};

static const char *const names[KUBE_OUTCOME_COUNT] = {
	[KUBE_UNREACHED] = "unreached", [KUBE_DONE] = "done",           [KUBE_ABSENT] = "absent",
	[KUBE_EXISTS] = "exists",       [KUBE_CONFLICT] = "conflict",   [KUBE_GONE] = "gone",
	[KUBE_BUSY] = "busy",           [KUBE_FORBIDDEN] = "forbidden", [KUBE_INVALID] = "invalid",
	[KUBE_FAILED] = "failed",
};

void kube_answer_done(struct kube_answer *answer)
{
	json_decref(answer->object);
	*answer = (struct kube_answer){ 0 };
}

static void wipe_text(const json_t *text)
{
	void *bytes;
	const char *value = json_string_value(text);

	/* jansson hands out its own copy as const. */
	memcpy(&bytes, &value, sizeof(bytes));
	explicit_bzero(bytes, json_string_length(text));
}

/* What json_parse() made nests JSON_DEPTH_MAX deep at most. */
static void wipe(json_t *value)
{
	const char *key;
	json_t *member;
	size_t i;

	if (json_is_string(value))
		wipe_text(value);
	json_object_foreach(value, key, member)
	{
		wipe(member);
	}
	json_array_foreach(value, i, member)
	{
		wipe(member);
	}
}

void kube_object_wipe(json_t **slot)
{
	wipe(*slot);
	json_drop(slot);
}

const char *kube_verb_method(enum kube_verb verb)
{
	return verbs[verb].method;
}

const char *kube_verb_content_type(enum kube_verb verb)
{
	return verbs[verb].content_type;
}

void kube_request_put_target(const struct kube_request *request, struct buf *out)
{
	const char *query = verbs[request->verb].query;

	buf_puts(out, request->target);
	if (query == NULL)
		return;
	buf_puts(out, strchr(request->target, '?') == NULL ? "?" : "&");
	buf_puts(out, query);
	buf_puts(out, request->manager != NULL ? request->manager : KUBE_FIELD_MANAGER);
}

enum kube_outcome kube_outcome_of(long status, const char *reason)
{
	if (status == 0)
		return KUBE_UNREACHED;
	if (status >= 200 && status <= 299)
		return KUBE_DONE;
	if (status == 409 && reason != NULL && strcmp(reason, "AlreadyExists") == 0)
		return KUBE_EXISTS;
	for (size_t i = 0; i < ARRAY_LEN(outcomes); i++)
		if (outcomes[i].status == status)
			return outcomes[i].outcome;
	return status >= 400 && status <= 499 ? KUBE_INVALID : KUBE_FAILED;
}

const char *kube_outcome_name(enum kube_outcome outcome)
{
	return names[outcome];
}
