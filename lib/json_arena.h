/* SPDX-License-Identifier: Apache-2.0 */
/* json_arena: the memory of all JSON values that one piece of work makes, given back at once. A
 * decoded document is a thousand small blocks; taking and freeing each costs more than reading it. */
#ifndef LIB_JSON_ARENA_H
#define LIB_JSON_ARENA_H

#include <jansson.h>

/* Once, before any JSON value is made and any thread is started. */
void json_arena_init(void);

/* Between the two, JSON values that this thread makes live in its arena; none may be used after the
 * end. Values made elsewhere may be read and released in between, not changed. Not nested. */
void json_arena_begin(void);
void json_arena_end(void);

/* For the root of a document. In an arena its values need not be released one by one. */
void json_arena_drop(json_t *root);

#endif
