/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/check_report.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/mem.h"

enum { EXIT_MISSING = 1, EXIT_UNKNOWN = 3 };

static const char *const words[CHECK_STATE_COUNT] = {
	[CHECK_UNKNOWN] = "?",
	[CHECK_MISSING] = "MISSING",
	[CHECK_NOTE] = "note",
	[CHECK_OK] = "ok",
};

void check_report_done(struct check_report *report)
{
	free(report->rows);
	*report = (struct check_report){ 0 };
}

void check_add(struct check_report *report, enum check_state state, const char *subject,
	       const char *next, const char *fmt, ...)
{
	va_list ap;

	if (report->rows == NULL)
		report->rows = mem_calloc(CHECK_ROWS_MAX, sizeof(*report->rows));
	if (report->n == CHECK_ROWS_MAX) {
		report->more++;
		return;
	}
	struct check_row *row = &report->rows[report->n++];
	*row = (struct check_row){ .state = state, .next = next };
	snprintf(row->subject, sizeof(row->subject), "%s", subject);
	va_start(ap, fmt);
	vsnprintf(row->text, sizeof(row->text), fmt, ap);
	va_end(ap);
}

/* As a JSON string has it, without its quotes. */
static void put_plain(struct buf *out, const char *text)
{
	struct buf quoted = buf_init(8 * CHECK_TEXT_MAX);

	buf_put_json(&quoted, slice_text(text));
	if (quoted.n >= 2)
		buf_put(out, quoted.p + 1, quoted.n - 2);
	buf_done(&quoted);
}

static size_t widest(const struct check_report *report)
{
	size_t width = 0;

	for (size_t i = 0; i < report->n; i++)
		if (strlen(report->rows[i].subject) > width)
			width = strlen(report->rows[i].subject);
	return width;
}

static void put_row(const struct check_row *row, int width, struct buf *out)
{
	buf_printf(out, "%-8s ", words[row->state]);
	size_t begin = out->n;
	put_plain(out, row->subject);
	for (size_t n = out->n - begin; n < (size_t)width; n++)
		buf_puts(out, " ");
	buf_puts(out, "  ");
	put_plain(out, row->text);
	buf_puts(out, "\n");
	if (row->next != NULL && row->state != CHECK_OK)
		buf_printf(out, "%*s-> %s\n", 8 + 1 + width + 2, "", row->next);
}

void check_report_put(const struct check_report *report, struct buf *out)
{
	int width = (int)widest(report);

	for (size_t i = 0; i < report->n; i++)
		put_row(&report->rows[i], width, out);
	if (report->more > 0)
		buf_printf(out, "and %zu more\n", report->more);
}

int check_report_exit(const struct check_report *report)
{
	bool unknown = report->more > 0;

	for (size_t i = 0; i < report->n; i++) {
		if (report->rows[i].state == CHECK_MISSING)
			return EXIT_MISSING;
		unknown |= report->rows[i].state == CHECK_UNKNOWN;
	}
	return unknown ? EXIT_UNKNOWN : 0;
}
