/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/findings.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void findings_deny(struct findings *f, enum denial code, const char *fmt, ...)
{
	char what[FINDINGS_WHAT_MAX + 1];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	for (size_t i = 0; i < f->n_denials; i++)
		if (f->denials[i].code == code && strcmp(f->denials[i].what, what) == 0)
			return;
	if (f->n_denials == FINDINGS_DENIALS_MAX) {
		f->n_unnamed++;
		return;
	}
	f->denials[f->n_denials].code = code;
	memcpy(f->denials[f->n_denials++].what, what, sizeof(what));
}

void findings_warn(struct findings *f, const char *fmt, ...)
{
	va_list ap;

	if (f->n_warnings == FINDINGS_WARNINGS_MAX)
		return;
	va_start(ap, fmt);
	vsnprintf(f->warnings[f->n_warnings], FINDINGS_WARNING_MAX + 1, fmt, ap);
	va_end(ap);
	f->n_warnings++;
}

void findings_message(const struct findings *f, struct buf *out)
{
	for (size_t i = 0; i < f->n_denials; i++) {
		const struct denial_text *text = denial_text(f->denials[i].code);

		buf_printf(out, "%s[%s] %s: %s", i > 0 ? "; " : "", text->code, f->denials[i].what,
			   text->remedy);
	}
	if (f->n_unnamed > 0)
		buf_printf(out, "; and %zu more", f->n_unnamed);
}
