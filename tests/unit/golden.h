/* SPDX-License-Identifier: Apache-2.0 */
/* golden: cases that are folders, and files that say what comes of them. */
#ifndef TESTS_UNIT_GOLDEN_H
#define TESTS_UNIT_GOLDEN_H

#include "lib/buf.h"

enum { GOLDEN_TEXT_MAX = 1 << 20 };

/* The names of the folders in `folder`, sorted, at most `max`; their number. The caller frees each. */
size_t golden_cases(const char *folder, char **out, size_t max);

/* Fails the test where there is no such file. */
void golden_read(const char *path, struct buf *out);

/* Fails the test where the file at `path` does not hold `have`, or is there although `have` is NULL. With
 * GOLDEN_UPDATE=1 in the environment the file is made so instead. */
void golden_expect(const char *path, const char *have);

#endif
