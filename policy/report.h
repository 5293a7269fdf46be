/* SPDX-License-Identifier: Apache-2.0 */
/* report: how the parser says what is wrong and where, without stopping. */
#ifndef POLICY_REPORT_H
#define POLICY_REPORT_H

#include <stdbool.h>

#include "lib/rd.h"
#include "policy/policy.h"

/* Lines and columns from 1. */
struct mark {
	unsigned line, column;
};

/* One step of the way from the document to a node; the chain lives on the stack of who walks it.
 * NULL is the document. */
struct place {
	const struct place *parent;
	struct slice key; /* of a mapping; where key.p is NULL, `index` of a list counts */
	size_t index;
};

struct report {
	struct policy_problems *errors, *warnings;
};

/* `fmt` says what is wrong, then "; " and what to write instead. Text from the policy goes in through
 * quote(), never raw. */
__attribute__((format(printf, 4, 5))) void report_error(const struct report *report, struct mark at,
							const struct place *place, const char *fmt,
							...);

/* The same with a place that is text already. */
__attribute__((format(printf, 4, 5))) void report_error_at(const struct report *report,
							   struct mark at, const char *place,
							   const char *fmt, ...);

__attribute__((format(printf, 4, 5))) void report_warning(const struct report *report,
							  struct mark at, const struct place *place,
							  const char *fmt, ...);

/* How many errors there are so far, listed or not: what grows between two calls was wrong. */
size_t report_errors(const struct report *report);

/* Brings problems into the order of the text. */
void report_sort(struct policy_problems *problems);

/* The place as text, from mem_*: the caller frees it. */
char *place_text(const struct place *place);

/* Text from outside for a message: in single quotes, printable ASCII only, cut to fit. */
struct quoted {
	char text[100];
};

struct quoted quote(struct slice text);

#endif
