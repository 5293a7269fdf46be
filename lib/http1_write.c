/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/http1_write.h"

#include <inttypes.h>

static void put(struct buf *out, struct slice text)
{
	buf_put(out, text.p, text.n);
}

static void put_field(struct buf *out, const struct http1_field *field)
{
	put(out, field->name);
	buf_puts(out, ": ");
	put(out, field->value);
	buf_puts(out, "\r\n");
}

static void put_framing(struct buf *out, enum http1_framing framing, uint64_t length)
{
	if (framing == HTTP1_BODY_LENGTH)
		buf_printf(out, "Content-Length: %" PRIu64 "\r\n", length);
	else if (framing == HTTP1_BODY_CHUNKED)
		buf_puts(out, "Transfer-Encoding: chunked\r\n");
}

static void put_upgrade(struct buf *out, const char *protocol)
{
	if (protocol != NULL)
		buf_printf(out, "Connection: Upgrade\r\nUpgrade: %s\r\n", protocol);
}

void http1_write_request(const struct http1_request *request, const struct http1_forward *forward,
			 struct buf *out)
{
	put(out, request->method);
	buf_puts(out, " ");
	put(out, forward->target);
	if (forward->has_query) {
		buf_puts(out, "?");
		put(out, forward->query);
	}
	buf_puts(out, " HTTP/1.1\r\nHost: ");
	put(out, forward->host);
	buf_puts(out, "\r\n");
	for (size_t i = 0; i < request->head.n_fields; i++) {
		const struct http1_field *field = &request->head.fields[i];

		if (field->kind == HTTP1_END_TO_END ||
		    (field->kind == HTTP1_EXPECT && request->expects_continue))
			put_field(out, field);
	}
	put_framing(out, request->framing, request->head.length);
	if (forward->via != NULL)
		buf_printf(out, "Via: 1.%u %s\r\n", request->head.minor, forward->via);
	put_upgrade(out, forward->upgrade);
	if (forward->close)
		buf_puts(out, "Connection: close\r\n");
	buf_puts(out, "\r\n");
}

void http1_write_response(const struct http1_response *response, const struct http1_answer *answer,
			  struct buf *out)
{
	/* To HEAD and in 304 it tells the length that there would have been (RFC 9110, 8.6). */
	bool told = response->framing == HTTP1_BODY_NONE && response->head.has_length &&
		    response->status >= 200 && response->status != 204;

	buf_printf(out, "HTTP/1.1 %03d ", response->status);
	put(out, response->reason);
	buf_puts(out, "\r\n");
	for (size_t i = 0; i < response->head.n_fields; i++)
		if (response->head.fields[i].kind == HTTP1_END_TO_END)
			put_field(out, &response->head.fields[i]);
	put_framing(out, told ? HTTP1_BODY_LENGTH : answer->framing, response->head.length);
	put_upgrade(out, answer->upgrade);
	if (answer->close)
		buf_puts(out, "Connection: close\r\n");
	else if (answer->keep_alive)
		buf_puts(out, "Connection: keep-alive\r\n");
	buf_puts(out, "\r\n");
}
