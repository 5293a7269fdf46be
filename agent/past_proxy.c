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
	close_fd(round, &round->to_past);
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

	finish(round, round->answered ? PAST_PROXY_CLOSED : PAST_PROXY_SILENT);
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
	struct past_proxy *round = ctx;

	(void)events;
	if (is_connected(round->to_past.fd))
		finish(round, PAST_PROXY_OPEN);
	else
		close_fd(round, &round->to_past);
}

static int begin(struct past_proxy *round, const struct past_proxy_place *to, struct loop_fd *watch,
		 void (*ready)(void *, uint32_t), struct err *err)
{
	int fd = socket_connect(to->address, to->port);

	/* No route is an answer like another. */
	if (fd == -1)
		return 0;
	*watch = (struct loop_fd){ .fd = fd, .ready = ready, .ctx = round };
	if (loop_fd_add(round->loop, watch, EPOLLOUT, err) == 0)
		return 0;
	close(fd);
	return -1;
}

int past_proxy_begin(struct past_proxy *round, struct err *err)
{
	round->to_proxy = round->to_past = (struct loop_fd){ 0 };
	round->timer = (struct loop_timer){ .fire = out_of_time, .ctx = round };
	round->answered = false;
	if (begin(round, &round->past, &round->to_past, past_ready, err) == -1 ||
	    begin(round, &round->proxy, &round->to_proxy, proxy_ready, err) == -1) {
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
		print_place(&round->past, place);
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

int past_proxy_place_parse(const char *text, struct past_proxy_place *out, struct err *err)
{
	if (parse_place(slice_text(text), out))
		return 0;
	return err_set(err, ERR_INVALID, "'%s' is not ADDRESS:PORT", text);
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
