/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/tunnel_play.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Not by libcheck: the fuzz targets link this file and have no tests. */
static void must(bool good)
{
	if (!good)
		abort();
}

/* --- the world ----------------------------------------------------------------------------------- */

static void resolve(void *ctx, struct resolve_call *call)
{
	const struct tunnel_world *world = ctx;
	const uint32_t v4 = htonl(world->address);
	uint8_t bytes[4];

	memcpy(bytes, &v4, sizeof(bytes));
	const struct address address = address_v4(bytes);
	call->done(call, &address, 1, NULL);
}

static void resolve_cancel(void *ctx, struct resolve_call *call)
{
	(void)ctx;
	call->pending = false;
}

static int validate(void *ctx, const struct destination_question *question,
		    struct destination_answer *out, struct err *err)
{
	(void)ctx;
	(void)err;
	out->addresses[0] = question->addresses[0];
	out->n = 1;
	return 0;
}

static int listen_on(const struct tunnel_world *world, uint16_t port)
{
	const struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(world->address),
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int one = 1;

	must(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) == 0);
	must(bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0);
	must(listen(fd, 64) == 0);
	return fd;
}

void tunnel_world_open(struct tunnel_world *world)
{
	/* As in tests/support/proxy_play.c. */
	world->address = 127u << 24 | ((uint32_t)getpid() & 0xffff) << 8 | 2;
	world->origin = listen_on(world, TUNNEL_PORT);
	world->services = (struct services){
		.ctx = world,
		.resolve = resolve,
		.resolve_cancel = resolve_cancel,
		.validate = validate,
	};
}

int tunnel_world_listen(const struct tunnel_world *world, struct sockaddr_in *out)
{
	socklen_t n = sizeof(*out);
	int fd = listen_on(world, 0);

	must(getsockname(fd, (struct sockaddr *)out, &n) == 0);
	return fd;
}

static void reset(int fd)
{
	const struct linger now = { .l_onoff = 1 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(fd);
}

void tunnel_world_hang_up(const struct tunnel_world *world)
{
	int fd;

	while ((fd = accept4(world->origin, NULL, NULL, SOCK_CLOEXEC)) >= 0)
		reset(fd);
}

/* --- the clients --------------------------------------------------------------------------------- */

struct tunnel_client *tunnel_clients_ask(struct tunnel_clients *clients, char host)
{
	char text[128];

	if (clients->n == TUNNEL_CLIENTS_MAX)
		return NULL;
	struct tunnel_client *client = &clients->items[clients->n];
	*client = (struct tunnel_client){
		.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0),
		.host = host,
	};
	if (connect(client->fd, (const struct sockaddr *)&clients->proxy, sizeof(clients->proxy)) ==
	    -1) {
		close(client->fd);
		return NULL;
	}
	clients->n++;
	int n = snprintf(text, sizeof(text),
			 "CONNECT %c.test:%d HTTP/1.1\r\nHost: %c.test:%d\r\n\r\n", host,
			 TUNNEL_PORT, host, TUNNEL_PORT);
	must(write(client->fd, text, (size_t)n) == n);
	client->keeps = true;
	return client;
}

void tunnel_client_hear(struct tunnel_client *client)
{
	char text[128];
	ssize_t got = recv(client->fd, text, sizeof(text), MSG_DONTWAIT);

	client->open = got > 12 && memcmp(text, "HTTP/1.1 200", 12) == 0;
	client->keeps = client->keeps && client->open;
}

static struct policy_decision decide(const struct policy *policy, char host)
{
	const char name[] = { host, '.', 't', 'e', 's', 't', '\0' };
	const struct policy_request request = { .host = slice_text(name),
						.port = TUNNEL_PORT,
						.relaxed_identity = true };

	return policy_decide_connect(policy, &request);
}

void tunnel_clients_note(struct tunnel_clients *clients, const struct policy *before,
			 const struct policy *now)
{
	for (size_t i = 0; i < clients->n; i++) {
		struct tunnel_client *client = &clients->items[i];
		struct policy_decision was = decide(before, client->host);
		struct policy_decision is = decide(now, client->host);

		client->keeps = client->keeps && was.verdict == POLICY_ALLOW &&
				is.verdict == POLICY_ALLOW && was.inspect == is.inspect &&
				was.skip_tls == is.skip_tls;
	}
}

static bool has_ended(const struct tunnel_client *client)
{
	char bytes[512];
	ssize_t n = recv(client->fd, bytes, sizeof(bytes), MSG_DONTWAIT);

	/* It says why, where a program can hear it, and then ends. */
	return n >= 0 || errno != EAGAIN;
}

void tunnel_clients_check(struct tunnel_clients *clients, const struct policy *now)
{
	for (size_t i = 0; i < clients->n; i++) {
		struct tunnel_client *client = &clients->items[i];

		if (!client->open)
			continue;
		client->open = !has_ended(client);
		if (client->open)
			assert(decide(now, client->host).verdict == POLICY_ALLOW);
		else
			assert(!client->keeps);
	}
}

void tunnel_clients_close(struct tunnel_clients *clients)
{
	for (size_t i = 0; i < clients->n; i++)
		reset(clients->items[i].fd);
}
