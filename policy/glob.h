/* SPDX-License-Identifier: Apache-2.0 */
/* glob: the one pattern language of paths, executables and text.
 *
 *   ?  one character        *   any number of characters        [ab0-9] [!ab]  one of (none of) these
 *   \x the character x      **  as a whole path segment: any number of segments
 *
 * In a path none of them but `**` matches '/': a trailing "/ **" (without the blank) matches what is
 * below, not the folder itself; `**` alone matches everything. In text `*` crosses everything. */
#ifndef POLICY_GLOB_H
#define POLICY_GLOB_H

#include <stdbool.h>

#include "lib/err.h"
#include "lib/rd.h"

enum glob_kind { GLOB_PATH = 0, GLOB_TEXT };

enum glob_type {
	GLOB_CHAR = 0,
	GLOB_ANY, /* ? */
	GLOB_CLASS,
	GLOB_STAR, /* * */
	GLOB_SEGMENTS, /* `**` and its '/': no segment or several */
	GLOB_REST, /* a trailing `**` */
};

/* One element of a pattern. */
struct glob_element {
	enum glob_type type;
	uint8_t c; /* of GLOB_CHAR */
	struct slice class; /* what stands between the brackets */
	size_t n; /* bytes of the pattern that it takes */
};

/* ERR_INVALID and what to write instead, where `pattern` is not one pattern as above. */
int glob_check(struct slice pattern, enum glob_kind kind, struct err *err);

/* The element at `at`. The pattern must have passed glob_check(). */
struct glob_element glob_element(struct slice pattern, size_t at, enum glob_kind kind);

/* Bytes to go over so that nothing inside an escape or a class is taken for something else: 2 for an
 * escape, a whole class, else 1; 0 at a '[' without ']'. */
size_t glob_skip(struct slice pattern, size_t at);

bool glob_class_has(struct slice class, uint8_t c);

/* The whole of `text`. The pattern must have passed glob_check(). */
bool glob_matches(struct slice pattern, struct slice text, enum glob_kind kind);

#endif
