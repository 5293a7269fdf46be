/* SPDX-License-Identifier: Apache-2.0 */
/* http1_head: what requests and responses have in common: lines, fields, and what the fields say about
 * the connection and the length of the body. For http1_request and http1_response. */
#ifndef LIB_HTTP1_HEAD_H
#define LIB_HTTP1_HEAD_H

#include "lib/http1.h"
#include "lib/parse.h"

struct http1_head {
	unsigned minor; /* of HTTP/1.minor: 0 or 1 */
	struct http1_field fields[HTTP1_FIELDS_MAX];
	size_t n_fields;
	size_t n; /* bytes of the head, with its empty line */
	bool keep_alive; /* the connection may carry another message after this one */
	bool upgrade; /* Connection says that Upgrade is meant */
	bool has_length;
	uint64_t length; /* of Content-Length */
	bool chunked;
};

/* Where the lines of a head come from. */
struct http1_lines {
	struct slice in;
	size_t pos;
	size_t max; /* of the whole head */
};

/* The next line without its CR LF. PARSE_MORE when its end is not there yet. */
enum parse http1_line_next(struct http1_lines *lines, struct slice *out,
			   enum http1_fault *out_fault);

/* "HTTP/1.1" or "HTTP/1.0". */
bool http1_version_parse(struct slice text, unsigned *out_minor);

/* Reads the fields up to the empty line, and what they mean. `head->minor` must be set. */
enum parse http1_fields_parse(struct http1_lines *lines, struct http1_head *head,
			      enum http1_fault *out_fault);

/* The first field of that kind; NULL if there is none. */
const struct http1_field *http1_head_find(const struct http1_head *head, enum http1_kind kind);

#endif
