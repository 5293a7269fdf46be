/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/proxy/dns_server.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "agent/proxy/dns_refused.h"
#include "agent/proxy/listen.h"
#include "lib/cleanup.h"
#include "lib/mem.h"

enum {
	/* Questions answered, or pieces read that hold as many, before others get their turn. */
	BATCH = 64,
	READS = 4,
	/* Few programs ask by TCP, and those that do close at once. */
	CONNS_MAX = 64,
	/* For a question to arrive, its answer to be taken, and until the next one. */
	CONN_IDLE_MS = 10000,
	LENGTH = 2, /* in front of each message by TCP (RFC 1035 4.2.2) */
};

struct dns_conn {
	struct dns_server *server;
	struct dns_conn *next, *previous;
	struct loop_fd watch;
	struct loop_timer timer;
	uint8_t in[LENGTH + DNS_QUERY_MAX], out[LENGTH + DNS_REPLY_MAX];
	size_t in_n, out_n, sent;
};

struct dns_socket {
	struct dns_server *server;
	struct loop_fd watch;
};

struct dns_server {
	struct dns_server_config config;
	struct dns_socket udp[INSIDE_FAMILIES];
	struct listener tcp[INSIDE_FAMILIES];
	struct dns_conn *conns;
	size_t n_conns;
	struct dns_refused refused;
	bool full_told;
};

/* --- answering ----------------------------------------------------------------------------------- */

static void tell_refused(struct dns_server *s, const struct host_name *host)
{
	uint64_t untold;

	if (!dns_refused_tell(&s->refused, host, loop_now_ms(s->config.loop), &untold))
		return;
	struct log_line line = log_begin(s->config.log, LOG_LEVEL_WARN, "dns.query");

	log_str(&line, "verdict", "deny");
	log_str(&line, "host", host->text);
	log_str(&line, "reason", "no endpoint of the policy names this host");
	if (untold > 0)
		log_int(&line, "untold", (int64_t)untold);
	log_end(&line);
}

static void tell_full(struct dns_server *s, const struct host_name *host)
{
	if (s->full_told)
		return;
	s->full_told = true;
	struct log_line line = log_begin(s->config.log, LOG_LEVEL_ERROR, "dns.full");

	log_str(&line, "host", host->text);
	log_str(&line, "reason",
		"as many names were asked for as wildcards may bring; new ones fail until the "
		"container starts again");
	log_end(&line);
}

static size_t answer_host(struct dns_server *s, const struct dns_query *query,
			  uint8_t out[DNS_REPLY_MAX])
{
	enum policy_naming naming = policy_naming(*s->config.policy, &query->host);
	struct address address;

	if (naming == POLICY_NOT_NAMED) {
		tell_refused(s, &query->host);
		return dns_reply_build(query, DNS_NAME_ERROR, NULL, out);
	}
	if (query->type != DNS_TYPE_A)
		return dns_reply_build(query, DNS_NO_ERROR, NULL, out);
	if (synthetic_address(s->config.synthetic, &query->host, naming == POLICY_NAMED_BY_WILDCARD,
			      &address))
		return dns_reply_build(query, DNS_NO_ERROR, &address, out);
	tell_full(s, &query->host);
	return dns_reply_build(query, DNS_SERVER_FAILURE, NULL, out);
}

/* 0: no answer. */
static size_t answer(struct dns_server *s, struct slice message, uint8_t out[DNS_REPLY_MAX])
{
	struct dns_query query;

	if (!dns_query_parse(message, &query))
		return 0;
	if (query.rcode != DNS_NO_ERROR)
		return dns_reply_build(&query, query.rcode, NULL, out);
	if (!query.is_host)
		return dns_reply_build(&query, DNS_NAME_ERROR, NULL, out);
	return answer_host(s, &query, out);
}

/* --- by UDP -------------------------------------------------------------------------------------- */

static void udp_ready(void *ctx, uint32_t events)
{
	struct dns_socket *socket = ctx;

	(void)events;
	for (int i = 0; i < BATCH; i++) {
		uint8_t in[DNS_QUERY_MAX], out[DNS_REPLY_MAX];
		struct sockaddr_storage from;
		socklen_t from_n = sizeof(from);
		ssize_t n = recvfrom(socket->watch.fd, in, sizeof(in), MSG_TRUNC,
				     (struct sockaddr *)&from, &from_n);

		if (n == -1)
			return;
		if ((size_t)n > sizeof(in))
			continue;
		size_t out_n = answer(socket->server, (struct slice){ in, (size_t)n }, out);
		/* Who does not take its answer asks again. */
		if (out_n > 0)
			sendto(socket->watch.fd, out, out_n, 0, (struct sockaddr *)&from, from_n);
	}
}

/* --- by TCP -------------------------------------------------------------------------------------- */

static void conn_close(struct dns_conn *conn)
{
	struct dns_server *s = conn->server;

	if (conn->previous != NULL)
		conn->previous->next = conn->next;
	else
		s->conns = conn->next;
	if (conn->next != NULL)
		conn->next->previous = conn->previous;
	s->n_conns--;
	loop_timer_cancel(s->config.loop, &conn->timer);
	loop_fd_close(s->config.loop, &conn->watch);
	free(conn);
}

static void conn_timed_out(void *ctx)
{
	conn_close(ctx);
}

/* True where the answer is out. */
static bool send_answer(struct dns_conn *conn, bool *out_broken)
{
	while (conn->sent < conn->out_n) {
		ssize_t n = send(conn->watch.fd, conn->out + conn->sent, conn->out_n - conn->sent,
				 MSG_NOSIGNAL);

		if (n == -1) {
			*out_broken = errno != EAGAIN && errno != EWOULDBLOCK;
			return false;
		}
		conn->sent += (size_t)n;
	}
	conn->sent = conn->out_n = 0;
	return true;
}

static void put_length(uint8_t *out, size_t n)
{
	out[0] = (uint8_t)(n >> 8);
	out[1] = (uint8_t)n;
}

/* Answers the first question that is there as a whole. False where there is none. */
static bool take_question(struct dns_conn *conn, bool *out_broken)
{
	size_t length = conn->in_n >= LENGTH ? (size_t)conn->in[0] << 8 | conn->in[1] : 0;

	if (conn->in_n < LENGTH)
		return false;
	if (length > DNS_QUERY_MAX) {
		*out_broken = true;
		return false;
	}
	if (conn->in_n < LENGTH + length)
		return false;
	size_t n = answer(conn->server, (struct slice){ conn->in + LENGTH, length },
			  conn->out + LENGTH);
	if (n == 0) {
		*out_broken = true;
		return false;
	}
	put_length(conn->out, n);
	conn->out_n = LENGTH + n;
	conn->in_n -= LENGTH + length;
	memmove(conn->in, conn->in + LENGTH + length, conn->in_n);
	loop_timer_set(conn->server->config.loop, &conn->timer, CONN_IDLE_MS);
	return true;
}

/* What is there is answered before more is read, so a client that does not read is not read from. */
static bool go_on(struct dns_conn *conn)
{
	bool broken = false;

	for (int reads = 0;;) {
		if (!send_answer(conn, &broken))
			return !broken;
		if (take_question(conn, &broken))
			continue;
		if (broken || reads++ == READS)
			return !broken;
		ssize_t n = recv(conn->watch.fd, conn->in + conn->in_n,
				 sizeof(conn->in) - conn->in_n, 0);
		if (n <= 0)
			return n == -1 && (errno == EAGAIN || errno == EWOULDBLOCK);
		conn->in_n += (size_t)n;
	}
}

static void conn_ready(void *ctx, uint32_t events)
{
	struct dns_conn *conn = ctx;
	struct err ignored;

	(void)events;
	if (!go_on(conn)) {
		conn_close(conn);
		return;
	}
	loop_fd_change(conn->server->config.loop, &conn->watch,
		       conn->out_n > conn->sent ? EPOLLOUT : EPOLLIN, &ignored);
}

static void conn_open(struct dns_server *s, int fd)
{
	struct dns_conn *conn = mem_calloc(1, sizeof(*conn));
	struct err ignored;

	conn->server = s;
	conn->watch = (struct loop_fd){ .fd = fd, .ready = conn_ready, .ctx = conn };
	conn->timer = (struct loop_timer){ .fire = conn_timed_out, .ctx = conn };
	if (loop_fd_add(s->config.loop, &conn->watch, EPOLLIN, &ignored) == -1) {
		close(fd);
		free(conn);
		return;
	}
	loop_timer_set(s->config.loop, &conn->timer, CONN_IDLE_MS);
	conn->next = s->conns;
	if (conn->next != NULL)
		conn->next->previous = conn;
	s->conns = conn;
	s->n_conns++;
}

static void take(void *ctx, int fd)
{
	struct dns_server *s = ctx;

	if (s->n_conns < CONNS_MAX)
		conn_open(s, fd);
	else
		close(fd);
}

/* --- life ---------------------------------------------------------------------------------------- */

static int serve_udp(struct dns_server *s, struct dns_socket *socket, int fd, struct err *err)
{
	if (fd == -1)
		return 0;
	socket->server = s;
	socket->watch = (struct loop_fd){ .fd = fd, .ready = udp_ready, .ctx = socket };
	return loop_fd_add(s->config.loop, &socket->watch, EPOLLIN, err);
}

static int serve_tcp(struct dns_server *s, struct listener *listener, int fd, struct err *err)
{
	const struct listener_config config = {
		.loop = s->config.loop,
		.log = s->config.log,
		.fd = fd,
		.take = take,
		.ctx = s,
	};

	return fd == -1 ? 0 : listener_start(listener, &config, err);
}

static void stop(struct dns_server *s)
{
	for (size_t i = 0; i < INSIDE_FAMILIES; i++) {
		loop_fd_remove(s->config.loop, &s->udp[i].watch);
		listener_stop(&s->tcp[i]);
	}
}

int dns_server_start(const struct dns_server_config *config, struct dns_server **out,
		     struct err *err)
{
	struct dns_server *s = mem_calloc(1, sizeof(*s));

	s->config = *config;
	for (size_t i = 0; i < INSIDE_FAMILIES; i++) {
		if (serve_udp(s, &s->udp[i], config->udp_fds[i], err) == 0 &&
		    serve_tcp(s, &s->tcp[i], config->tcp_fds[i], err) == 0)
			continue;
		stop(s);
		free(s);
		return -1;
	}
	*out = s;
	return 0;
}

void dns_server_free(struct dns_server *s)
{
	if (s == NULL)
		return;
	stop(s);
	for (size_t i = 0; i < INSIDE_FAMILIES; i++) {
		auto_close(&s->config.udp_fds[i]);
		auto_close(&s->config.tcp_fds[i]);
	}
	for (struct dns_conn *conn = s->conns, *next; conn != NULL; conn = next) {
		next = conn->next;
		conn_close(conn);
	}
	free(s);
}
