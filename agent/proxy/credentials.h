/* SPDX-License-Identifier: Apache-2.0 */
/* credentials: USER:PASSWORD, as a file holds it, and as a field value says it (RFC 7617). Pure. */
#ifndef AGENT_PROXY_CREDENTIALS_H
#define AGENT_PROXY_CREDENTIALS_H

#include <stdbool.h>

#include "lib/buf.h"
#include "lib/err.h"
#include "lib/http1_head.h"
#include "lib/rd.h"

enum {
	/* Of user and password together. */
	CREDENTIALS_MAX = 4096,
	/* As a field value. */
	CREDENTIALS_FIELD_MAX = CREDENTIALS_MAX * 2,
};

/* The content of the file becomes the value of an Authorization or Proxy-Authorization field. A newline at its end does
 * not count. The text is not quoted in what goes wrong (ERR_INVALID, ERR_LIMIT). */
int credentials_read(struct slice text, struct buf *out_field, struct err *err);

/* Whether a request names `field`, which credentials_read() made, in exactly one Proxy-Authorization. How long it
 * takes says nothing about where they differ. */
bool credentials_match(const char *field, const struct http1_head *head);

/* Wipes and frees. */
void credentials_done(struct buf *field);

#endif
