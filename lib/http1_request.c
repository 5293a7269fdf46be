/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/http1_request.h"

#include <string.h>

static enum parse bad(enum http1_fault *out, enum http1_fault fault)
{
	*out = fault;
	return PARSE_BAD;
}

static size_t method_len(struct slice line)
{
	size_t n = 0;

	while (n < line.n && http1_is_token_char(line.p[n]))
		n++;
	return n;
}

/* Told from the first bytes, so that another protocol gets its answer without sending a line. */
static bool may_be_method(struct slice in)
{
	size_t n = method_len(in);

	if (n > HTTP1_METHOD_MAX)
		return false;
	return n == in.n || (n > 0 && in.p[n] == ' ');
}

/* To some servers "head" is HEAD, to others it is a method that they do not know. */
static bool has_lower_case(struct slice method)
{
	for (size_t i = 0; i < method.n; i++)
		if (method.p[i] >= 'a' && method.p[i] <= 'z')
			return true;
	return false;
}

/* Printable ASCII without blank and '#': a fragment is never sent. */
static bool is_target(struct slice text)
{
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] <= ' ' || text.p[i] >= 0x7f || text.p[i] == '#')
			return false;
	return text.n > 0;
}

static bool is_scheme(struct slice text)
{
	for (size_t i = 0; i < text.n; i++) {
		uint8_t c = text.p[i];
		bool alpha = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');

		if (!alpha &&
		    (i == 0 || ((c < '0' || c > '9') && c != '+' && c != '-' && c != '.')))
			return false;
	}
	return text.n > 0;
}

/* scheme "://" authority [path] ["?" query] */
static bool parse_absolute(struct slice target, struct http1_request *out)
{
	const uint8_t *colon = memchr(target.p, ':', target.n);
	size_t scheme_n = colon != NULL ? (size_t)(colon - target.p) : 0;

	if (colon == NULL || target.n - scheme_n < 3 || memcmp(colon, "://", 3) != 0)
		return false;
	struct slice rest = { colon + 3, target.n - scheme_n - 3 };
	size_t n = 0;
	while (n < rest.n && rest.p[n] != '/' && rest.p[n] != '?')
		n++;
	out->scheme = (struct slice){ target.p, scheme_n };
	out->path = (struct slice){ rest.p + n, rest.n - n };
	out->form = HTTP1_ABSOLUTE_FORM;
	return is_scheme(out->scheme) &&
	       http1_authority_parse((struct slice){ rest.p, n }, &out->authority);
}

static bool parse_target(struct http1_request *out)
{
	struct slice target = out->target;
	bool connect =
		target.n > 0 && out->method.n == 7 && memcmp(out->method.p, "CONNECT", 7) == 0;

	if (!is_target(target))
		return false;
	if (connect) {
		out->form = HTTP1_AUTHORITY_FORM;
		return http1_authority_parse(target, &out->authority) && out->authority.has_port;
	}
	if (target.p[0] == '/') {
		out->form = HTTP1_ORIGIN_FORM;
		out->path = target;
		return true;
	}
	if (target.n == 1 && target.p[0] == '*') {
		out->form = HTTP1_ASTERISK_FORM;
		return out->method.n == 7 && memcmp(out->method.p, "OPTIONS", 7) == 0;
	}
	return parse_absolute(target, out);
}

static enum http1_fault parse_request_line(struct slice line, struct http1_request *out)
{
	size_t method_n = method_len(line);
	const uint8_t *space = method_n < line.n
				       ? memchr(line.p + method_n + 1, ' ', line.n - method_n - 1)
				       : NULL;

	if (space == NULL)
		return HTTP1_FAULT_REQUEST_LINE;
	out->method = (struct slice){ line.p, method_n };
	out->target =
		(struct slice){ line.p + method_n + 1, (size_t)(space - line.p) - method_n - 1 };
	struct slice version = { space + 1, line.n - method_n - out->target.n - 2 };
	if (version.n < 5 || memcmp(version.p, "HTTP/", 5) != 0)
		return HTTP1_FAULT_REQUEST_LINE;
	/* Before the target, so that the preface of HTTP/2 is told what is wrong with it. */
	if (!http1_version_parse(version, &out->head.minor))
		return HTTP1_FAULT_VERSION;
	if (has_lower_case(out->method))
		return HTTP1_FAULT_METHOD_CASE;
	return parse_target(out) ? HTTP1_FAULT_NONE : HTTP1_FAULT_TARGET;
}

static enum http1_fault read_host(struct http1_request *out)
{
	for (size_t i = 0; i < out->head.n_fields; i++) {
		const struct http1_field *field = &out->head.fields[i];

		if (field->kind != HTTP1_HOST)
			continue;
		if (out->has_host)
			return HTTP1_FAULT_HOST_REPEATED;
		if (!http1_authority_parse(field->value, &out->host))
			return HTTP1_FAULT_HOST;
		out->has_host = true;
	}
	/* RFC 9112, 3.2 */
	return out->has_host || out->head.minor == 0 ? HTTP1_FAULT_NONE : HTTP1_FAULT_HOST_MISSING;
}

/* HTTP/1.0 has none: the field means nothing there (RFC 9110, 10.1.1). */
static enum http1_fault read_expect(struct http1_request *out)
{
	for (size_t i = 0; i < out->head.n_fields && out->head.minor > 0; i++) {
		const struct http1_field *field = &out->head.fields[i];

		if (field->kind != HTTP1_EXPECT)
			continue;
		if (out->expects_continue || !http1_text_is(field->value, "100-continue"))
			return HTTP1_FAULT_EXPECT;
		out->expects_continue = true;
	}
	return HTTP1_FAULT_NONE;
}

static enum http1_fault interpret(struct http1_request *out)
{
	enum http1_fault fault = read_host(out);

	if (fault == HTTP1_FAULT_NONE)
		fault = read_expect(out);
	if (out->head.chunked)
		out->framing = HTTP1_BODY_CHUNKED;
	else if (out->head.has_length)
		out->framing = HTTP1_BODY_LENGTH;
	/* RFC 9110, 9.3.6: what follows a CONNECT is the tunnel. */
	if (fault == HTTP1_FAULT_NONE && out->form == HTTP1_AUTHORITY_FORM &&
	    (out->head.chunked || out->head.length > 0))
		return HTTP1_FAULT_CONNECT_BODY;
	return fault;
}

enum parse http1_request_parse(struct slice in, struct http1_request *out,
			       enum http1_fault *out_fault)
{
	struct http1_lines lines = { .in = in, .max = HTTP1_REQUEST_HEAD_MAX };
	struct http1_request done = { 0 };
	struct slice line;

	if (in.n == 0)
		return PARSE_MORE;
	if (!may_be_method(in))
		return bad(out_fault, HTTP1_FAULT_METHOD);
	enum parse got = http1_line_next(&lines, &line, out_fault);
	if (got == PARSE_BAD && *out_fault == HTTP1_FAULT_LINE_TOO_LONG)
		*out_fault = HTTP1_FAULT_TARGET_TOO_LONG;
	if (got != PARSE_OK)
		return got;
	enum http1_fault fault = parse_request_line(line, &done);
	if (fault != HTTP1_FAULT_NONE)
		return bad(out_fault, fault);
	got = http1_fields_parse(&lines, &done.head, out_fault);
	if (got != PARSE_OK)
		return got;
	fault = interpret(&done);
	if (fault != HTTP1_FAULT_NONE)
		return bad(out_fault, fault);
	*out = done;
	return PARSE_OK;
}

struct http1_offer http1_request_offer(const struct http1_request *request)
{
	struct http1_offer offer = { 0 };

	if (!request->head.upgrade || request->head.minor == 0)
		return offer;
	for (size_t i = 0; i < request->head.n_fields; i++) {
		const struct http1_field *field = &request->head.fields[i];
		struct slice list = field->value;
		struct slice item;

		while (field->kind == HTTP1_UPGRADE && http1_list_next(&list, &item)) {
			bool websocket = http1_text_is(item, "websocket");

			offer.websocket |= websocket;
			offer.other |= !websocket && !http1_text_is(item, "h2c");
		}
	}
	return offer;
}
