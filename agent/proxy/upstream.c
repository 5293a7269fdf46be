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
#include "agent/proxy/upstream_connect.h"
#include "agent/proxy/upstream_proxy.h"
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
	bool is_full; /* it had no room to ask */
	struct address *found; /* by the resolver; owned */
	size_t n_found;
	bool is_validated; /* what was found last are addresses of the upstream proxy */
	struct destination_answer targets;
	size_t next; /* of targets, to be tried */
	bool by_name; /* the upstream proxy is told the name, and is the only target */
	bool through; /* the one that is tried now is reached through it */
	size_t next_proxy; /* of the proxy's addresses, for that target */
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
		d->is_full = call->is_full;
	} else {
		d->found = mem_calloc(n, sizeof(*d->found));
		memcpy(d->found, addresses, n * sizeof(*d->found));
		d->n_found = n;
	}
	loop_task_queue(d->conn->proxy->loop, &d->conn->task);
}

static void resolve(struct conn *conn, const struct site *site)
{
	const struct services *services = conn->proxy->services;
	struct dialing *d = conn->dialing;
	struct address literal;

	free(STEAL(d->found));
	free(STEAL(d->error));
	d->n_found = 0;
	if (site_is_address(site, &literal)) {
		d->found = mem_calloc(1, sizeof(*d->found));
		*d->found = literal;
		d->n_found = 1;
		return;
	}
	d->resolve.host = site->host.text;
	d->resolve.done = resolved;
	d->resolve.pending = true;
	services->resolve(services->ctx, &d->resolve);
}

enum step upstream_begin(struct conn *conn)
{
	struct dialing *d = mem_calloc(1, sizeof(*d));

	d->conn = conn;
	conn->dialing = d;
	conn_set_deadline(conn, conn->proxy->limits.resolve_ms);
	conn->state = CONN_RESOLVE;
	resolve(conn, &conn->exchange->answer.site);
	return STEP_AGAIN;
}

static bool goes_through(const struct conn *conn, size_t target)
{
	const struct upstream_proxy *proxy = conn->proxy->upstream_proxy;
	const struct site *site = &conn->exchange->answer.site;
	const struct dialing *d = conn->dialing;

	if (proxy == NULL || upstream_proxy_spares_host(proxy, site))
		return false;
	return d->by_name ||
	       !upstream_proxy_spares_address(proxy, d->targets.addresses[target], site->port);
}

static bool any_goes_through(const struct conn *conn)
{
	for (size_t i = 0; i < conn->dialing->targets.n; i++)
		if (goes_through(conn, i))
			return true;
	return false;
}

/* The upstream proxy may be told a name, so that it chooses the address: not where the policy lists those that
 * it may be. */
static bool may_go_by_name(const struct conn *conn)
{
	const struct upstream_proxy *proxy = conn->proxy->upstream_proxy;
	const struct gate_answer *answer = &conn->exchange->answer;
	struct address literal;

	return proxy != NULL && proxy->by_hostname && answer->decision.allowed_ips == NULL &&
	       !upstream_proxy_spares_host(proxy, &answer->site) &&
	       !site_is_address(&answer->site, &literal);
}

/* The host's addresses are there, or there are none: may it be reached? */
static int validate(struct conn *conn, struct err *err)
{
	const struct services *services = conn->proxy->services;
	struct gate_answer *answer = &conn->exchange->answer;
	struct dialing *d = conn->dialing;
	struct destination_question question = {
		.host = site_host(&answer->site),
		.port = answer->site.port,
		.decision = &answer->decision,
		.addresses = d->found,
		.n = d->n_found,
		.by_name = d->n_found == 0,
	};

	if (services->validate(services->ctx, &question, &d->targets, err) == -1)
		return -1;
	d->is_validated = true;
	d->by_name = may_go_by_name(conn) && (d->n_found == 0 || goes_through(conn, 0));
	if (d->by_name)
		d->targets.n = 1;
	return 0;
}

static enum step begin_dialling(struct conn *conn)
{
	struct dialing *d = conn->dialing;

	d->until_ms = loop_now_ms(conn->proxy->loop) + conn->proxy->limits.dial_ms;
	d->timed_out = true;
	return upstream_next_address(conn, NULL);
}

enum step step_resolve(struct conn *conn)
{
	struct dialing *d = conn->dialing;
	struct err err = { 0 };

	if (d->resolve.pending)
		return STEP_WAIT;
	if (d->is_validated && d->n_found == 0)
		return conn_fail(conn, REFUSAL_UPSTREAM_PROXY,
				 "the upstream proxy's own name has no address");
	if (d->is_validated)
		return begin_dialling(conn);
	if (d->n_found == 0 && !may_go_by_name(conn))
		return conn_fail(conn, d->is_full ? REFUSAL_FULL : REFUSAL_NO_NAME, d->error);
	if (validate(conn, &err) == -1)
		return conn_fail(conn, REFUSAL_DESTINATION, err.msg);
	if (!any_goes_through(conn))
		return begin_dialling(conn);
	conn_set_deadline(conn, conn->proxy->limits.resolve_ms);
	resolve(conn, &conn->proxy->upstream_proxy->site);
	return STEP_AGAIN;
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

/* The next to try: another address of the upstream proxy for the same target, or another target. */
static bool choose_next(struct conn *conn)
{
	struct dialing *d = conn->dialing;

	/* Only where the proxy itself was not reached is another of its addresses worth a try. */
	if (d->through && conn->state == CONN_DIAL && d->next_proxy < d->n_found)
		return true;
	if (d->next == d->targets.n)
		return false;
	d->through = goes_through(conn, d->next++);
	d->next_proxy = 0;
	return true;
}

static int dial_next(struct conn *conn)
{
	struct dialing *d = conn->dialing;

	if (d->through)
		return dial(conn, d->found[d->next_proxy++],
			    conn->proxy->upstream_proxy->site.port);
	return dial(conn, d->targets.addresses[d->next - 1], conn->exchange->answer.site.port);
}

static enum step not_reached(struct conn *conn)
{
	struct dialing *d = conn->dialing;
	enum refusal_code code = d->through ? REFUSAL_UPSTREAM_PROXY : REFUSAL_UNREACHABLE;
	char detail[GATE_DETAIL_MAX];

	snprintf(detail, sizeof(detail), "%s port %u cannot be reached%s: %s",
		 conn->exchange->answer.site.host.text, conn->exchange->answer.site.port,
		 d->through ? " through the upstream proxy" : "", d->why);
	return conn_fail(conn, d->timed_out ? REFUSAL_TIMEOUT : code, detail);
}

enum step upstream_next_address(struct conn *conn, const char *why)
{
	struct dialing *d = conn->dialing;

	conn_close_upstream(conn);
	if (why != NULL)
		snprintf(d->why, sizeof(d->why), "%s", why);
	while (choose_next(conn)) {
		int64_t left = d->until_ms - loop_now_ms(conn->proxy->loop);
		int64_t share = left / (int64_t)(d->targets.n - d->next + 1);

		conn->state = CONN_DIAL;
		if (dial_next(conn) == 0) {
			conn_set_deadline(conn, share > 0 ? share : 0);
			return STEP_AGAIN;
		}
		d->timed_out = false;
		snprintf(d->why, sizeof(d->why), "%s", strerrordesc_np(errno));
	}
	return not_reached(conn);
}

enum step upstream_connected(struct conn *conn)
{
	struct exchange *x = conn->exchange;

	conn->upstream_site = x->answer.site;
	conn->upstream_used_ms = 0;
	upstream_cancel(conn);
	if (x->is_connect)
		return conn_goto(conn, CONN_OPEN_TUNNEL);
	if (conn->tunnel_tls)
		return conn_tls_connect(conn);
	/* A server that speaks unasked answers nothing. */
	if (conn->upstream.in.n > 0)
		return conn_fail(conn, REFUSAL_UPSTREAM, "the server spoke before it was asked");
	return exchange_start(conn);
}

/* The connection that was dialled is made. */
static enum step dialled(struct conn *conn)
{
	struct dialing *d = conn->dialing;
	struct stream *s = &conn->upstream.stream;

	if (!d->through)
		return upstream_connected(conn);
	d->timed_out = false;
	s->through = true;
	s->by_name = d->by_name;
	s->to = d->targets.addresses[d->next - 1];
	return upstream_connect_begin(conn, d->by_name ? NULL : &s->to);
}

enum step step_dial(struct conn *conn)
{
	struct stream *s = &conn->upstream.stream;
	socklen_t n = sizeof(int);
	int error = 0;

	if (!s->writable && !s->gone)
		return STEP_WAIT;
	if (!s->gone)
		return dialled(conn);
	getsockopt(s->watch.fd, SOL_SOCKET, SO_ERROR, &error, &n);
	conn->dialing->timed_out = false;
	return upstream_next_address(conn, strerrordesc_np(error != 0 ? error : ECONNRESET));
}

size_t upstream_addresses(const struct conn *conn, struct address out[PROXY_ADDRESSES_MAX],
			  bool *out_by_name)
{
	const struct stream *s = &conn->upstream.stream;
	const struct dialing *d = conn->dialing;
	uint16_t port;

	*out_by_name = d != NULL ? d->is_validated && d->by_name : s->by_name;
	if (*out_by_name)
		return 0;
	if (d != NULL && d->is_validated) {
		size_t first = d->next > 0 ? d->next - 1 : 0;

		memcpy(out, d->targets.addresses + first, (d->targets.n - first) * sizeof(*out));
		return d->targets.n - first;
	}
	if (s->open && s->through) {
		*out = s->to;
		return 1;
	}
	return s->open && peer_address(s->watch.fd, out, &port);
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
