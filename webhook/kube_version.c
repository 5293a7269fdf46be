/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/kube_version.h"

#include <string.h>

#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/mem.h"

enum { NUMBER_MAX = 9999 };

/* The number at `*text`, which is moved behind it; 0 where there is none, or too large a one. */
static unsigned int take_number(const char **text)
{
	unsigned int value = 0;

	for (; **text >= '0' && **text <= '9'; (*text)++) {
		value = value * 10 + (unsigned int)(**text - '0');
		if (value > NUMBER_MAX)
			return 0;
	}
	return value;
}

int kube_version_parse(const char *text, struct kube_version *out, struct err *err)
{
	const char *at = text + (*text == 'v');
	struct kube_version version = { .major = take_number(&at) };

	if (*at == '.') {
		at++;
		version.minor = take_number(&at);
	}
	if (version.major == 0 || version.minor == 0)
		return err_set(err, ERR_INVALID, "'%.40s' is not a version like 1.34", text);
	*out = version;
	return 0;
}

int kube_version_read(struct slice answer, struct kube_version *out, struct err *err)
{
	AUTO(json_drop) json_t *root = NULL;

	if (json_parse(answer, &root, err) == -1)
		return -1;
	const char *major = json_member_text(root, "major");
	const char *minor = json_member_text(root, "minor");
	if (major == NULL || minor == NULL || strchr(major, '.') != NULL)
		return err_set(err, ERR_INVALID, "major or minor is missing");
	AUTO_FREE char *text = mem_printf("%s.%s", major, minor);
	return kube_version_parse(text, out, err);
}

bool kube_version_is_at_least(struct kube_version have, struct kube_version wanted)
{
	return have.major != wanted.major ? have.major > wanted.major : have.minor >= wanted.minor;
}
