/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/proxy/upstream.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "agent/proxy/conn_reply.h"
#include "agent/proxy/conn_tls.h"
#include "agent/proxy/exchange.h"
#include "agent/proxy/socket.h"
#include "lib/cleanup.h"
#include "lib/mem.h"

enum {
	/* A server may give an idle connection up at any time. A request that cannot be sent again goes over
	 * one only if it was of use just now: common servers wait five seconds and longer. */
	REUSE_FRESH_MS = 3000,
};

struct dialing {
	struct conn *conn;
	struct resolve_call resolve;
	char *error; /* of the resolver; owned */
	struct address *found; /* by the resolver; owned */
	size_t n_found;
	struct destination_answer targets;
	size_t next; /* of targets, to be tried */
	int64_t until_ms; /* for all of them */
	char why[256]; /* the last one failed */
	bool timed_out; /* all of them did */
};

void upstream_cancel(struct conn *conn)
{
	struct dialing *d = conn->dialing;

	if (d == NULL)
		return;
	if (d->resolve.pending)
		conn->proxy->services->resolve_cancel(conn->proxy->services->ctx, &d->resolve);
	free(d->error);
	free(d->found);
	free(d);
	conn->dialing = NULL;
}

/* --- resolving ----------------------------------------------------------------------------------- */

static void resolved(struct resolve_call *call, const struct address *addresses, size_t n,
		     const char *error)
{
	struct dialing *d = (struct dialing *)((char *)call - offsetof(struct dialing, resolve));

	call->pending = false;
	if (n == 0) {
		d->error = mem_strdup(error);
	} else {
		d->found = mem_calloc(n, sizeof(*d->found));
		memcpy(d->found, addresses, n * sizeof(*d->found));
		d->n_found = n;
	}
	loop_task_queue(d->conn->proxy->loop, &d->conn->task);
}

enum step upstream_begin(struct conn *conn)
{
	const struct services *services = conn->proxy->services;
	const struct site *site = &conn->exchange->answer.site;
	struct dialing *d = mem_calloc(1, sizeof(*d));

	d->conn = conn;
	conn->dialing = d;
	conn_set_deadline(conn, conn->proxy->limits.resolve_ms);
	conn->state = CONN_RESOLVE;
	d->found = mem_calloc(1, sizeof(*d->found));
	if (site_is_address(site, d->found)) {
		d->n_found = 1;
		return STEP_AGAIN;
	}
	free(STEAL(d->found));
	d->resolve.host = site->host.text;
	d->resolve.done = resolved;
	d->resolve.pending = true;
	services->resolve(services->ctx, &d->resolve);
	return STEP_AGAIN;
}

enum step step_resolve(struct conn *conn)
{
	const struct services *services = conn->proxy->services;
	struct dialing *d = conn->dialing;
	struct gate_answer *answer = &conn->exchange->answer;
	struct err err = { 0 };

	if (d->resolve.pending)
		return STEP_WAIT;
	if (d->n_found == 0)
		return conn_fail(conn, REFUSAL_NO_NAME, d->error);
	struct destination_question question = {
		.host = site_host(&answer->site),
		.port = answer->site.port,
		.decision = &answer->decision,
		.addresses = d->found,
		.n = d->n_found,
	};
	if (services->validate(services->ctx, &question, &d->targets, &err) == -1)
		return conn_fail(conn, REFUSAL_DESTINATION, err.msg);
	d->until_ms = loop_now_ms(conn->proxy->loop) + conn->proxy->limits.dial_ms;
	d->timed_out = true;
	return upstream_next_address(conn, NULL);
}

/* --- dialling ------------------------------------------------------------------------------------ */

static void upstream_ready(void *ctx, uint32_t events)
{
	struct conn *conn = ctx;

	stream_note(&conn->upstream.stream, events);
	conn_run(conn);
}

/* Begins to connect; -1 and errno where it fails at once. */
static int dial(struct conn *conn, struct address address, uint16_t port)
{
	AUTO_FD int fd = socket_connect(address, port);
	struct err err;

	if (fd == -1)
		return -1;
	if (stream_open(&conn->upstream.stream, conn->proxy->loop, fd, upstream_ready, conn,
			&err) == -1)
		return -1;
	steal_fd(&fd);
	return 0;
}

enum step upstream_next_address(struct conn *conn, const char *why)
{
	struct dialing *d = conn->dialing;
	uint16_t port = conn->exchange->answer.site.port;
	char detail[GATE_DETAIL_MAX];

	conn_close_upstream(conn);
	if (why != NULL)
		snprintf(d->why, sizeof(d->why), "%s", why);
	while (d->next < d->targets.n) {
		int64_t left = d->until_ms - loop_now_ms(conn->proxy->loop);
		int64_t share = left / (int64_t)(d->targets.n - d->next);

		if (dial(conn, d->targets.addresses[d->next++], port) == 0) {
			conn_set_deadline(conn, share > 0 ? share : 0);
			return conn_goto(conn, CONN_DIAL);
		}
		d->timed_out = false;
		snprintf(d->why, sizeof(d->why), "%s", strerrordesc_np(errno));
	}
	snprintf(detail, sizeof(detail), "%s port %u cannot be reached: %s",
		 conn->exchange->answer.site.host.text, port, d->why);
	return conn_fail(conn, d->timed_out ? REFUSAL_TIMEOUT : REFUSAL_UNREACHABLE, detail);
}

static enum step connected(struct conn *conn)
{
	struct exchange *x = conn->exchange;

	conn->upstream_site = x->answer.site;
	conn->upstream_used_ms = 0;
	upstream_cancel(conn);
	if (x->is_connect)
		return conn_goto(conn, CONN_OPEN_TUNNEL);
	if (conn->tunnel_tls)
		return conn_tls_connect(conn);
	return exchange_start(conn);
}

enum step step_dial(struct conn *conn)
{
	struct stream *s = &conn->upstream.stream;
	socklen_t n = sizeof(int);
	int error = 0;

	if (!s->writable && !s->gone)
		return STEP_WAIT;
	if (!s->gone)
		return connected(conn);
	getsockopt(s->watch.fd, SOL_SOCKET, SO_ERROR, &error, &n);
	conn->dialing->timed_out = false;
	return upstream_next_address(conn, strerrordesc_np(error != 0 ? error : ECONNRESET));
}

size_t upstream_addresses(const struct conn *conn, struct address out[PROXY_ADDRESSES_MAX])
{
	const struct dialing *d = conn->dialing;
	uint16_t port;

	if (d != NULL && d->next > 0) {
		size_t first = d->next - 1;

		memcpy(out, d->targets.addresses + first, (d->targets.n - first) * sizeof(*out));
		return d->targets.n - first;
	}
	return conn->upstream.stream.open &&
	       peer_address(conn->upstream.stream.watch.fd, out, &port);
}

/* --- once more ----------------------------------------------------------------------------------- */

void upstream_check_idle(struct conn *conn)
{
	struct end *upstream = &conn->upstream;
	struct err err;

	if (!upstream->stream.open)
		return;
	/* A server that speaks unasked is out of step; what it says answers nothing. */
	if (stream_read(&upstream->stream, &upstream->in, PROXY_EXCHANGE_BYTES, &err) !=
		    STREAM_WAIT ||
	    upstream->in.n > 0)
		conn_close_upstream(conn);
	queue_rest(&upstream->in);
}

static struct pool_key key_of(const struct conn *conn, const struct site *site)
{
	return (struct pool_key){ conn->program, site, conn->tunnel_tls };
}

void upstream_leave(struct conn *conn)
{
	struct pool_key key = key_of(conn, &conn->upstream_site);

	upstream_check_idle(conn);
	if (!conn->upstream.stream.open)
		return;
	if (conn->proxy->draining)
		conn_close_upstream(conn);
	else
		pool_put(&conn->proxy->pool, &key, &conn->upstream.stream);
}

static bool is_fit(const struct conn *conn)
{
	int64_t idle_ms = loop_now_ms(conn->proxy->loop) - conn->upstream_used_ms;

	return exchange_may_repeat(conn->exchange) || idle_ms < REUSE_FRESH_MS;
}

bool upstream_reuse(struct conn *conn)
{
	const struct site *site = &conn->exchange->answer.site;
	struct pool_key key = key_of(conn, site);
	struct stream *stream = &conn->upstream.stream;

	upstream_check_idle(conn);
	if (stream->open && !site_equals(&conn->upstream_site, site))
		upstream_leave(conn);
	if (!stream->open) {
		if (!pool_take(&conn->proxy->pool, &key, upstream_ready, conn, stream,
			       &conn->upstream_used_ms))
			return false;
		conn->upstream_site = *site;
	}
	if (is_fit(conn))
		return true;
	conn_close_upstream(conn);
	return false;
}
