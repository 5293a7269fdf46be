/* SPDX-License-Identifier: Apache-2.0 */
/* http1_write: heads that are sent on, written from what was parsed and from nothing else. Fields that
 * end at a proxy (RFC 9110, 7.6.1) and those that frame the body are left out; the framing is written
 * anew, so that no two servers can disagree on where the message ends. */
#ifndef LIB_HTTP1_WRITE_H
#define LIB_HTTP1_WRITE_H

#include "lib/buf.h"
#include "lib/http1_request.h"
#include "lib/http1_response.h"

struct http1_forward {
	struct slice target, query; /* the canonical target; query without '?' */
	bool has_query;
	struct slice host; /* of the new Host field */
	const char *via; /* added to Via; NULL for none */
	const char *upgrade; /* asked of the server; NULL for none */
	bool close; /* tell the server that nothing follows */
};

/* The body is to follow with the framing of `request`. */
void http1_write_request(const struct http1_request *request, const struct http1_forward *forward,
			 struct buf *out);

struct http1_answer {
	enum http1_framing framing; /* of the body as it will be sent */
	bool close, keep_alive; /* what to say about the connection; neither for nothing */
	const char *upgrade; /* what both go on with; NULL for HTTP */
};

void http1_write_response(const struct http1_response *response, const struct http1_answer *answer,
			  struct buf *out);

#endif
