/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/selector.h"

#include <string.h>

static bool is_among(const json_t *values, const char *value)
{
	for (size_t i = 0; i < json_array_size(values); i++) {
		const char *one = json_string_value(json_array_get(values, i));

		if (one != NULL && strcmp(one, value) == 0)
			return true;
	}
	return false;
}

static bool expression_takes(const json_t *expression, const json_t *labels)
{
	const char *key = json_member_text(expression, "key");
	const char *operator= json_member_text(expression, "operator");
	const json_t *values = json_member(expression, "values");

	if (key == NULL || operator== NULL)
		return true;
	const char *value = json_member_text(labels, key);
	if (strcmp(operator, "In") == 0)
		return value != NULL && is_among(values, value);
	if (strcmp(operator, "NotIn") == 0)
		return value == NULL || !is_among(values, value);
	if (strcmp(operator, "Exists") == 0)
		return value != NULL;
	return strcmp(operator, "DoesNotExist") != 0 || value == NULL;
}

bool selector_takes(const json_t *selector, const json_t *labels)
{
	json_t *wanted = json_member(selector, "matchLabels");
	const json_t *expressions = json_member(selector, "matchExpressions");
	const char *key;
	json_t *value;

	json_object_foreach(wanted, key, value)
	{
		const char *have = json_member_text(labels, key);

		if (json_is_string(value) &&
		    (have == NULL || strcmp(have, json_string_value(value)) != 0))
			return false;
	}
	for (size_t i = 0; i < json_array_size(expressions); i++)
		if (!expression_takes(json_array_get(expressions, i), labels))
			return false;
	return true;
}
