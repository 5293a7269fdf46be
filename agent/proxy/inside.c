/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/proxy/inside.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>

#include "lib/cleanup.h"

enum { BACKLOG = 1024 };

void inside_close(struct inside *inside)
{
	for (size_t i = 0; i < INSIDE_TCP_FDS; i++)
		auto_close(&inside->tcp[i]);
	for (size_t i = 0; i < INSIDE_FAMILIES; i++) {
		auto_close(&inside->dns_udp[i]);
		auto_close(&inside->dns_tcp[i]);
	}
	*inside = (struct inside)INSIDE_NONE;
}

static int bind_loopback(int fd, int family, uint16_t port)
{
	const struct sockaddr_in v4 = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	const struct sockaddr_in6 v6 = {
		.sin6_family = AF_INET6,
		.sin6_port = htons(port),
		.sin6_addr = IN6ADDR_LOOPBACK_INIT,
	};

	return family == AF_INET ? bind(fd, (const struct sockaddr *)&v4, sizeof(v4))
				 : bind(fd, (const struct sockaddr *)&v6, sizeof(v6));
}

static int open_one(int family, int type, uint16_t port, int *out_fd, struct err *err)
{
	AUTO_FD int fd = socket(family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* Connections of a proxy before us may still be ending. Not for UDP, where a port could be shared. */
	int again = type == SOCK_STREAM;

	if (fd == -1 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &again, sizeof(again)) == -1 ||
	    bind_loopback(fd, family, port) == -1 ||
	    (type == SOCK_STREAM && listen(fd, BACKLOG) == -1))
		return err_sys(err, "serve port %u inside the sandbox", port);
	*out_fd = steal_fd(&fd);
	return 0;
}

static int open_family(struct inside *inside, int family, size_t i, struct err *err)
{
	for (size_t k = 0; k < INSIDE_TCP_PORTS; k++)
		if (open_one(family, SOCK_STREAM, (uint16_t)(INSIDE_TCP_PORT + k),
			     &inside->tcp[i * INSIDE_TCP_PORTS + k], err) == -1)
			return -1;
	if (open_one(family, SOCK_DGRAM, INSIDE_DNS_PORT, &inside->dns_udp[i], err) == -1 ||
	    open_one(family, SOCK_STREAM, INSIDE_DNS_PORT, &inside->dns_tcp[i], err) == -1)
		return -1;
	return 0;
}

static bool has_v6(void)
{
	AUTO_FD int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	/* A kernel may have the family and yet no device with an address of it. */
	return fd != -1 && bind_loopback(fd, AF_INET6, 0) == 0;
}

int inside_open(struct inside *out, struct err *err)
{
	AUTO(inside_close) struct inside inside = INSIDE_NONE;

	if (open_family(&inside, AF_INET, 0, err) == -1 ||
	    (has_v6() && open_family(&inside, AF_INET6, 1, err) == -1))
		return -1;
	*out = inside;
	inside = (struct inside)INSIDE_NONE;
	return 0;
}
