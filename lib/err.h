/* SPDX-License-Identifier: Apache-2.0 */
/* err: what went wrong, in words, without touching the heap.
 *
 * Functions that can fail return 0 or -1 and fill a `struct err` that is never NULL; their outputs
 * are untouched on failure. A message says what and which, without newline and without naming
 * our files; the caller adds its context with err_wrap(). Long messages are cut. */
#ifndef LIB_ERR_H
#define LIB_ERR_H

enum err_code { ERR_NONE = 0, ERR_INVALID, ERR_LIMIT, ERR_DENIED, ERR_TIMEOUT, ERR_SYS, ERR_BUG };

struct err {
	enum err_code code;
	char msg[512];
};

/* All three return -1, so a failing path is one `return`. */
__attribute__((format(printf, 3, 4))) int err_set(struct err *err, enum err_code code,
						  const char *fmt, ...);
__attribute__((format(printf, 2, 3))) int err_sys(struct err *err, const char *fmt,
						  ...); /* appends strerror(errno) */
__attribute__((format(printf, 2, 3))) int err_wrap(struct err *err, const char *fmt,
						   ...); /* "context: earlier message" */

#endif
