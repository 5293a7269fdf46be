/* SPDX-License-Identifier: Apache-2.0 */
/* base64: RFC 4648 section 4, with padding and without line breaks. */
#ifndef LIB_BASE64_H
#define LIB_BASE64_H

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/rd.h"

void base64_put(struct buf *b, struct slice data);

/* Appends what `text` stands for. ERR_INVALID: a character that does not belong there (line breaks
 * neither), padding that is missing, or bits behind the last byte. ERR_LIMIT: no room in `b`. */
int base64_take(struct slice text, struct buf *b, struct err *err);

#endif
