/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/proxy/resolve_leg.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/mem.h"

enum { UDP_MAX = 4096 };

static void hang_up(struct leg *leg)
{
	auto_close(&leg->fd);
	leg->fd = -1;
	free(leg->tcp);
	leg->tcp = NULL;
	leg->tcp_n = 0;
}

void leg_done(struct leg *leg)
{
	if (leg->state != LEG_FAILED && leg->state != LEG_DONE)
		hang_up(leg);
	leg->state = LEG_FAILED;
}

bool leg_is_over(const struct leg *leg)
{
	return leg->state == LEG_DONE || leg->state == LEG_FAILED;
}

/* --- sockets ------------------------------------------------------------------------------------ */

static socklen_t server_address(const struct leg_context *context, unsigned tries,
				struct sockaddr_storage *out)
{
	struct address server = context->conf->servers[tries % context->conf->n_servers];
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(context->port) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(context->port) };

	if (!address_is_v4(server)) {
		memcpy(&v6.sin6_addr, server.bytes, sizeof(v6.sin6_addr));
		memcpy(out, &v6, sizeof(v6));
		return sizeof(v6);
	}
	memcpy(&v4.sin_addr, server.bytes + 12, sizeof(v4.sin_addr));
	memcpy(out, &v4, sizeof(v4));
	return sizeof(v4);
}

/* Connected, so that the kernel drops what comes from elsewhere and tells of a closed port. */
static int open_socket(const struct leg_context *context, unsigned tries, int type, uint32_t events)
{
	struct sockaddr_storage server = { 0 };
	socklen_t n = server_address(context, tries, &server);
	struct epoll_event event = { .events = events, .data.u64 = context->tag };
	AUTO_FD int fd = socket(server.ss_family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd == -1)
		return -1;
	if (connect(fd, (const struct sockaddr *)&server, n) == -1 && errno != EINPROGRESS)
		return -1;
	if (epoll_ctl(context->epoll_fd, EPOLL_CTL_ADD, fd, &event) == -1)
		return -1;
	return steal_fd(&fd);
}

static void set_deadline(const struct leg_context *context, struct leg *leg)
{
	leg->deadline_ms = context->now_ms + (int64_t)context->conf->timeout_s * 1000;
}

static bool ask_by_udp(const struct leg_context *context, struct leg *leg)
{
	uint8_t query[RESOLVE_QUERY_MAX];

	/* Without a random number nothing is asked: a guessed id would let anyone answer. */
	if (getrandom(&leg->id, sizeof(leg->id), GRND_NONBLOCK) != sizeof(leg->id))
		return false;
	leg->fd = open_socket(context, leg->tries, SOCK_DGRAM, EPOLLIN);
	if (leg->fd == -1)
		return false;
	size_t n = resolve_query_build(context->name, leg->type, leg->id, query);
	if (send(leg->fd, query, n, MSG_NOSIGNAL) != (ssize_t)n)
		return false;
	leg->state = LEG_UDP;
	leg->strays = 0;
	set_deadline(context, leg);
	return true;
}

/* Asks the server whose turn it is, and those behind it until one can be asked. */
static void ask_next(const struct leg_context *context, struct leg *leg)
{
	const struct resolve_conf *conf = context->conf;
	size_t most = conf->n_servers * conf->attempts;

	hang_up(leg);
	for (; leg->tries < most; leg->tries++) {
		if (ask_by_udp(context, leg))
			return;
		hang_up(leg);
	}
	leg->state = LEG_FAILED;
}

static void give_up_on_server(const struct leg_context *context, struct leg *leg)
{
	leg->tries++;
	ask_next(context, leg);
}

void leg_start(const struct leg_context *context, enum resolve_type type, struct leg *out)
{
	*out = (struct leg){ .type = type, .fd = -1 };
	ask_next(context, out);
}

void leg_expire(const struct leg_context *context, struct leg *leg)
{
	if (!leg_is_over(leg) && leg->deadline_ms <= context->now_ms)
		give_up_on_server(context, leg);
}

/* --- answers ------------------------------------------------------------------------------------ */

static void finish(struct leg *leg, enum resolve_reading reading)
{
	leg->reading = reading;
	hang_up(leg);
	leg->state = LEG_DONE;
}

static void ask_by_tcp(const struct leg_context *context, struct leg *leg)
{
	hang_up(leg);
	leg->fd = open_socket(context, leg->tries, SOCK_STREAM, EPOLLOUT);
	if (leg->fd == -1) {
		give_up_on_server(context, leg);
		return;
	}
	leg->state = LEG_TCP_CONNECTING;
	set_deadline(context, leg);
}

/* What an answer by UDP leads to; false where it was a stray and the next may be looked at. */
static bool take_udp(const struct leg_context *context, struct leg *leg, struct slice message)
{
	enum resolve_reading reading =
		resolve_answer_parse(message, context->name, leg->type, leg->id, &leg->answer);

	switch (reading) {
	case RESOLVE_NOT_OURS:
		if (++leg->strays < RESOLVE_STRAYS_MAX)
			return false;
		give_up_on_server(context, leg);
		return true;
	case RESOLVE_BROKEN:
		give_up_on_server(context, leg);
		return true;
	case RESOLVE_CUT:
		ask_by_tcp(context, leg);
		return true;
	case RESOLVE_ABSENT:
	case RESOLVE_FOUND:
		break;
	}
	finish(leg, reading);
	return true;
}

static void read_udp(const struct leg_context *context, struct leg *leg)
{
	uint8_t datagram[UDP_MAX];
	bool over = false;

	while (!over) {
		ssize_t n = recv(leg->fd, datagram, sizeof(datagram), MSG_TRUNC);

		if (n == -1 && errno == EAGAIN)
			return;
		/* ECONNREFUSED: nobody listens there. */
		if (n == -1 && errno != EINTR) {
			give_up_on_server(context, leg);
			return;
		}
		/* A longer one than anybody may send us without being asked to counts as a stray. */
		if (n > (ssize_t)sizeof(datagram))
			n = 0;
		if (n >= 0)
			over = take_udp(context, leg, (struct slice){ datagram, (size_t)n });
	}
}

/* --- TCP ---------------------------------------------------------------------------------------- */

static bool send_by_tcp(const struct leg_context *context, struct leg *leg)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u64 = context->tag };
	uint8_t query[2 + RESOLVE_QUERY_MAX];
	size_t n = resolve_query_build(context->name, leg->type, leg->id, query + 2);

	query[0] = (uint8_t)(n >> 8);
	query[1] = (uint8_t)n;
	/* The first bytes on a connection fit its buffer. */
	return send(leg->fd, query, n + 2, MSG_NOSIGNAL) == (ssize_t)n + 2 &&
	       epoll_ctl(context->epoll_fd, EPOLL_CTL_MOD, leg->fd, &event) == 0;
}

static void connected(const struct leg_context *context, struct leg *leg)
{
	if (!send_by_tcp(context, leg)) {
		/* Not connected yet is no failure. */
		if (errno != EAGAIN)
			give_up_on_server(context, leg);
		return;
	}
	leg->state = LEG_TCP;
	leg->tcp = mem_calloc(2 + RESOLVE_TCP_MAX, 1);
}

/* The length that the first two bytes announce, or 0 while they have not come. */
static size_t announced(const struct leg *leg)
{
	return leg->tcp_n < 2 ? 0 : (size_t)leg->tcp[0] << 8 | leg->tcp[1];
}

static void take_tcp(const struct leg_context *context, struct leg *leg)
{
	const struct slice message = { leg->tcp + 2, announced(leg) };
	enum resolve_reading reading =
		resolve_answer_parse(message, context->name, leg->type, leg->id, &leg->answer);

	if (reading == RESOLVE_ABSENT || reading == RESOLVE_FOUND)
		finish(leg, reading);
	else
		give_up_on_server(context, leg);
}

static void read_tcp(const struct leg_context *context, struct leg *leg)
{
	for (;;) {
		size_t want = leg->tcp_n < 2 ? 2 : 2 + announced(leg);
		ssize_t n = recv(leg->fd, leg->tcp + leg->tcp_n, want - leg->tcp_n, 0);

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1 && errno == EAGAIN)
			return;
		if (n <= 0)
			break;
		leg->tcp_n += (size_t)n;
		if (leg->tcp_n < 2)
			continue;
		if (announced(leg) == 0 || announced(leg) > RESOLVE_TCP_MAX)
			break;
		if (leg->tcp_n == 2 + announced(leg)) {
			take_tcp(context, leg);
			return;
		}
	}
	give_up_on_server(context, leg);
}

void leg_ready(const struct leg_context *context, struct leg *leg)
{
	switch (leg->state) {
	case LEG_UDP:
		read_udp(context, leg);
		break;
	case LEG_TCP_CONNECTING:
		connected(context, leg);
		break;
	case LEG_TCP:
		read_tcp(context, leg);
		break;
	case LEG_FAILED:
	case LEG_DONE:
		break;
	}
}
