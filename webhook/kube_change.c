/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/kube_change.h"

#include <string.h>

#include "lib/cleanup.h"

enum { HTTP_GONE = 410 };

static const struct {
	const char *name;
	enum kube_change_type type;
} types[] = {
	{ "ADDED", KUBE_CHANGE_SET },
	{ "MODIFIED", KUBE_CHANGE_SET },
	{ "DELETED", KUBE_CHANGE_DELETED },
	{ "BOOKMARK", KUBE_CHANGE_BOOKMARK },
};

int kube_change_read_version(const json_t *meta, char out[KUBE_VERSION_MAX], struct err *err)
{
	const char *version = json_member_text(meta, "resourceVersion");

	if (version == NULL || *version == '\0' || strlen(version) >= KUBE_VERSION_MAX)
		return err_set(err, ERR_INVALID, "metadata.resourceVersion is missing or too long");
	memcpy(out, version, strlen(version) + 1);
	return 0;
}

void kube_change_done(struct kube_change *change)
{
	json_decref(change->root);
	*change = (struct kube_change){ 0 };
}

static int read_error(const json_t *status, struct kube_change *change, struct err *err)
{
	const char *message = json_member_text(status, "message");

	if (json_integer_value(json_member(status, "code")) != HTTP_GONE)
		return err_set(err, ERR_INVALID, "the watch failed: %s",
			       message != NULL ? message : "no reason given");
	change->type = KUBE_CHANGE_EXPIRED;
	return 0;
}

static int read_type(const char *name, struct kube_change *change, struct err *err)
{
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		if (strcmp(types[i].name, name) != 0)
			continue;
		change->type = types[i].type;
		return kube_change_read_version(json_member(change->object, "metadata"),
						change->version, err);
	}
	return err_set(err, ERR_INVALID, "'%.40s' is no type of event", name);
}

int kube_change_parse(struct slice line, struct kube_change *out, struct err *err)
{
	AUTO(kube_change_done) struct kube_change change = { 0 };

	if (json_parse(line, &change.root, err) == -1)
		return -1;
	const char *type = json_member_text(change.root, "type");
	change.object = json_member(change.root, "object");
	if (type == NULL || change.object == NULL)
		return err_set(err, ERR_INVALID, "an event has no type or no object");
	if ((strcmp(type, "ERROR") == 0 ? read_error(change.object, &change, err)
					: read_type(type, &change, err)) == -1)
		return -1;
	*out = change;
	change = (struct kube_change){ 0 };
	return 0;
}
