/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/http1.h"

#include <string.h>

static const struct {
	int status;
	const char *text;
} faults[HTTP1_FAULTS] = {
	[HTTP1_FAULT_NONE] = { 400, "" },
	[HTTP1_FAULT_HEAD_TOO_LONG] = { 431, "the head is too long" },
	[HTTP1_FAULT_TARGET_TOO_LONG] = { 414, "the request line is too long" },
	[HTTP1_FAULT_LINE_TOO_LONG] = { 431, "a line of the head is too long" },
	[HTTP1_FAULT_TOO_MANY_FIELDS] = { 431, "the head has too many fields" },
	[HTTP1_FAULT_BARE_LF] = { 400, "a line does not end in CR LF" },
	[HTTP1_FAULT_CONTROL] = { 400, "the head holds a control character" },
	[HTTP1_FAULT_REQUEST_LINE] = { 400, "the first line is not a method, a target and a "
					    "version with one space between them" },
	[HTTP1_FAULT_METHOD] = { 400, "the method is not a token" },
	[HTTP1_FAULT_METHOD_CASE] = { 400, "the method is not in upper case" },
	[HTTP1_FAULT_TARGET] = { 400, "the request target is malformed" },
	[HTTP1_FAULT_VERSION] = { 505,
				  "the version is neither HTTP/1.1 nor HTTP/1.0: HTTP/2 is not "
				  "spoken here" },
	[HTTP1_FAULT_STATUS_LINE] = { 400, "the status line is malformed" },
	[HTTP1_FAULT_FOLDED] = { 400, "a field is continued on a second line" },
	[HTTP1_FAULT_FIELD_NAME] = { 400, "a field does not begin with a name and a colon" },
	[HTTP1_FAULT_FIELD_ALIAS] = { 400,
				      "a field's name is that of one that frames the message, but "
				      "for '_'" },
	[HTTP1_FAULT_HOST_MISSING] = { 400, "there is no Host field" },
	[HTTP1_FAULT_HOST_REPEATED] = { 400, "there is more than one Host field" },
	[HTTP1_FAULT_HOST] = { 400, "the Host field is not host or host:port" },
	[HTTP1_FAULT_LENGTH] = { 400, "Content-Length is not a number" },
	[HTTP1_FAULT_LENGTH_DIFFERS] = { 400, "Content-Length is given twice and differs" },
	[HTTP1_FAULT_LENGTH_AND_CODING] = { 400, "there are both Content-Length and "
						 "Transfer-Encoding" },
	[HTTP1_FAULT_CODING] = { 501, "the only transfer coding known is chunked" },
	[HTTP1_FAULT_CODING_ORDER] = { 400, "chunked must be the last transfer coding, once" },
	[HTTP1_FAULT_CODING_VERSION] = { 400, "HTTP/1.0 has no Transfer-Encoding" },
	[HTTP1_FAULT_CONNECTION] = { 400, "the Connection field is malformed, too long, or names a "
					  "field that frames the message" },
	[HTTP1_FAULT_EXPECT] = { 417, "the only expectation known is 100-continue, once" },
	[HTTP1_FAULT_CONNECT_BODY] = { 400, "a CONNECT request has no body" },
	[HTTP1_FAULT_CHUNK_SIZE] = { 400, "a chunk size is malformed or too large" },
	[HTTP1_FAULT_CHUNK_EXTENSION] = { 400, "a chunk extension is malformed or too long" },
	[HTTP1_FAULT_CHUNK_END] = { 400, "a chunk is not followed by CR LF" },
	[HTTP1_FAULT_TRAILER] = { 400, "a trailer field is malformed" },
	[HTTP1_FAULT_TRAILERS_TOO_LONG] = { 431, "the trailer section is too long" },
};

static const bool token_chars[256] = {
	['0' ... '9'] = true, ['A' ... 'Z'] = true, ['a' ... 'z'] = true, ['!'] = true,
	['#'] = true,         ['$'] = true,         ['%'] = true,         ['&'] = true,
	['\''] = true,        ['*'] = true,         ['+'] = true,         ['-'] = true,
	['.'] = true,         ['^'] = true,         ['_'] = true,         ['`'] = true,
	['|'] = true,         ['~'] = true,
};

const char *http1_fault_text(enum http1_fault fault)
{
	return faults[fault].text;
}

int http1_fault_status(enum http1_fault fault)
{
	return faults[fault].status;
}

bool http1_is_token_char(uint8_t c)
{
	return token_chars[c];
}

bool http1_is_token(struct slice text)
{
	for (size_t i = 0; i < text.n; i++)
		if (!token_chars[text.p[i]])
			return false;
	return text.n > 0;
}

bool http1_is_value_char(uint8_t c)
{
	return (c >= 0x20 && c != 0x7f) || c == '\t';
}

bool http1_text_is(struct slice text, const char *lower)
{
	for (size_t i = 0; i < text.n; i++) {
		uint8_t c = text.p[i];

		if (c >= 'A' && c <= 'Z')
			c |= 0x20;
		/* Never past the end of `lower`: its NUL differs from what a token holds. */
		if (lower[i] == '\0' || c != (uint8_t)lower[i])
			return false;
	}
	return lower[text.n] == '\0';
}

static bool is_blank(uint8_t c)
{
	return c == ' ' || c == '\t';
}

bool http1_list_next(struct slice *list, struct slice *out)
{
	if (list->p == NULL)
		return false;
	const uint8_t *comma = memchr(list->p, ',', list->n);
	struct slice item = { list->p, comma != NULL ? (size_t)(comma - list->p) : list->n };

	*list = comma != NULL ? (struct slice){ comma + 1, list->n - item.n - 1 }
			      : (struct slice){ 0 };
	while (item.n > 0 && is_blank(item.p[0])) {
		item.p++;
		item.n--;
	}
	while (item.n > 0 && is_blank(item.p[item.n - 1]))
		item.n--;
	*out = item;
	return true;
}

static bool parse_port(struct slice text, uint16_t *out)
{
	unsigned port = 0;

	if (text.n == 0 || text.n > 5 || text.p[0] == '0')
		return false;
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] < '0' || text.p[i] > '9')
			return false;
		port = port * 10 + (text.p[i] - '0');
	}
	*out = (uint16_t)port;
	return port <= UINT16_MAX;
}

static bool is_name_char(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       c == '-' || c == '.' || c == '_';
}

static bool is_v6_char(uint8_t c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F') || (c >= 'a' && c <= 'f') ||
	       c == ':' || c == '.';
}

bool http1_authority_parse(struct slice text, struct http1_authority *out)
{
	bool bracket = text.n > 0 && text.p[0] == '[';
	struct http1_authority a = { .host = { text.p + (bracket ? 1 : 0), 0 } };
	size_t i = bracket ? 1 : 0;

	while (i < text.n && (bracket ? is_v6_char(text.p[i]) : is_name_char(text.p[i])))
		i++;
	a.host.n = i - (bracket ? 1 : 0);
	if (a.host.n == 0)
		return false;
	if (bracket && (i == text.n || text.p[i++] != ']'))
		return false;
	if (i < text.n) {
		if (text.p[i] != ':' ||
		    !parse_port((struct slice){ text.p + i + 1, text.n - i - 1 }, &a.port))
			return false;
		a.has_port = true;
	}
	*out = a;
	return true;
}
