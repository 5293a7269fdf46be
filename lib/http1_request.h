/* SPDX-License-Identifier: Apache-2.0 */
/* http1_request: the head of a request, as a proxy must see it. */
#ifndef LIB_HTTP1_REQUEST_H
#define LIB_HTTP1_REQUEST_H

#include "lib/http1_head.h"

/* RFC 9112, 3.2 */
enum http1_form {
	HTTP1_ORIGIN_FORM = 0, /* /path?query */
	HTTP1_ABSOLUTE_FORM, /* scheme://authority/path?query */
	HTTP1_AUTHORITY_FORM, /* host:port; CONNECT only */
	HTTP1_ASTERISK_FORM, /* '*'; OPTIONS only */
};

/* Borrows from the bytes that were parsed. */
struct http1_request {
	struct http1_head head;
	struct slice method;
	struct slice target; /* as it came */
	enum http1_form form;
	struct slice scheme; /* of the absolute form */
	struct http1_authority authority; /* of the absolute and authority forms */
	struct slice path; /* with its query, as it came; may be empty in the absolute form */
	bool has_host; /* false only in HTTP/1.0 */
	struct http1_authority host; /* of the Host field */
	enum http1_framing framing;
	bool expects_continue;
};

/* Parses the head at the start of `in`; what follows it is not looked at. On PARSE_BAD only
 * `out_fault` is written. */
enum parse http1_request_parse(struct slice in, struct http1_request *out,
			       enum http1_fault *out_fault);

/* What an Upgrade field offers to go on with; what Connection does not name is none (RFC 9110, 7.8). */
struct http1_offer {
	bool websocket;
	bool other; /* something else than that and h2c, which a server need not take */
};

struct http1_offer http1_request_offer(const struct http1_request *request);

#endif
