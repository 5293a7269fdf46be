/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/default_policy.h"

#include <string.h>

#include "lib/cleanup.h"
#include "policy/policy.h"
#include "webhook/keys.h"
#include "webhook/kube_request.h"
#include "webhook/names.h"

#define KEY_PART "app.kubernetes.io/part-of"

int default_policy_check(const char *text, struct err *err)
{
	AUTO(policy_problems_done) struct policy_problems problems = { 0 };

	if (strlen(text) > DEFAULT_POLICY_MAX)
		return err_set(err, ERR_LIMIT, "it is longer than %d bytes", DEFAULT_POLICY_MAX);
	AUTO(policy_free_slot)
	struct policy *policy = policy_parse(slice_text(text), &problems);
	if (policy != NULL)
		return 0;
	const struct policy_problem *first = &problems.items[0];
	return err_set(err, ERR_INVALID, "line %u, column %u: %s%s%s", first->line, first->column,
		       first->place, first->place[0] != '\0' ? ": " : "", first->text);
}

static bool has_label(const json_t *map, const char *key, const char *value)
{
	const char *found =
		json_member_text(json_member(json_member(map, "metadata"), "labels"), key);

	return found != NULL && strcmp(found, value) == 0;
}

bool default_policy_is_ours(const json_t *map)
{
	return has_label(map, KEY_MANAGED, KUBE_FIELD_MANAGER);
}

static bool has_owner(const json_t *map, const char *uid)
{
	const json_t *owners = json_member(json_member(map, "metadata"), "ownerReferences");

	for (size_t i = 0; i < json_array_size(owners); i++) {
		const char *found = json_member_text(json_array_get(owners, i), "uid");

		if (found != NULL && strcmp(found, uid) == 0)
			return true;
	}
	return false;
}

bool default_policy_is_intact(const struct default_policy *policy, const json_t *map)
{
	const char *text = json_member_text(json_member(map, "data"), NAME_POLICY_KEY);

	return text != NULL && strcmp(text, policy->text) == 0 &&
	       has_label(map, KEY_POLICY, "true") && has_owner(map, policy->owner_uid);
}

json_t *default_policy_object(const struct default_policy *policy, const char *namespace_name,
			      const char *uid)
{
	json_t *object = json_pack(
		"{s:s, s:s, s:{s:s, s:s, s:{s:s, s:s, s:s}, s:[{s:s, s:s, s:s, s:s}]}, s:{s:s}}",
		"apiVersion", "v1", "kind", "ConfigMap", "metadata", "name", NAME_DEFAULT_POLICY,
		"namespace", namespace_name, "labels", KEY_MANAGED, KUBE_FIELD_MANAGER, KEY_PART,
		"openshell", KEY_POLICY, "true", "ownerReferences", "apiVersion",
		"admissionregistration.k8s.io/v1", "kind", "MutatingWebhookConfiguration", "name",
		policy->owner_name, "uid", policy->owner_uid, "data", NAME_POLICY_KEY,
		policy->text);

	if (uid != NULL)
		json_object_set_new(json_object_get(object, "metadata"), "uid", json_string(uid));
	return object;
}

json_t *default_policy_removal(const char *uid)
{
	return json_pack("{s:s, s:s, s:{s:s}}", "apiVersion", "v1", "kind", "DeleteOptions",
			 "preconditions", "uid", uid);
}
