/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/past_proxy.h"

#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/proxy/socket.h"
#include "lib/http1.h"

/* --- a round ------------------------------------------------------------------------------------- */

static bool is_connected(int fd)
{
	int error = 0;
	socklen_t n = sizeof(error);

	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n) == 0 && error == 0;
}

static void close_fd(struct past_proxy *round, struct loop_fd *watch)
{
	if (watch->added)
		loop_fd_close(round->loop, watch);
}

void past_proxy_cancel(struct past_proxy *round)
{
	close_fd(round, &round->to_proxy);
	for (size_t i = 0; i < round->n_past; i++)
		close_fd(round, &round->past[i].to);
	loop_timer_cancel(round->loop, &round->timer);
}

static void finish(struct past_proxy *round, enum past_proxy_result result)
{
	past_proxy_cancel(round);
	round->done(round->ctx, result);
}

static void out_of_time(void *ctx)
{
	struct past_proxy *round = ctx;

	finish(round, round->answered || round->alone ? PAST_PROXY_CLOSED : PAST_PROXY_SILENT);
}

static void proxy_ready(void *ctx, uint32_t events)
{
	struct past_proxy *round = ctx;

	(void)events;
	round->answered = is_connected(round->to_proxy.fd);
	/* Refused at once is refused for this round: its timer goes on. */
	close_fd(round, &round->to_proxy);
	if (round->answered)
		loop_timer_set(round->loop, &round->timer, PAST_PROXY_LONGER_MS);
}

/* A refusal is no way out: some enforcers answer with one. */
static void past_ready(void *ctx, uint32_t events)
{
	struct past_proxy_way *way = ctx;
	struct past_proxy *round = way->round;

	(void)events;
	if (!is_connected(way->to.fd)) {
		close_fd(round, &way->to);
		return;
	}
	round->reached = way;
	finish(round, PAST_PROXY_OPEN);
}

static int begin(struct past_proxy *round, const struct past_proxy_place *to, struct loop_fd *watch,
		 struct err *err)
{
	watch->fd = socket_connect(to->address, to->port);
	/* No route is an answer like another. */
	if (watch->fd == -1)
		return 0;
	if (loop_fd_add(round->loop, watch, EPOLLOUT, err) == 0)
		return 0;
	close(watch->fd);
	return -1;
}

static int begin_all(struct past_proxy *round, struct err *err)
{
	for (size_t i = 0; i < round->n_past; i++) {
		struct past_proxy_way *way = &round->past[i];

		way->round = round;
		way->to.ready = past_ready;
		way->to.ctx = way;
		if (begin(round, &way->place, &way->to, err) == -1)
			return -1;
	}
	return round->alone ? 0 : begin(round, &round->proxy, &round->to_proxy, err);
}

int past_proxy_begin(struct past_proxy *round, struct err *err)
{
	for (size_t i = 0; i < round->n_past; i++)
		round->past[i].to = (struct loop_fd){ 0 };
	round->to_proxy = (struct loop_fd){ .ready = proxy_ready, .ctx = round };
	round->timer = (struct loop_timer){ .fire = out_of_time, .ctx = round };
	round->answered = false;
	if (begin_all(round, err) == -1) {
		past_proxy_cancel(round);
		return -1;
	}
	loop_timer_set(round->loop, &round->timer, PAST_PROXY_ANSWER_MS);
	return 0;
}

/* --- what it means ------------------------------------------------------------------------------- */

static void print_place(const struct past_proxy_place *place, char out[SOCKET_PLACE_SIZE])
{
	socket_print_place(place->address, place->port, out);
}

int past_proxy_judge(const struct past_proxy *round, enum past_proxy_result result, struct err *err)
{
	char place[SOCKET_PLACE_SIZE];

	switch (result) {
	case PAST_PROXY_CLOSED:
		return 0;
	case PAST_PROXY_OPEN:
		print_place(&round->reached->place, place);
		return err_set(err, ERR_DENIED,
			       "a connection to %s, past the proxy, came about: the cluster does "
			       "not enforce NetworkPolicies, or one of them opens pods with "
			       "openshell.io/sandbox-role=agent",
			       place);
	case PAST_PROXY_SILENT:
		break;
	}
	print_place(&round->proxy, place);
	return err_set(err, ERR_DENIED, "the proxy at %s does not answer", place);
}

/* --- reading ------------------------------------------------------------------------------------- */

static bool parse_place(struct slice text, struct past_proxy_place *out)
{
	struct http1_authority authority;

	if (!http1_authority_parse(text, &authority) || !authority.has_port ||
	    !address_parse(authority.host, &out->address))
		return false;
	out->port = authority.port;
	return true;
}

int past_proxy_places(const char *text, struct past_proxy *out, struct err *err)
{
	size_t n = 0;

	for (const char *at = text, *end; at != NULL; at = *end == ',' ? end + 1 : NULL) {
		end = strchrnul(at, ',');
		if (n == PAST_PROXY_PLACES_MAX)
			return err_set(err, ERR_LIMIT, "'%s' has more than %d places", text,
				       PAST_PROXY_PLACES_MAX);
		if (!parse_place((struct slice){ (const uint8_t *)at, (size_t)(end - at) },
				 &out->past[n++].place))
			return err_set(err, ERR_INVALID, "'%.*s' is not ADDRESS:PORT",
				       (int)(end - at), at);
	}
	out->n_past = n;
	return 0;
}

int past_proxy_url(const char *url, struct past_proxy_place *out, struct buf *out_shown,
		   struct err *err)
{
	static const char scheme[] = "http://";
	const size_t n = sizeof(scheme) - 1;

	if (strncmp(url, scheme, n) != 0 || strlen(url) > PAST_PROXY_URL_MAX)
		return err_set(err, ERR_INVALID,
			       "the proxy's URL is not http://[USER:PASSWORD@]ADDRESS:PORT");
	const char *at = strrchr(url + n, '@');
	const char *place = at != NULL ? at + 1 : url + n;
	if (!parse_place(slice_text(place), out))
		return err_set(err, ERR_INVALID,
			       "the proxy's URL does not end in ADDRESS:PORT, without a path");
	buf_printf(out_shown, "%s%s", scheme, place);
	return 0;
}
