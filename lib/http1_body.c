/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/http1_body.h"

/* 15 hexadecimal digits: no sum of chunks overflows. */
enum { CHUNK_DIGITS_MAX = 15 };

struct http1_body http1_body_init(enum http1_framing framing, uint64_t length)
{
	return (struct http1_body){
		.framing = framing,
		.left = framing == HTTP1_BODY_LENGTH ? length : 0,
	};
}

static enum http1_fault go(struct http1_body *b, enum http1_chunk_state next)
{
	b->state = next;
	return HTTP1_FAULT_NONE;
}

static int hex_value(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static enum http1_fault in_size(struct http1_body *b, uint8_t c)
{
	int digit = hex_value(c);

	if (digit >= 0 && b->line_n <= CHUNK_DIGITS_MAX) {
		b->left = b->left << 4 | (unsigned)digit;
		return go(b, HTTP1_CHUNK_SIZE_MORE);
	}
	/* A blank before the ';' or the CR is what some parsers trim and others end at. */
	if (b->state == HTTP1_CHUNK_SIZE_MORE && c == ';')
		return go(b, HTTP1_CHUNK_EXTENSION);
	if (b->state == HTTP1_CHUNK_SIZE_MORE && c == '\r')
		return go(b, HTTP1_CHUNK_SIZE_LF);
	return HTTP1_FAULT_CHUNK_SIZE;
}

static enum http1_fault in_extension(struct http1_body *b, uint8_t c)
{
	if (c == '\r')
		return go(b, HTTP1_CHUNK_SIZE_LF);
	if (!http1_is_value_char(c) || b->line_n > HTTP1_CHUNK_LINE_MAX)
		return HTTP1_FAULT_CHUNK_EXTENSION;
	return HTTP1_FAULT_NONE;
}

static enum http1_fault after_size(struct http1_body *b, uint8_t c)
{
	if (c != '\n')
		return HTTP1_FAULT_CHUNK_SIZE;
	b->line_n = 0;
	return go(b, b->left > 0 ? HTTP1_CHUNK_DATA : HTTP1_CHUNK_TRAILER);
}

static enum http1_fault after_data(struct http1_body *b, uint8_t c)
{
	if (b->state == HTTP1_CHUNK_DATA_CR && c == '\r')
		return go(b, HTTP1_CHUNK_DATA_LF);
	if (b->state == HTTP1_CHUNK_DATA_LF && c == '\n') {
		b->line_n = 0;
		return go(b, HTTP1_CHUNK_SIZE);
	}
	return HTTP1_FAULT_CHUNK_END;
}

static enum http1_fault in_trailer(struct http1_body *b, uint8_t c)
{
	if (b->line_n > HTTP1_TRAILERS_MAX)
		return HTTP1_FAULT_TRAILERS_TOO_LONG;
	if (b->state == HTTP1_CHUNK_TRAILER && c == '\r')
		return go(b, HTTP1_CHUNK_END_LF);
	if (b->state == HTTP1_CHUNK_TRAILER_VALUE) {
		if (c == '\r')
			return go(b, HTTP1_CHUNK_TRAILER_LF);
		return http1_is_value_char(c) ? HTTP1_FAULT_NONE : HTTP1_FAULT_TRAILER;
	}
	if (b->state == HTTP1_CHUNK_TRAILER_NAME && c == ':')
		return go(b, HTTP1_CHUNK_TRAILER_VALUE);
	return http1_is_token_char(c) ? go(b, HTTP1_CHUNK_TRAILER_NAME) : HTTP1_FAULT_TRAILER;
}

static enum http1_fault after_trailer(struct http1_body *b, uint8_t c)
{
	if (c != '\n')
		return HTTP1_FAULT_TRAILER;
	return go(b, b->state == HTTP1_CHUNK_END_LF ? HTTP1_CHUNK_DONE : HTTP1_CHUNK_TRAILER);
}

static enum http1_fault (*const chunk_steps[])(struct http1_body *, uint8_t) = {
	[HTTP1_CHUNK_SIZE] = in_size,
	[HTTP1_CHUNK_SIZE_MORE] = in_size,
	[HTTP1_CHUNK_EXTENSION] = in_extension,
	[HTTP1_CHUNK_SIZE_LF] = after_size,
	[HTTP1_CHUNK_DATA_CR] = after_data,
	[HTTP1_CHUNK_DATA_LF] = after_data,
	[HTTP1_CHUNK_TRAILER] = in_trailer,
	[HTTP1_CHUNK_TRAILER_NAME] = in_trailer,
	[HTTP1_CHUNK_TRAILER_VALUE] = in_trailer,
	[HTTP1_CHUNK_TRAILER_LF] = after_trailer,
	[HTTP1_CHUNK_END_LF] = after_trailer,
};

/* What can be taken of `in` at once. */
static struct slice take_run(struct http1_body *b, struct slice in)
{
	if (in.n > b->left)
		in.n = (size_t)b->left;
	b->left -= in.n;
	return in;
}

static enum parse take_chunked(struct http1_body *b, struct slice in, size_t *out_used,
			       struct slice *out_data, enum http1_fault *out_fault)
{
	size_t i = 0;

	while (i < in.n && b->state != HTTP1_CHUNK_DATA && b->state != HTTP1_CHUNK_DONE) {
		b->line_n++;
		enum http1_fault fault = chunk_steps[b->state](b, in.p[i++]);
		if (fault != HTTP1_FAULT_NONE) {
			*out_fault = fault;
			return PARSE_BAD;
		}
	}
	if (b->state == HTTP1_CHUNK_DATA) {
		*out_data = take_run(b, (struct slice){ in.p + i, in.n - i });
		i += out_data->n;
		if (b->left == 0)
			b->state = HTTP1_CHUNK_DATA_CR;
	}
	*out_used = i;
	return b->state == HTTP1_CHUNK_DONE ? PARSE_OK : PARSE_MORE;
}

enum parse http1_body_take(struct http1_body *body, struct slice in, size_t *out_used,
			   struct slice *out_data, enum http1_fault *out_fault)
{
	*out_used = 0;
	*out_data = (struct slice){ 0 };
	if (body->framing == HTTP1_BODY_NONE)
		return PARSE_OK;
	if (body->framing == HTTP1_BODY_CHUNKED)
		return take_chunked(body, in, out_used, out_data, out_fault);
	*out_data = body->framing == HTTP1_BODY_LENGTH ? take_run(body, in) : in;
	*out_used = out_data->n;
	return body->framing == HTTP1_BODY_LENGTH && body->left == 0 ? PARSE_OK : PARSE_MORE;
}

void http1_put_chunk(struct buf *out, struct slice data)
{
	if (data.n == 0)
		return;
	buf_printf(out, "%zx\r\n", data.n);
	buf_put(out, data.p, data.n);
	buf_puts(out, "\r\n");
}

void http1_put_last_chunk(struct buf *out)
{
	buf_puts(out, "0\r\n\r\n");
}
