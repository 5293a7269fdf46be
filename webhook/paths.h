/* SPDX-License-Identifier: Apache-2.0 */
/* paths: comparing absolute paths by their components. Pure text: symbolic links are not seen. */
#ifndef WEBHOOK_PATHS_H
#define WEBHOOK_PATHS_H

#include <stdbool.h>
#include <stddef.h>

/* Absolute and without "..". Only such paths may be given to the functions below. */
bool path_is_plain(const char *path);

/* The same path in its one spelling: "//a/./b/" is "/a/b", the root is "". The caller frees it. */
char *path_clean(const char *path);

/* Of "/a//b/./c/": 3; of the root: 0. */
size_t path_parts(const char *path);

/* "/run" and "/run/": the same; "/run" and "/running": not. */
bool path_equals(const char *a, const char *b);
bool path_is_inside(const char *path, const char *folder); /* also where they are equal */

/* A mount on one would show, or hide, something of the other. */
bool path_conflicts(const char *a, const char *b);

/* The folder of the sandbox that `path` conflicts with, or lies in; NULL for none. */
const char *path_reserved_conflict(const char *path);
const char *path_reserved_around(const char *path);

#endif
