/* SPDX-License-Identifier: Apache-2.0 */
/* uri: texts as parts of a URI (RFC 3986). */
#ifndef LIB_URI_H
#define LIB_URI_H

#include "lib/buf.h"

/* `text` with all but unreserved characters as %XX. */
void uri_put_escaped(struct buf *out, const char *text);

#endif
