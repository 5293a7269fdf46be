/* SPDX-License-Identifier: Apache-2.0 */
/* query: the keys and values of a request's query, decoded for matching. */
#ifndef POLICY_QUERY_H
#define POLICY_QUERY_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/rd.h"

struct query_pair {
	struct slice key, value;
};

struct query {
	struct query_pair *pairs; /* in their order; a key may stand more than once */
	size_t n;
	uint8_t *bytes; /* what the slices borrow from */
};

/* Splits at '&' and '='; '+' is a blank, %XX a byte. False where an escape is cut, the result is
 * not UTF-8, or a blank, a control character or '#' stands in it: two readers could see two things. Release with query_done() in either case. */
bool query_decode(struct slice raw, struct query *out);

void query_done(struct query *query);

#endif
