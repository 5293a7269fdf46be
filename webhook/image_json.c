/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/image_json.h"

#include <string.h>
#include <strings.h>

/* Two letters beyond ASCII fold into "k" and "s" there, so names must be in ASCII where it matters. */
static bool is_ascii(const char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text >= 0x80)
			return false;
	return true;
}

int image_json_object(json_t *value, const char *const *names, size_t n, const char *what,
		      struct err *err)
{
	const char *key;
	json_t *member;

	if (!json_is_object(value))
		return err_set(err, ERR_INVALID, "%s is no object", what);
	json_object_foreach(value, key, member)
	{
		if (!is_ascii(key))
			return err_set(err, ERR_INVALID, "%s has a member that is not in ASCII",
				       what);
		for (size_t i = 0; i < n; i++)
			if (strcasecmp(key, names[i]) == 0 && strcmp(key, names[i]) != 0)
				return err_set(err, ERR_INVALID, "%s spells '%s' otherwise", what,
					       names[i]);
	}
	return 0;
}

int image_json_text(const json_t *object, const char *name, const char **out, struct err *err)
{
	const json_t *value = json_member(object, name);

	if (value != NULL && !json_is_string(value))
		return err_set(err, ERR_INVALID, "'%s' is no text", name);
	*out = json_string_value(value);
	return 0;
}
