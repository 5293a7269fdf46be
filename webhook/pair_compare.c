/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/pair_compare.h"

#include <string.h>

#include "lib/cleanup.h"
#include "webhook/kube_request.h"
#include "webhook/pair_names.h"

enum { FILLED_MAX = 8 };

/* What the API server fills into the spec of each kind. */
static const char *const filled[PAIR_KINDS][FILLED_MAX] = {
	[PAIR_SERVICE] = { "clusterIP", "clusterIPs", "internalTrafficPolicy", "ipFamilies",
			   "ipFamilyPolicy", "sessionAffinity" },
	[PAIR_SUPERVISOR] = { "progressDeadlineSeconds" },
};

bool pair_compare_is_managed(const json_t *have)
{
	const char *manager =
		json_member_text(json_member(json_member(have, "metadata"), "labels"), KEY_MANAGED);

	return manager != NULL && strcmp(manager, KUBE_FIELD_MANAGER) == 0;
}

bool pair_compare_is_ours(const json_t *have, const char *uid)
{
	const json_t *meta = json_member(have, "metadata");
	const json_t *labels = json_member(meta, "labels");
	const json_t *owners = json_member(meta, "ownerReferences");
	const char *id = json_member_text(labels, KEY_SANDBOX_ID);

	if (id == NULL || strcmp(id, uid) != 0 || !pair_compare_is_managed(have))
		return false;
	for (size_t i = 0; i < json_array_size(owners); i++) {
		const char *owner = json_member_text(json_array_get(owners, i), "uid");

		if (owner != NULL && strcmp(owner, uid) == 0)
			return true;
	}
	return false;
}

static bool is_filled(enum pair_kind kind, const char *key)
{
	for (size_t i = 0; i < FILLED_MAX && filled[kind][i] != NULL; i++)
		if (strcmp(filled[kind][i], key) == 0)
			return true;
	return false;
}

/* An empty list, and null, are as good as none: the API server does not keep them. */
static bool is_nothing(const json_t *value)
{
	return value == NULL || json_is_null(value) ||
	       (json_is_array(value) && json_array_size(value) == 0);
}

/* Whether `have` has nothing that `wanted` has not; `kind` PAIR_KINDS: nor anything that is filled in. */
static bool has_no_more(enum pair_kind kind, const json_t *wanted, json_t *have)
{
	const char *key;
	json_t *value;

	json_object_foreach(have, key, value)
	{
		if (json_member(wanted, key) == NULL && !is_nothing(value) &&
		    (kind == PAIR_KINDS || !is_filled(kind, key)))
			return false;
	}
	return true;
}

static bool is_same(enum pair_kind kind, json_t *wanted, json_t *have)
{
	const char *key;
	json_t *value;

	if (is_nothing(wanted) && is_nothing(have))
		return true;
	if (!json_is_object(wanted) || !json_is_object(have))
		return json_is_same(wanted, have);
	json_object_foreach(wanted, key, value)
	{
		if (!is_same(PAIR_KINDS, value, json_member(have, key)))
			return false;
	}
	return has_no_more(kind, wanted, have);
}

static bool has_labels(const json_t *wanted, const json_t *have)
{
	json_t *labels = json_member(json_member(wanted, "metadata"), "labels");
	const json_t *others = json_member(json_member(have, "metadata"), "labels");
	const char *key;
	json_t *value;

	json_object_foreach(labels, key, value)
	{
		if (!json_is_same(value, json_member(others, key)))
			return false;
	}
	return true;
}

static bool is_same_secret(const json_t *wanted, const json_t *have)
{
	static const char *const compared[] = { PAIR_CA_PRIVATE_KEY, PAIR_CREDENTIALS_KEY };
	const json_t *data = json_member(have, "data");

	for (size_t i = 0; i < ARRAY_LEN(compared); i++)
		if (!json_is_same(json_member(json_member(wanted, "data"), compared[i]),
				  json_member(data, compared[i])))
			return false;
	return json_member_text(data, PAIR_CA_KEY) != NULL;
}

bool pair_compare_is_right(enum pair_kind kind, const json_t *wanted, const json_t *have)
{
	if (!has_labels(wanted, have))
		return false;
	if (kind == PAIR_SECRET)
		return is_same_secret(wanted, have);
	return is_same(kind, json_member(wanted, "spec"), json_member(have, "spec"));
}

bool pair_compare_is_ready(const json_t *deployment)
{
	const json_t *status = json_member(deployment, "status");
	json_int_t generation =
		json_integer_value(json_member(json_member(deployment, "metadata"), "generation"));

	return json_integer_value(json_member(status, "observedGeneration")) >= generation &&
	       json_integer_value(json_member(status, "updatedReplicas")) >= 1 &&
	       json_integer_value(json_member(status, "availableReplicas")) >= 1;
}
