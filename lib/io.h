/* SPDX-License-Identifier: Apache-2.0 */
/* io: whole files in and out. Restarts on EINTR; every descriptor is close-on-exec. */
#ifndef LIB_IO_H
#define LIB_IO_H

#include <stddef.h>
#include <sys/types.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/rd.h"

/* Reads `fd` to its end into `out`. More than `out->max` bytes: ERR_LIMIT. Else ERR_SYS. */
int io_read_all(int fd, struct buf *out, struct err *err);

/* The whole of the regular file at `path`, at most `out->max` bytes (ERR_LIMIT). Follows
 * symbolic links (a ConfigMap mount is one); refuses what is not a regular file (ERR_INVALID). */
int io_read_file(const char *path, struct buf *out, struct err *err);

/* The same, or standard input where `path` is "-"; and what to call it. */
int io_read_input(const char *path, struct buf *out, struct err *err);
const char *io_input_name(const char *path);

int io_write_all(int fd, struct slice data, struct err *err);

/* Writes `data` beside `path` with `mode` and renames it into place: readers see the old file or the
 * new one, and a file somebody else put in the way is replaced, not followed. Not synced to disk: what
 * is written this way lives in a pod's volumes and goes with them. */
int io_replace_file(const char *path, mode_t mode, struct slice data, struct err *err);

/* Makes the directory at `path` root's own with `mode`: an emptyDir starts out writable for everybody.
 * A link in its place is refused. */
int io_own_directory(const char *path, mode_t mode, struct err *err);

/* Makes it user's and group's `uid`, by root with CHOWN and FOWNER. May be repeated. */
int io_give_directory(const char *path, mode_t mode, uid_t uid, struct err *err);

#endif
