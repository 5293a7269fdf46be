/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "lib/cleanup.h"

/* An API server opens at most 25 connections at once; bursts of a few of them must not be refused. */
enum { LISTEN_BACKLOG = 256 };

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static int parse_port(const char *text, in_port_t *out, struct err *err)
{
	char *end;
	unsigned long port = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end != '\0' || port > UINT16_MAX)
		return err_set(err, ERR_INVALID, "port '%s' is not in 0..65535", text);
	*out = htons((uint16_t)port);
	return 0;
}

static int parse(const char *text, union address *out, struct err *err)
{
	char host[INET6_ADDRSTRLEN + 2];
	const char *colon = strrchr(text, ':');
	in_port_t port = 0;

	if (colon == NULL || (size_t)(colon - text) >= sizeof(host))
		return err_set(err, ERR_INVALID, "'%s' is not ADDRESS:PORT", text);
	memcpy(host, text, (size_t)(colon - text));
	host[colon - text] = '\0';
	if (parse_port(colon + 1, &port, err) == -1)
		return -1;
	*out = (union address){ .v6 = { .sin6_family = AF_INET6, .sin6_port = port } };
	if (host[0] == '\0')
		return 0;
	size_t n = strlen(host);
	if (host[0] == '[' && host[n - 1] == ']') {
		host[n - 1] = '\0';
		if (inet_pton(AF_INET6, host + 1, &out->v6.sin6_addr) == 1)
			return 0;
	}
	*out = (union address){ .v4 = { .sin_family = AF_INET, .sin_port = port } };
	if (inet_pton(AF_INET, host, &out->v4.sin_addr) == 1)
		return 0;
	return err_set(err, ERR_INVALID, "'%s' is not an IP address and port", text);
}

static void format(const union address *address, char out[LISTEN_TEXT_MAX])
{
	char host[INET6_ADDRSTRLEN];

	if (address->any.sa_family == AF_INET) {
		inet_ntop(AF_INET, &address->v4.sin_addr, host, sizeof(host));
		snprintf(out, LISTEN_TEXT_MAX, "%s:%u", host, ntohs(address->v4.sin_port));
	} else {
		inet_ntop(AF_INET6, &address->v6.sin6_addr, host, sizeof(host));
		snprintf(out, LISTEN_TEXT_MAX, "[%s]:%u", host, ntohs(address->v6.sin6_port));
	}
}

int listen_open(const char *address, int *out_fd, char out_bound[LISTEN_TEXT_MAX], struct err *err)
{
	union address wanted = { 0 };
	int on = 1;

	if (parse(address, &wanted, err) == -1)
		return -1;
	AUTO_FD int fd =
		socket(wanted.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* ":8443" on a node without IPv6. */
	if (fd == -1 && errno == EAFNOSUPPORT && address[0] == ':') {
		in_port_t port = wanted.v6.sin6_port;

		wanted = (union address){ .v4 = { .sin_family = AF_INET, .sin_port = port } };
		fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	}
	if (fd == -1)
		return err_sys(err, "socket");
	socklen_t size = wanted.any.sa_family == AF_INET ? sizeof(wanted.v4) : sizeof(wanted.v6);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, &wanted.any, size) == -1 || listen(fd, LISTEN_BACKLOG) == -1 ||
	    getsockname(fd, &wanted.any, &size) == -1)
		return err_sys(err, "listen on '%s'", address);
	format(&wanted, out_bound);
	*out_fd = steal_fd(&fd);
	return 0;
}
