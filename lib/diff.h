/* SPDX-License-Identifier: Apache-2.0 */
/* diff: the lines in which two texts differ, for people and for patch(1). Pure. */
#ifndef LIB_DIFF_H
#define LIB_DIFF_H

#include "lib/buf.h"
#include "lib/rd.h"

/* Lines taken away and added, beyond which the shortest way is no longer looked for (its cost grows with their
 * square): what lies between the first and the last difference is then shown as replaced. */
enum { DIFF_EDITS_MAX = 2000 };

/* Appends the unified format, with three lines of context and `name` in both lines of its head; nothing where
 * the texts are the same. `name` is written as it is. */
void diff_unified(struct slice before, struct slice after, const char *name, struct buf *out);

#endif
