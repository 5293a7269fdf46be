/* SPDX-License-Identifier: Apache-2.0 */
/* http1_response: the head of a response, and how long its body is. */
#ifndef LIB_HTTP1_RESPONSE_H
#define LIB_HTTP1_RESPONSE_H

#include "lib/http1_head.h"

/* What was asked decides whether there is a body. */
enum http1_asked { HTTP1_ASKED_OTHER = 0, HTTP1_ASKED_HEAD, HTTP1_ASKED_CONNECT };

/* Borrows from the bytes that were parsed. */
struct http1_response {
	struct http1_head head;
	int status; /* 100..999 */
	struct slice reason; /* may be empty */
	bool interim; /* 1xx but 101: another response follows */
	enum http1_framing framing;
	/* It announces a body although it can have none (RFC 9110, 8.6 and 6.4.1): nobody knows whether one
	 * follows. */
	bool contradicts;
};

/* Parses the head at the start of `in`; what follows it is not looked at. On PARSE_BAD only
 * `out_fault` is written. */
enum parse http1_response_parse(struct slice in, enum http1_asked asked, struct http1_response *out,
				enum http1_fault *out_fault);

#endif
