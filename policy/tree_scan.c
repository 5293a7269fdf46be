/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/tree.h"

/* Length of the blank or line end that `s` starts with, in the YAML library's sense; 0 if none. */
static size_t blank_len(struct slice s)
{
	if (s.p[0] == ' ' || s.p[0] == '\t' || s.p[0] == '\n' || s.p[0] == '\r')
		return 1;
	if (s.n >= 2 && s.p[0] == 0xc2 && s.p[1] == 0x85) /* NEL */
		return 2;
	if (s.n >= 3 && s.p[0] == 0xe2 && s.p[1] == 0x80 && (s.p[2] == 0xa8 || s.p[2] == 0xa9))
		return 3; /* LS, PS */
	return 0;
}

/* The place behind the first character of `s`; CR LF is one line end. */
static struct mark advance(struct mark at, struct slice s, size_t blank)
{
	if (s.p[0] == '\r' && s.n >= 2 && s.p[1] == '\n')
		return at;
	if (blank > 0 && s.p[0] != ' ' && s.p[0] != '\t')
		return (struct mark){ at.line + 1, 1 };
	/* Columns count characters, so not the later bytes of one. */
	if ((s.p[0] & 0xc0) != 0x80)
		at.column++;
	return at;
}

bool tree_scan(struct slice text, const struct report *report)
{
	struct mark at = { 1, 1 };
	size_t run = 0;
	size_t step;

	if (text.n > POLICY_TEXT_MAX) {
		report_error(report, at, NULL,
			     "is %zu bytes long, the limit is %d; split the policy", text.n,
			     POLICY_TEXT_MAX);
		return false;
	}
	for (; text.n > 0; text.p += step, text.n -= step) {
		size_t blank = blank_len(text);

		step = blank > 0 ? blank : 1;
		run = blank > 0 ? run + blank : 0;
		if (run > TREE_BLANKS_MAX) {
			report_error(report, at, NULL,
				     "has more than %d blanks and line ends in a row; remove them",
				     TREE_BLANKS_MAX);
			return false;
		}
		/* The library compares each directive with all before it. */
		if (at.column == 1 && text.p[0] == '%') {
			report_error(report, at, NULL,
				     "YAML directives are not accepted; remove this line");
			return false;
		}
		at = advance(at, text, blank);
	}
	return true;
}
