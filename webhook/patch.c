/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/patch.h"

int patch_encode(const struct edits *edits, struct buf *out, struct err *err)
{
	buf_puts(out, "[");
	for (size_t i = 0; i < edits->n; i++) {
		const struct edit *edit = &edits->items[i];

		buf_printf(out, "%s{\"op\":\"%s\",\"path\":", i > 0 ? "," : "",
			   edits_op_name(edit->op));
		buf_put_json(out, slice_text(edit->path));
		if (edit->op != EDIT_REMOVE) {
			buf_puts(out, ",\"value\":");
			json_put(out, edit->value);
		}
		buf_puts(out, "}");
	}
	buf_puts(out, "]");
	if (out->overflow)
		return err_set(err, ERR_LIMIT, "the patch is larger than %zu bytes", out->max);
	return 0;
}
