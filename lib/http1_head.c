/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/http1_head.h"

#include <string.h>
#include <strings.h>

#include "lib/cleanup.h"

static const struct {
	const char *name;
	enum http1_kind kind;
} kinds[] = {
	{ "host", HTTP1_HOST },
	{ "content-length", HTTP1_CONTENT_LENGTH },
	{ "transfer-encoding", HTTP1_TRANSFER_ENCODING },
	{ "connection", HTTP1_CONNECTION },
	{ "upgrade", HTTP1_UPGRADE },
	{ "expect", HTTP1_EXPECT },
	{ "keep-alive", HTTP1_HOP_BY_HOP },
	{ "te", HTTP1_HOP_BY_HOP },
	{ "trailer", HTTP1_HOP_BY_HOP },
};

static enum parse bad(enum http1_fault *out, enum http1_fault fault)
{
	*out = fault;
	return PARSE_BAD;
}

enum parse http1_line_next(struct http1_lines *lines, struct slice *out,
			   enum http1_fault *out_fault)
{
	struct slice left = { lines->in.p + lines->pos, lines->in.n - lines->pos };
	size_t room = lines->max - lines->pos;
	size_t window = left.n < room ? left.n : room;
	const uint8_t *lf = window > 0 ? memchr(left.p, '\n', window) : NULL;
	size_t n = lf != NULL ? (size_t)(lf - left.p) : window;

	/* The end of a line counts: whatever comes next, this one is longer than allowed. */
	if (n > (size_t)HTTP1_LINE_MAX + 1)
		return bad(out_fault, HTTP1_FAULT_LINE_TOO_LONG);
	if (lf == NULL && left.n > room)
		return bad(out_fault, HTTP1_FAULT_HEAD_TOO_LONG);
	if (lf == NULL)
		return PARSE_MORE;
	if (n == 0 || left.p[n - 1] != '\r')
		return bad(out_fault, HTTP1_FAULT_BARE_LF);
	*out = (struct slice){ left.p, n - 1 };
	lines->pos += n + 1;
	return PARSE_OK;
}

bool http1_version_parse(struct slice text, unsigned *out_minor)
{
	static const char prefix[] = "HTTP/1.";
	size_t n = sizeof(prefix) - 1;

	if (text.n != n + 1 || memcmp(text.p, prefix, n) != 0)
		return false;
	if (text.p[n] != '0' && text.p[n] != '1')
		return false;
	*out_minor = text.p[n] - '0';
	return true;
}

static enum http1_kind kind_of(struct slice name)
{
	static const char proxy[] = "proxy-";

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (http1_text_is(name, kinds[i].name))
			return kinds[i].kind;
	if (name.n >= sizeof(proxy) &&
	    http1_text_is((struct slice){ name.p, sizeof(proxy) - 1 }, proxy))
		return HTTP1_HOP_BY_HOP;
	return HTTP1_END_TO_END;
}

/* "content_length": gateways that hand fields on as variables write both as CONTENT_LENGTH. */
static bool is_alias(struct slice name)
{
	char dashed[sizeof("transfer-encoding") - 1];
	struct slice text = { (const uint8_t *)dashed, name.n };

	if (name.n > sizeof(dashed) || memchr(name.p, '_', name.n) == NULL)
		return false;
	for (size_t i = 0; i < name.n; i++)
		dashed[i] = name.p[i] == '_' ? '-' : (char)name.p[i];
	enum http1_kind kind = kind_of(text);
	return kind == HTTP1_CONTENT_LENGTH || kind == HTTP1_TRANSFER_ENCODING;
}

static bool has_only_value_chars(struct slice text)
{
	for (size_t i = 0; i < text.n; i++)
		if (!http1_is_value_char(text.p[i]))
			return false;
	return true;
}

static enum http1_fault parse_field(struct slice line, struct http1_field *out)
{
	const uint8_t *colon = memchr(line.p, ':', line.n);

	if (line.p[0] == ' ' || line.p[0] == '\t')
		return HTTP1_FAULT_FOLDED;
	if (colon == NULL)
		return HTTP1_FAULT_FIELD_NAME;
	struct slice name = { line.p, (size_t)(colon - line.p) };
	struct slice value = { colon + 1, line.n - name.n - 1 };
	/* No blank before the colon: readers differ on whether it belongs to the name. */
	if (!http1_is_token(name))
		return HTTP1_FAULT_FIELD_NAME;
	if (is_alias(name))
		return HTTP1_FAULT_FIELD_ALIAS;
	if (!has_only_value_chars(value))
		return HTTP1_FAULT_CONTROL;
	while (value.n > 0 && (value.p[0] == ' ' || value.p[0] == '\t')) {
		value.p++;
		value.n--;
	}
	while (value.n > 0 && (value.p[value.n - 1] == ' ' || value.p[value.n - 1] == '\t'))
		value.n--;
	*out = (struct http1_field){ name, value, kind_of(name) };
	return HTTP1_FAULT_NONE;
}

static bool parse_length(struct slice text, uint64_t *out)
{
	uint64_t n = 0;

	/* 18 digits: no sum of lengths overflows, and nobody sends an exabyte. */
	if (text.n == 0 || text.n > 18)
		return false;
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] < '0' || text.p[i] > '9')
			return false;
		n = n * 10 + (text.p[i] - '0');
	}
	*out = n;
	return true;
}

static enum http1_fault read_length(struct http1_head *head, const struct http1_field *field)
{
	uint64_t length;

	if (!parse_length(field->value, &length))
		return HTTP1_FAULT_LENGTH;
	if (head->has_length && head->length != length)
		return HTTP1_FAULT_LENGTH_DIFFERS;
	head->has_length = true;
	head->length = length;
	return HTTP1_FAULT_NONE;
}

static enum http1_fault read_coding(struct http1_head *head, const struct http1_field *field)
{
	struct slice list = field->value;
	struct slice coding;
	bool unknown = false;

	while (http1_list_next(&list, &coding)) {
		if (head->chunked)
			return HTTP1_FAULT_CODING_ORDER;
		if (http1_text_is(coding, "chunked"))
			head->chunked = true;
		else
			unknown = true;
	}
	return unknown ? HTTP1_FAULT_CODING : HTTP1_FAULT_NONE;
}

/* What Connection names ends here too, except that it cannot unframe or redirect the message. */
static enum http1_fault drop_named(struct http1_head *head, struct slice name)
{
	for (size_t i = 0; i < head->n_fields; i++) {
		struct http1_field *field = &head->fields[i];

		if (field->name.n != name.n ||
		    strncasecmp((const char *)field->name.p, (const char *)name.p, name.n) != 0)
			continue;
		if (field->kind == HTTP1_HOST || field->kind == HTTP1_CONTENT_LENGTH ||
		    field->kind == HTTP1_TRANSFER_ENCODING)
			return HTTP1_FAULT_CONNECTION;
		if (field->kind == HTTP1_END_TO_END || field->kind == HTTP1_EXPECT)
			field->kind = HTTP1_HOP_BY_HOP;
	}
	return HTTP1_FAULT_NONE;
}

struct options {
	bool close, keep_alive, upgrade;
	size_t n;
};

static enum http1_fault read_connection(struct http1_head *head, const struct http1_field *field,
					struct options *options)
{
	struct slice list = field->value;
	struct slice option;

	while (http1_list_next(&list, &option)) {
		if (!http1_is_token(option) || ++options->n > HTTP1_CONNECTION_OPTIONS_MAX)
			return HTTP1_FAULT_CONNECTION;
		if (http1_text_is(option, "host") || http1_text_is(option, "content-length") ||
		    http1_text_is(option, "transfer-encoding"))
			return HTTP1_FAULT_CONNECTION;
		options->close |= http1_text_is(option, "close");
		options->keep_alive |= http1_text_is(option, "keep-alive");
		options->upgrade |= http1_text_is(option, "upgrade");
		enum http1_fault fault = drop_named(head, option);
		if (fault != HTTP1_FAULT_NONE)
			return fault;
	}
	return HTTP1_FAULT_NONE;
}

/* What the fields say together. */
static enum http1_fault interpret(struct http1_head *head)
{
	struct options options = { 0 };
	bool coded = false;

	for (size_t i = 0; i < head->n_fields; i++) {
		const struct http1_field *field = &head->fields[i];
		enum http1_fault fault = HTTP1_FAULT_NONE;

		if (field->kind == HTTP1_CONTENT_LENGTH)
			fault = read_length(head, field);
		else if (field->kind == HTTP1_TRANSFER_ENCODING)
			fault = read_coding(head, field);
		else if (field->kind == HTTP1_CONNECTION)
			fault = read_connection(head, field, &options);
		coded |= field->kind == HTTP1_TRANSFER_ENCODING;
		if (fault != HTTP1_FAULT_NONE)
			return fault;
	}
	if (coded && head->has_length)
		return HTTP1_FAULT_LENGTH_AND_CODING;
	if (coded && head->minor == 0)
		return HTTP1_FAULT_CODING_VERSION;
	head->upgrade = options.upgrade;
	head->keep_alive = !options.close && (head->minor == 1 || options.keep_alive);
	return HTTP1_FAULT_NONE;
}

enum parse http1_fields_parse(struct http1_lines *lines, struct http1_head *head,
			      enum http1_fault *out_fault)
{
	struct slice line;
	enum http1_fault fault;
	enum parse got;

	while ((got = http1_line_next(lines, &line, out_fault)) == PARSE_OK && line.n > 0) {
		if (head->n_fields == HTTP1_FIELDS_MAX)
			return bad(out_fault, HTTP1_FAULT_TOO_MANY_FIELDS);
		fault = parse_field(line, &head->fields[head->n_fields]);
		if (fault != HTTP1_FAULT_NONE)
			return bad(out_fault, fault);
		head->n_fields++;
	}
	if (got != PARSE_OK)
		return got;
	head->n = lines->pos;
	fault = interpret(head);
	return fault == HTTP1_FAULT_NONE ? PARSE_OK : bad(out_fault, fault);
}

const struct http1_field *http1_head_find(const struct http1_head *head, enum http1_kind kind)
{
	for (size_t i = 0; i < head->n_fields; i++)
		if (head->fields[i].kind == kind)
			return &head->fields[i];
	return NULL;
}
