/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/check_workload.h"

#include <stdio.h>

#include "lib/cleanup.h"
#include "webhook/choices.h"
#include "webhook/keys.h"
#include "webhook/kinds.h"

/* 16 problems with their remedies. */
enum { MESSAGE_MAX = 16 * 1024 };

static void name_object(const json_t *object, char out[CHECK_SUBJECT_MAX + 1])
{
	const json_t *meta = json_member(object, "metadata");
	const char *kind = json_member_text(object, "kind");
	const char *name = json_member_text(meta, "name");

	if (name == NULL)
		name = json_member_text(meta, "generateName");
	snprintf(out, CHECK_SUBJECT_MAX + 1, "%s %s", kind != NULL ? kind : "?",
		 name != NULL ? name : "?");
}

static void add_verdict(struct check_report *report, const char *subject,
			const struct outcome *outcome)
{
	AUTO(buf_done) struct buf message = buf_init(MESSAGE_MAX);

	findings_message(&outcome->findings, &message);
	if (findings_denied(&outcome->findings))
		check_add(report, CHECK_MISSING, subject, "docs/denials.md has each code",
			  "would be refused: %s", buf_text(&message));
	else if (outcome->topology == TOPOLOGY_NONE)
		check_add(report, CHECK_NOTE, subject,
			  "annotate the pod template " KEY_TOPOLOGY
			  ": combined, where it is to have one",
			  "would run without a sandbox");
	else
		check_add(report, CHECK_OK, subject, NULL, "would be sandboxed, topology %s",
			  topology_name(outcome->topology));
}

void check_workload(struct check_report *report, const json_t *object, bool is_known,
		    const struct outcome *outcome)
{
	char subject[CHECK_SUBJECT_MAX + 1];

	name_object(object, subject);
	if (!is_known) {
		check_add(report, CHECK_NOTE, subject, NULL,
			  "its pods are judged when they are created: this kind is not known here");
		return;
	}
	add_verdict(report, subject, outcome);
	for (size_t i = 0; i < outcome->findings.n_warnings; i++)
		check_add(report, CHECK_NOTE, subject, NULL, "%s", outcome->findings.warnings[i]);
}

const char *check_workload_policy(json_t *object)
{
	const struct kind *kind = kind_of_object(object);
	const json_t *template = kind != NULL ? kind_template(kind, object) : NULL;
	const char *name =
		json_member_text(json_member(json_member(template, "metadata"), "annotations"),
				 KEY_POLICY);

	return name != NULL && choices_is_object_name(name) ? name : NULL;
}
