/* SPDX-License-Identifier: Apache-2.0 */
/* base64: RFC 4648 section 4, with padding and without line breaks. */
#ifndef LIB_BASE64_H
#define LIB_BASE64_H

#include "lib/buf.h"
#include "lib/rd.h"

void base64_put(struct buf *b, struct slice data);

#endif
