/* SPDX-License-Identifier: Apache-2.0 */
/* buf: owned bytes that grow up to a hard maximum. Going past it sets `overflow`, which sticks:
 * later puts do nothing, so a writer checks once, at its end. Always NUL-terminated behind `n`. */
#ifndef LIB_BUF_H
#define LIB_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/rd.h"

struct buf {
	char *p;
	size_t n, cap, max;
	bool overflow;
	bool secret; /* memory is wiped before it is given back */
};

/* An empty buffer that holds at most `max` bytes; nothing is allocated before the first put. */
struct buf buf_init(size_t max);

/* The same for a key or a token. */
struct buf buf_init_secret(size_t max);
void buf_done(struct buf *b);
void buf_clear(struct buf *b);
void buf_put(struct buf *b, const void *data, size_t n);
void buf_puts(struct buf *b, const char *text);
__attribute__((format(printf, 2, 3))) void buf_printf(struct buf *b, const char *fmt, ...);

/* `text` as a JSON string with its quotes: control characters, DEL, quote and backslash escaped,
 * bytes that are not UTF-8 replaced by U+FFFD. So a line made of these stays one line. */
void buf_put_json(struct buf *b, struct slice text);

/* `value` in decimal, with zeros in front up to `width` digits. */
void buf_put_int(struct buf *b, int64_t value, unsigned width);

/* Borrows from `b`, until the next put. */
struct slice buf_slice(const struct buf *b);

/* The bytes as a C string; "" when empty. Borrows like buf_slice(). */
const char *buf_text(const struct buf *b);

#endif
