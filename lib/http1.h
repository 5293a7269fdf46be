/* SPDX-License-Identifier: Apache-2.0 */
/* http1: what the parsers of HTTP/1 messages share: limits, faults, fields and authorities.
 *
 * Sans-I/O: bytes in, structs out. Strict where two readers of the same bytes could disagree
 * (RFC 9112, 11.2): such a message is refused with a fault, never repaired. All slices borrow from the
 * bytes that were parsed. */
#ifndef LIB_HTTP1_H
#define LIB_HTTP1_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/rd.h"

enum {
	/* What common servers take by default, so a longer head has nobody to talk to. */
	HTTP1_REQUEST_HEAD_MAX = 16384,
	/* Servers send more than they take: long Set-Cookie and Content-Security-Policy fields. */
	HTTP1_RESPONSE_HEAD_MAX = 32768,
	/* Of a start line or a field, without its CRLF. */
	HTTP1_LINE_MAX = 8192,
	HTTP1_FIELDS_MAX = 100,
	HTTP1_METHOD_MAX = 32,
	/* Each option is compared with each field. */
	HTTP1_CONNECTION_OPTIONS_MAX = 16,
	/* Of one chunk-size line: extensions are dropped, so a long one is only work. */
	HTTP1_CHUNK_LINE_MAX = 256,
	/* Of the trailer section, which is dropped too. */
	HTTP1_TRAILERS_MAX = 4096,
};

enum http1_fault {
	HTTP1_FAULT_NONE = 0,
	HTTP1_FAULT_HEAD_TOO_LONG,
	HTTP1_FAULT_TARGET_TOO_LONG,
	HTTP1_FAULT_LINE_TOO_LONG,
	HTTP1_FAULT_TOO_MANY_FIELDS,
	HTTP1_FAULT_BARE_LF,
	HTTP1_FAULT_CONTROL,
	HTTP1_FAULT_REQUEST_LINE,
	HTTP1_FAULT_METHOD,
	HTTP1_FAULT_METHOD_CASE,
	HTTP1_FAULT_TARGET,
	HTTP1_FAULT_VERSION,
	HTTP1_FAULT_STATUS_LINE,
	HTTP1_FAULT_FOLDED,
	HTTP1_FAULT_FIELD_NAME,
	HTTP1_FAULT_FIELD_ALIAS,
	HTTP1_FAULT_HOST_MISSING,
	HTTP1_FAULT_HOST_REPEATED,
	HTTP1_FAULT_HOST,
	HTTP1_FAULT_LENGTH,
	HTTP1_FAULT_LENGTH_DIFFERS,
	HTTP1_FAULT_LENGTH_AND_CODING,
	HTTP1_FAULT_CODING,
	HTTP1_FAULT_CODING_ORDER,
	HTTP1_FAULT_CODING_VERSION,
	HTTP1_FAULT_CONNECTION,
	HTTP1_FAULT_EXPECT,
	HTTP1_FAULT_CONNECT_BODY,
	HTTP1_FAULT_CHUNK_SIZE,
	HTTP1_FAULT_CHUNK_EXTENSION,
	HTTP1_FAULT_CHUNK_END,
	HTTP1_FAULT_TRAILER,
	HTTP1_FAULT_TRAILERS_TOO_LONG,
	HTTP1_FAULTS,
};

/* One sentence without a full stop; "" for none. */
const char *http1_fault_text(enum http1_fault fault);

/* The status that answers a request with this fault. */
int http1_fault_status(enum http1_fault fault);

/* What a field is to a proxy. */
enum http1_kind {
	HTTP1_END_TO_END = 0, /* goes on as it is */
	HTTP1_HOST,
	HTTP1_CONTENT_LENGTH,
	HTTP1_TRANSFER_ENCODING,
	HTTP1_CONNECTION,
	HTTP1_UPGRADE,
	HTTP1_EXPECT,
	HTTP1_HOP_BY_HOP, /* the others that end here, and what Connection names */
};

struct http1_field {
	struct slice name, value; /* value without the blanks around it */
	enum http1_kind kind;
};

enum http1_framing {
	HTTP1_BODY_NONE = 0,
	HTTP1_BODY_LENGTH,
	HTTP1_BODY_CHUNKED,
	HTTP1_BODY_UNTIL_CLOSE, /* responses only */
};

/* host[:port]. The host is not checked beyond its characters; brackets are taken off. */
struct http1_authority {
	struct slice host;
	bool has_port;
	uint16_t port;
};

/* Refuses user information, percent-encoding, zones, and ports that are not in 1..65535. */
bool http1_authority_parse(struct slice text, struct http1_authority *out);

/* tchar of RFC 9110, 5.6.2 */
bool http1_is_token_char(uint8_t c);
bool http1_is_token(struct slice text);

/* HTAB, SP, VCHAR or obs-text: what a field value may hold. */
bool http1_is_value_char(uint8_t c);

/* ASCII case aside; `lower` is in lower case. */
bool http1_text_is(struct slice text, const char *lower);

/* The next element of a comma-separated list, without blanks; takes it off `list`. False at the end.
 * An empty element comes out with n == 0. */
bool http1_list_next(struct slice *list, struct slice *out);

#endif
