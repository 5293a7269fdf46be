/* SPDX-License-Identifier: Apache-2.0 */
/* check_report: what was found ready or not, a row each with its next step. Pure. */
#ifndef WEBHOOK_CHECK_REPORT_H
#define WEBHOOK_CHECK_REPORT_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/buf.h"

enum {
	/* Of a manifest with hundreds of workloads; more are counted as not looked at. */
	CHECK_ROWS_MAX = 512,
	CHECK_SUBJECT_MAX = 80,
	CHECK_TEXT_MAX = 1024,
};

enum check_state {
	CHECK_UNKNOWN = 0, /* it could not be looked at */
	CHECK_MISSING, /* not ready */
	CHECK_NOTE, /* ready, and something is to be said */
	CHECK_OK,
	CHECK_STATE_COUNT
};

struct check_row {
	enum check_state state;
	char subject[CHECK_SUBJECT_MAX + 1], text[CHECK_TEXT_MAX + 1];
	const char *next; /* what to do; NULL: nothing */
};

struct check_report {
	struct check_row *rows;
	size_t n, more;
};

void check_report_done(struct check_report *report);

/* `next` is borrowed: a text that lasts. Long texts are cut. */
__attribute__((format(printf, 5, 6))) void check_add(struct check_report *report,
						     enum check_state state, const char *subject,
						     const char *next, const char *fmt, ...);

/* A table for people; control characters of what others wrote are escaped. */
void check_report_put(const struct check_report *report, struct buf *out);

/* 0: all is ready; 1: something is not; 3: nothing that was looked at, but not all could be. */
int check_report_exit(const struct check_report *report);

#endif
