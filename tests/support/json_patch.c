/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/json_patch.h"

#include <string.h>

#include "lib/cleanup.h"
#include "lib/mem.h"
#include "webhook/patch_apply.h"

static int read_op(const char *name, enum edit_op *out)
{
	for (int op = EDIT_ADD; op <= EDIT_REMOVE; op++) {
		if (name == NULL || strcmp(edits_op_name((enum edit_op)op), name) != 0)
			continue;
		*out = (enum edit_op)op;
		return 0;
	}
	return -1;
}

int json_patch_apply(json_t *document, const json_t *patch, struct err *err)
{
	for (size_t i = 0; i < json_array_size(patch); i++) {
		const json_t *step = json_array_get(patch, i);
		const char *path = json_member_text(step, "path");
		AUTO_FREE char *place = mem_strdup(path != NULL ? path : "");
		struct edit edit = { .path = place, .value = json_object_get(step, "value") };
		const struct edits one = { .items = &edit, .n = 1 };

		if (read_op(json_member_text(step, "op"), &edit.op) == -1)
			return err_set(err, ERR_INVALID, "operation %zu is not one of ours", i);
		if (patch_apply(document, &one, err) == -1)
			return err_wrap(err, "operation %zu", i);
	}
	return 0;
}
