/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/http1_response.h"

static enum parse bad(enum http1_fault *out, enum http1_fault fault)
{
	*out = fault;
	return PARSE_BAD;
}

enum { VERSION_N = 8, STATUS_END = 12 };

/* "HTTP/1.1 200 reason"; the blank before an absent reason is missing from many servers. */
static enum http1_fault parse_status_line(struct slice line, struct http1_response *out)
{
	int status = 0;

	if (line.n < STATUS_END || line.p[VERSION_N] != ' ')
		return HTTP1_FAULT_STATUS_LINE;
	if (!http1_version_parse((struct slice){ line.p, VERSION_N }, &out->head.minor))
		return HTTP1_FAULT_VERSION;
	for (size_t i = VERSION_N + 1; i < STATUS_END; i++) {
		if (line.p[i] < '0' || line.p[i] > '9')
			return HTTP1_FAULT_STATUS_LINE;
		status = status * 10 + (line.p[i] - '0');
	}
	if (status < 100 || (line.n > STATUS_END && line.p[STATUS_END] != ' '))
		return HTTP1_FAULT_STATUS_LINE;
	out->status = status;
	if (line.n > STATUS_END)
		out->reason = (struct slice){ line.p + STATUS_END + 1, line.n - STATUS_END - 1 };
	for (size_t i = 0; i < out->reason.n; i++)
		if (!http1_is_value_char(out->reason.p[i]))
			return HTTP1_FAULT_STATUS_LINE;
	return HTTP1_FAULT_NONE;
}

/* RFC 9112, 6.3 */
static enum http1_framing framing_of(const struct http1_response *r, enum http1_asked asked)
{
	bool bodiless = asked == HTTP1_ASKED_HEAD || r->status < 200 || r->status == 204 ||
			r->status == 304;

	if (bodiless || (asked == HTTP1_ASKED_CONNECT && r->status < 300))
		return HTTP1_BODY_NONE;
	if (r->head.chunked)
		return HTTP1_BODY_CHUNKED;
	return r->head.has_length ? HTTP1_BODY_LENGTH : HTTP1_BODY_UNTIL_CLOSE;
}

static bool is_contradiction(const struct http1_response *r)
{
	return (r->status < 200 || r->status == 204) &&
	       (r->head.chunked || (r->head.has_length && r->head.length > 0));
}

enum parse http1_response_parse(struct slice in, enum http1_asked asked, struct http1_response *out,
				enum http1_fault *out_fault)
{
	struct http1_lines lines = { .in = in, .max = HTTP1_RESPONSE_HEAD_MAX };
	struct http1_response done = { 0 };
	struct slice line;

	if (in.n == 0)
		return PARSE_MORE;
	/* Told from the first byte, so that a server of another protocol fails at once. */
	if (in.p[0] != 'H')
		return bad(out_fault, HTTP1_FAULT_STATUS_LINE);
	enum parse got = http1_line_next(&lines, &line, out_fault);
	if (got != PARSE_OK)
		return got;
	enum http1_fault fault = parse_status_line(line, &done);
	if (fault != HTTP1_FAULT_NONE)
		return bad(out_fault, fault);
	got = http1_fields_parse(&lines, &done.head, out_fault);
	if (got != PARSE_OK)
		return got;
	done.framing = framing_of(&done, asked);
	done.contradicts = is_contradiction(&done);
	done.interim = done.status < 200 && done.status != 101;
	*out = done;
	return PARSE_OK;
}
