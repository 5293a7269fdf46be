/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/pair_sight.h"

#include <string.h>

#include "lib/cleanup.h"
#include "webhook/kube_request.h"
#include "webhook/pair_names.h"

enum { NAME_MAX_BYTES = 64 };

/* What else were taken for one could be made by anybody: openshell-companions keeps names with UIDs alone. */
bool pair_sight_is_uid(const char *text)
{
	static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";

	if (text == NULL || strlen(text) != strlen(form))
		return false;
	for (size_t i = 0; form[i] != '\0'; i++)
		if (form[i] == '-' ? text[i] != '-' : strchr("0123456789abcdef", text[i]) == NULL)
			return false;
	return true;
}

/* FNV-1a. Two states that fall together would hide a change until the next; nobody gains from choosing them. */
static uint64_t mix(uint64_t hash, const char *text)
{
	for (const char *p = text; *p != '\0'; p++)
		hash = (hash ^ (uint8_t)*p) * 0x100000001b3;
	return hash;
}

uint64_t pair_sight_mark(const json_t *metadata)
{
	const char *uid = json_member_text(metadata, "uid");
	const char *version = json_member_text(metadata, "resourceVersion");

	if (uid == NULL || version == NULL)
		return 0;
	return mix(mix(0xcbf29ce484222325, uid), version) | 1;
}

static const char *label(const json_t *metadata, const char *key)
{
	return json_member_text(json_member(metadata, "labels"), key);
}

static bool is(const char *text, const char *value)
{
	return text != NULL && strcmp(text, value) == 0;
}

bool pair_sight_of_pod(const json_t *metadata, struct pair_sight *out)
{
	struct pair_sight sight = {
		.namespace_name = json_member_text(metadata, "namespace"),
		.uid = json_member_text(metadata, "uid"),
		.pod = json_member_text(metadata, "name"),
		.mark = pair_sight_mark(metadata),
	};

	if (!is(label(metadata, KEY_SANDBOX_ROLE), PAIR_ROLE_AGENT) ||
	    sight.namespace_name == NULL || sight.pod == NULL || sight.mark == 0 ||
	    !pair_sight_is_uid(sight.uid))
		return false;
	sight.is_bound = is(label(metadata, KEY_SANDBOX_ID), sight.uid);
	*out = sight;
	return true;
}

static const char *owner_name(const json_t *metadata, const char *uid)
{
	const json_t *owners = json_member(metadata, "ownerReferences");

	for (size_t i = 0; i < json_array_size(owners); i++)
		if (is(json_member_text(json_array_get(owners, i), "uid"), uid))
			return json_member_text(json_array_get(owners, i), "name");
	return NULL;
}

bool pair_sight_of_companion(const json_t *metadata, enum pair_kind kind, struct pair_sight *out)
{
	AUTO(buf_done) struct buf wanted = buf_init(NAME_MAX_BYTES);
	const char *name = json_member_text(metadata, "name");
	struct pair_sight sight = {
		.namespace_name = json_member_text(metadata, "namespace"),
		.uid = label(metadata, KEY_SANDBOX_ID),
		.mark = pair_sight_mark(metadata),
	};

	if (sight.namespace_name == NULL || name == NULL || sight.mark == 0 ||
	    !is(label(metadata, KEY_MANAGED), KUBE_FIELD_MANAGER))
		return false;
	if (kind == PAIR_EGRESS && strcmp(name, PAIR_CLOSED_POLICY) == 0) {
		sight.uid = NULL;
	} else {
		if (!pair_sight_is_uid(sight.uid))
			return false;
		pair_objects_name(kind, sight.uid, &wanted);
		if (strcmp(name, buf_text(&wanted)) != 0)
			return false;
		sight.pod = owner_name(metadata, sight.uid);
	}
	*out = sight;
	return true;
}
