/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/worker_http.h"

#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/proxy/listen.h"
#include "agent/proxy/queue.h"
#include "agent/proxy/stream.h"
#include "lib/cleanup.h"
#include "lib/http1_request.h"
#include "lib/mem.h"

/* Of what a peer sends behind its request: who sends on and on would have the loop for itself. */
enum { BEHIND_MAX = 65536 };

/* Zeroed: free. */
struct conn {
	struct worker_http *http;
	uint64_t order; /* of coming */
	struct stream stream;
	struct queue in, out;
	struct loop_timer deadline;
	bool answered;
	size_t behind; /* bytes read and thrown away since */
};

struct worker_http {
	struct worker_http_config config;
	struct listener listener;
	struct conn conns[WORKER_HTTP_CONNS_MAX];
	uint64_t accepted;
};

/* --- what is said -------------------------------------------------------------------------------- */

static void put_answer(struct buf *out, const char *status, const char *type, struct slice body,
		       bool no_body)
{
	buf_printf(out,
		   "HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
		   "Cache-Control: no-store\r\nConnection: close\r\n\r\n",
		   status, type, body.n);
	if (!no_body)
		buf_put(out, body.p, body.n);
}

static void put_words(struct buf *out, const char *status, const char *words, bool no_body)
{
	put_answer(out, status, "text/plain; charset=utf-8", slice_text(words), no_body);
}

static void put_metrics(struct buf *out, const struct worker_counts *counts, bool no_body)
{
	AUTO(buf_done) struct buf body = buf_init(WORKER_COUNTS_TEXT_MAX);

	worker_counts_put(counts, &body);
	put_answer(out, "200 OK", "text/plain; version=0.0.4; charset=utf-8", buf_slice(&body),
		   no_body);
}

bool worker_http_answer(struct slice in, const struct worker_counts *counts, struct buf *out)
{
	struct http1_request request;
	enum http1_fault fault;
	enum parse got = http1_request_parse(in, &request, &fault);

	if (got == PARSE_MORE && in.n < WORKER_HTTP_HEAD_MAX)
		return false;
	if (got != PARSE_OK) {
		put_words(out, "400 Bad Request", "malformed or too long\n", false);
		return true;
	}
	bool head = slice_is(request.method, "HEAD");
	if (!head && !slice_is(request.method, "GET"))
		put_words(out, "405 Method Not Allowed\r\nAllow: GET, HEAD", "GET or HEAD\n",
			  false);
	else if (slice_is(request.target, "/metrics"))
		put_metrics(out, counts, head);
	else if (slice_is(request.target, "/healthz"))
		put_words(out, "200 OK", "ok\n", head);
	else if (!slice_is(request.target, "/readyz"))
		put_words(out, "404 Not Found", "/metrics, /healthz or /readyz\n", head);
	else if (counts->is_ready != 0)
		put_words(out, "200 OK", "ready\n", head);
	else
		put_words(out, "503 Service Unavailable", "not ready\n", head);
	return true;
}

/* --- connections --------------------------------------------------------------------------------- */

static void conn_close(struct conn *conn)
{
	struct loop *loop = conn->http->config.loop;

	stream_close(&conn->stream, loop);
	loop_timer_cancel(loop, &conn->deadline);
	queue_done(&conn->in);
	queue_done(&conn->out);
	*conn = (struct conn){ 0 };
}

static void answer(struct conn *conn)
{
	AUTO(buf_done) struct buf out = buf_init((size_t)WORKER_COUNTS_TEXT_MAX + 512);
	struct worker_counts counts = { 0 };

	conn->http->config.collect(conn->http->config.ctx, &counts);
	conn->answered = worker_http_answer(queue_bytes(&conn->in), &counts, &out);
	queue_put(&conn->out, buf_slice(&out));
}

static void throw_away(struct conn *conn)
{
	conn->behind += conn->in.n;
	queue_take(&conn->in, conn->in.n);
}

/* Closing with unread bytes would send a reset, which may overtake the answer: what is left is read, until
 * the client closes or the deadline. */
static void ready(void *ctx, uint32_t events)
{
	struct conn *conn = ctx;
	enum stream_result got, put;
	struct err err;

	stream_note(&conn->stream, events);
	do {
		got = stream_read(&conn->stream, &conn->in, WORKER_HTTP_HEAD_MAX, &err);
		if (!conn->answered && conn->in.n > 0)
			answer(conn);
		if (conn->answered)
			throw_away(conn);
		put = stream_write(&conn->stream, &conn->out, &err);
		if (got == STREAM_ERROR || put == STREAM_ERROR || conn->behind > BEHIND_MAX ||
		    (got == STREAM_END && conn->out.n == 0)) {
			conn_close(conn);
			return;
		}
		if (conn->answered && conn->out.n == 0 && !conn->stream.finished)
			stream_finish(&conn->stream);
	} while (got == STREAM_MOVED || put == STREAM_MOVED);
}

static void timed_out(void *ctx)
{
	conn_close(ctx);
}

/* A free place, or else that of the oldest. */
static struct conn *place(struct worker_http *http)
{
	struct conn *oldest = &http->conns[0];

	for (size_t i = 0; i < WORKER_HTTP_CONNS_MAX; i++) {
		if (http->conns[i].http == NULL)
			return &http->conns[i];
		if (http->conns[i].order < oldest->order)
			oldest = &http->conns[i];
	}
	conn_close(oldest);
	return oldest;
}

static void take(void *ctx, int fd)
{
	struct worker_http *http = ctx;
	struct err err;
	struct conn *conn = place(http);
	conn->http = http;
	conn->order = http->accepted++;
	conn->deadline = (struct loop_timer){ .fire = timed_out, .ctx = conn };
	if (stream_open(&conn->stream, http->config.loop, fd, ready, conn, &err) == -1) {
		close(fd);
		conn_close(conn);
		return;
	}
	loop_timer_set(http->config.loop, &conn->deadline, WORKER_HTTP_DEADLINE_MS);
}

int worker_http_start(const struct worker_http_config *config, struct worker_http **out,
		      struct err *err)
{
	struct worker_http *http = mem_calloc(1, sizeof(*http));

	http->config = *config;
	const struct listener_config listener = {
		.loop = config->loop,
		.log = config->log,
		.fd = config->fd,
		.take = take,
		.ctx = http,
	};
	if (listener_start(&http->listener, &listener, err) == -1) {
		free(http);
		return -1;
	}
	*out = http;
	return 0;
}
