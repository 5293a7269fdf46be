/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/proxy/transparent.h"

#include <arpa/inet.h>
#include <string.h>

#include "agent/proxy/exchange.h"
#include "agent/proxy/sniff.h"
#include "agent/proxy/socket.h"

/* A first line that is longer is nobody's who waits for an answer of ours. */
enum { FIRST_LINE_MAX = 8192 };

/* RFC 8446, 6: a fatal alert, access_denied (49). */
static const uint8_t alert[] = { 21, 3, 3, 0, 2, 2, 49 };

static void read_address(struct address address, struct host_name *out)
{
	if (address_is_v4(address))
		inet_ntop(AF_INET, address.bytes + 12, out->text, sizeof(out->text));
	else
		inet_ntop(AF_INET6, address.bytes, out->text, sizeof(out->text));
	out->n = strlen(out->text);
}

void transparent_begin(struct conn *conn)
{
	const struct flow *flow = &conn->identify.flow;
	const struct http1_request none = { .form = HTTP1_AUTHORITY_FORM };
	const struct host_name *name = synthetic_name(&conn->proxy->synthetic, flow->remote);

	exchange_begin(conn, &none);
	struct site *site = &conn->exchange->answer.site;
	site->port = flow->remote_port;
	if (name != NULL)
		site->host = *name;
	else
		read_address(flow->remote, &site->host);
	conn_set_deadline(conn, conn->proxy->limits.identify_ms);
	conn_goto(conn, CONN_IDENTIFY);
	loop_task_queue(conn->proxy->loop, &conn->task);
}

bool transparent_read_site(struct gate_answer *out)
{
	struct address address;

	if (!site_is_address(&out->site, &address) || !synthetic_covers(address))
		return true;
	out->code = REFUSAL_POLICY;
	buf_clear(&out->detail);
	buf_puts(&out->detail,
		 "the address stands for a name, but DNS has not given it for any since the "
		 "container started");
	return false;
}

bool transparent_is_raw(const struct conn *conn)
{
	return conn->entry == CONN_TRANSPARENT && conn->requests == 0 &&
	       conn->client.stream.tls == NULL;
}

enum step transparent_reset(struct conn *conn)
{
	socket_reset_on_close(conn->client.stream.watch.fd);
	return STEP_CLOSE;
}

/* "GET / HTTP/1.1": PARSE_OK where the bytes begin with such a line. */
static enum parse find_http(struct slice bytes)
{
	static const char version[] = " HTTP/1.";
	const uint8_t *end = memchr(bytes.p, '\n', bytes.n);

	if (bytes.p[0] < 'A' || bytes.p[0] > 'Z' || (end == NULL && bytes.n >= FIRST_LINE_MAX))
		return PARSE_BAD;
	if (end == NULL)
		return PARSE_MORE;
	return memmem(bytes.p, (size_t)(end - bytes.p), version, strlen(version)) != NULL
		       ? PARSE_OK
		       : PARSE_BAD;
}

static enum step answer(struct conn *conn)
{
	conn_set_deadline(conn, conn->proxy->limits.linger_ms);
	return conn_goto(conn, CONN_REPLY);
}

static enum step answer_tls(struct conn *conn)
{
	queue_done(&conn->client.out);
	queue_put(&conn->client.out, (struct slice){ alert, sizeof(alert) });
	return answer(conn);
}

enum step step_turn_down(struct conn *conn)
{
	struct queue *in = &conn->client.in;
	struct err err;

	for (;;) {
		struct slice bytes = queue_bytes(in);

		if (bytes.n > 0 && sniff_is_tls(bytes))
			return answer_tls(conn);
		enum parse http = bytes.n > 0 ? find_http(bytes) : PARSE_MORE;
		if (http == PARSE_OK)
			return answer(conn);
		if (http == PARSE_BAD)
			return transparent_reset(conn);
		switch (stream_read(&conn->client.stream, in, FIRST_LINE_MAX, &err)) {
		case STREAM_MOVED:
			continue;
		case STREAM_WAIT:
			queue_rest(in);
			return STEP_WAIT;
		case STREAM_FULL:
		case STREAM_END:
		case STREAM_ERROR:
			return transparent_reset(conn);
		}
	}
}
