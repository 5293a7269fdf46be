/* SPDX-License-Identifier: Apache-2.0 */
/* parse: what a parser answers that is given bytes while they arrive. */
#ifndef LIB_PARSE_H
#define LIB_PARSE_H

enum parse {
	PARSE_BAD = 0, /* no continuation can make it right; *err says why */
	PARSE_MORE, /* right so far, and not complete */
	PARSE_OK,
};

#endif
