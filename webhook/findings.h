/* SPDX-License-Identifier: Apache-2.0 */
/* findings: all that is wrong or noteworthy about one pod, gathered so that one answer tells it. */
#ifndef WEBHOOK_FINDINGS_H
#define WEBHOOK_FINDINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/buf.h"
#include "webhook/denials.h"

enum {
	FINDINGS_DENIALS_MAX = 16, /* more are counted: a message must stay readable */
	FINDINGS_WARNINGS_MAX = 8, /* the API server cuts the sum of all at 4096 bytes */
	FINDINGS_WHAT_MAX = 320,
	FINDINGS_WARNING_MAX = 120, /* the API server's advice for one warning */
};

struct findings {
	struct {
		enum denial code;
		char what[FINDINGS_WHAT_MAX + 1];
	} denials[FINDINGS_DENIALS_MAX];
	size_t n_denials, n_unnamed;
	char warnings[FINDINGS_WARNINGS_MAX][FINDINGS_WARNING_MAX + 1];
	size_t n_warnings;
};

/* `fmt` says what is wrong and where; the remedy comes from the table. Long texts are cut;
 * what was said already is not said again. */
__attribute__((format(printf, 3, 4))) void findings_deny(struct findings *f, enum denial code,
							 const char *fmt, ...);
__attribute__((format(printf, 2, 3))) void findings_warn(struct findings *f, const char *fmt, ...);

static inline bool findings_denied(const struct findings *f)
{
	return f->n_denials > 0;
}

/* "[OSW014] what: remedy; [OSW015] ...". Only where findings_denied(). */
void findings_message(const struct findings *f, struct buf *out);

#endif
