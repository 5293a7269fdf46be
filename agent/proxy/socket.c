/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/proxy/socket.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/cleanup.h"

union any_address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	struct sockaddr_storage room;
};

static bool read_address(const union any_address *from, struct address *out, uint16_t *out_port)
{
	if (from->any.sa_family == AF_INET) {
		*out = address_v4((const uint8_t *)&from->v4.sin_addr);
		*out_port = ntohs(from->v4.sin_port);
		return true;
	}
	*out = address_v6(from->v6.sin6_addr.s6_addr);
	*out_port = ntohs(from->v6.sin6_port);
	return from->any.sa_family == AF_INET6;
}

bool peer_address(int fd, struct address *out, uint16_t *out_port)
{
	union any_address a = { 0 };
	socklen_t n = sizeof(a);

	return getpeername(fd, &a.any, &n) == 0 && read_address(&a, out, out_port);
}

bool own_address(int fd, struct address *out, uint16_t *out_port)
{
	union any_address a = { 0 };
	socklen_t n = sizeof(a);

	return getsockname(fd, &a.any, &n) == 0 && read_address(&a, out, out_port);
}

void socket_tune(int fd)
{
	int on = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
}

int socket_connect(struct address address, uint16_t port)
{
	union any_address to = { 0 };
	socklen_t n = sizeof(to.v6);

	if (address_is_v4(address)) {
		to.v4 = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(port) };
		memcpy(&to.v4.sin_addr, address.bytes + 12, 4);
		n = sizeof(to.v4);
	} else {
		to.v6 = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_port = htons(port) };
		memcpy(&to.v6.sin6_addr, address.bytes, 16);
	}
	AUTO_FD int fd = socket(to.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return -1;
	socket_tune(fd);
	if (connect(fd, &to.any, n) == -1 && errno != EINPROGRESS)
		return -1;
	return steal_fd(&fd);
}
