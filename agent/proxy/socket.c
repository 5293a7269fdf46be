/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/proxy/socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/cleanup.h"

/* Of both families; the kernel's headers cannot be included beside netinet/in.h. */
enum { ORIGINAL_DST = 80 };

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

void socket_print_place(struct address address, uint16_t port, char out[SOCKET_PLACE_SIZE])
{
	bool v4 = address_is_v4(address);
	char text[INET6_ADDRSTRLEN] = "";

	inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? address.bytes + 12 : address.bytes, text,
		  sizeof(text));
	snprintf(out, SOCKET_PLACE_SIZE, v4 ? "%s:%u" : "[%s]:%u", text, port);
}

int socket_original(int fd, struct address *out, uint16_t *out_port, struct err *err)
{
	union any_address a = { 0 };
	socklen_t n = sizeof(a);

	if (getsockname(fd, &a.any, &n) == -1)
		return err_sys(err, "read a connection's address");
	int level = a.any.sa_family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6;
	n = sizeof(a);
	if (getsockopt(fd, level, ORIGINAL_DST, &a, &n) == -1)
		return err_sys(err, "read where a connection was going");
	return read_address(&a, out, out_port)
		       ? 0
		       : err_set(err, ERR_SYS, "a connection of an unknown family");
}

void socket_set_no_delay(int fd)
{
	int on = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

void socket_set_keep_alive(int fd)
{
	int on = 1;

	setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
}

void socket_reset_on_close(int fd)
{
	const struct linger now = { .l_onoff = 1, .l_linger = 0 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
}

static socklen_t put_address(struct address address, uint16_t port, union any_address *out)
{
	*out = (union any_address){ 0 };
	if (address_is_v4(address)) {
		out->v4 = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(port) };
		memcpy(&out->v4.sin_addr, address.bytes + 12, 4);
		return sizeof(out->v4);
	}
	out->v6 = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_port = htons(port) };
	memcpy(&out->v6.sin6_addr, address.bytes, 16);
	return sizeof(out->v6);
}

int socket_is_own(struct address address, bool *out, struct err *err)
{
	union any_address own;
	socklen_t n = put_address(address, 0, &own);
	AUTO_FD int fd = socket(own.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	*out = false;
	if (fd == -1 && errno == EAFNOSUPPORT)
		return 0;
	if (fd == -1)
		return err_sys(err, "find out whether an address is the pod's own");
	/* Only an own address can be sent from. */
	*out = bind(fd, &own.any, n) == 0;
	return 0;
}

int socket_connect(struct address address, uint16_t port)
{
	union any_address to;
	socklen_t n = put_address(address, port, &to);
	AUTO_FD int fd = socket(to.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return -1;
	socket_set_no_delay(fd);
	if (connect(fd, &to.any, n) == -1 && errno != EINPROGRESS)
		return -1;
	return steal_fd(&fd);
}
