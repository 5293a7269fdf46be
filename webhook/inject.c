/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/inject.h"

#include "lib/cleanup.h"
#include "webhook/kinds.h"
#include "webhook/patch_apply.h"

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
	const json_t *template = json_member(json_member(object, "spec"), "template");
	const struct outcome outcome = { .result = OUTCOME_UNTOUCHED };

	if (json_is_array(json_member(json_member(template, "spec"), "containers")))
		inject->report(inject->ctx, object, false, &outcome);
}

int inject_object(const struct inject *inject, json_t *object, struct err *err)
{
	const struct kind *kind = kind_of_object(object);
	/* To kubectl each object that has items is a List, whatever kind it says. */
	const json_t *items = json_member(object, "items");

	for (size_t i = 0; i < json_array_size(items); i++)
		if (inject_object(inject, json_array_get(items, i), err) == -1)
			return -1;
	if (kind != NULL)
		return inject_template(inject, object, kind_template(kind, object), err);
	report_unknown(inject, object);
	return 0;
}
