/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/inject.h"

#include <string.h>

#include "lib/cleanup.h"
#include "webhook/patch_apply.h"

enum { STEPS_MAX = 4 };

/* Where an object keeps what its pods are made of. */
static const struct kind {
	const char *group, *kind;
	const char *path[STEPS_MAX];
} kinds[] = {
	{ "", "Pod", { NULL } },
	{ "", "PodTemplate", { "template" } },
	{ "", "ReplicationController", { "spec", "template" } },
	{ "apps", "DaemonSet", { "spec", "template" } },
	{ "apps", "Deployment", { "spec", "template" } },
	{ "apps", "ReplicaSet", { "spec", "template" } },
	{ "apps", "StatefulSet", { "spec", "template" } },
	{ "batch", "CronJob", { "spec", "jobTemplate", "spec", "template" } },
	{ "batch", "Job", { "spec", "template" } },
};

static const char *text_or_empty(const json_t *object, const char *key)
{
	const char *text = json_member_text(object, key);

	return text != NULL ? text : "";
}

/* "apps" of "apps/v1", "" of "v1". */
static bool is_of_group(const char *api_version, const char *group)
{
	const char *slash = strchr(api_version, '/');
	size_t n = slash != NULL ? (size_t)(slash - api_version) : 0;

	return strlen(group) == n && strncmp(api_version, group, n) == 0;
}

static const struct kind *find_kind(const json_t *object)
{
	const char *api_version = text_or_empty(object, "apiVersion");
	const char *kind = text_or_empty(object, "kind");

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (strcmp(kinds[i].kind, kind) == 0 && is_of_group(api_version, kinds[i].group))
			return &kinds[i];
	return NULL;
}

/* NULL: some step is missing, or the object has none of these. */
static json_t *template_at(json_t *object, const char *const path[STEPS_MAX])
{
	for (size_t i = 0; object != NULL && i < STEPS_MAX && path[i] != NULL; i++)
		object = json_member(object, path[i]);
	return object;
}

static int inject_template(const struct inject *inject, json_t *object, json_t *template,
			   struct err *err)
{
	AUTO(edits_done) struct edits edits = { 0 };
	const char *own = json_member_text(json_member(object, "metadata"), "namespace");
	const char *name = own != NULL && !inject->is_only_namespace ? own : inject->namespace_name;
	struct outcome outcome = { 0 };

	handler_rewrite(inject->handler, template, name, &edits, &outcome);
	if (!findings_denied(&outcome.findings)) {
		outcome.result = edits.n > 0 ? OUTCOME_REWRITTEN : OUTCOME_UNTOUCHED;
		if (patch_apply(template, &edits, err) == -1)
			return -1;
	}
	inject->report(inject->ctx, object, true, &outcome);
	return 0;
}

/* Its pods are judged when they are created; here nothing is said about them in silence. */
static void report_unknown(const struct inject *inject, json_t *object)
{
	static const char *const path[STEPS_MAX] = { "spec", "template", "spec", "containers" };
	const struct outcome outcome = { .result = OUTCOME_UNTOUCHED };

	if (json_is_array(template_at(object, path)))
		inject->report(inject->ctx, object, false, &outcome);
}

int inject_object(const struct inject *inject, json_t *object, struct err *err)
{
	const struct kind *kind = find_kind(object);
	/* To kubectl each object that has items is a List, whatever kind it says. */
	const json_t *items = json_member(object, "items");

	for (size_t i = 0; i < json_array_size(items); i++)
		if (inject_object(inject, json_array_get(items, i), err) == -1)
			return -1;
	if (kind != NULL)
		return inject_template(inject, object, template_at(object, kind->path), err);
	report_unknown(inject, object);
	return 0;
}
