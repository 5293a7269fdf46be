/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/net/inbound.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "agent/net/sysctl.h"
#include "lib/cleanup.h"

enum { BACKLOG = 128 };

static int bind_v4(int fd, bool loopback, uint16_t port)
{
	const struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(loopback ? INADDR_LOOPBACK : INADDR_ANY),
	};

	return bind(fd, (const struct sockaddr *)&to, sizeof(to));
}

static int bind_v6(int fd, bool loopback, uint16_t port)
{
	const struct sockaddr_in6 to = {
		.sin6_family = AF_INET6,
		.sin6_port = htons(port),
		.sin6_addr = loopback ? in6addr_loopback : in6addr_any,
	};
	const int on = 1;

	if (setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) == -1)
		return -1;
	return bind(fd, (const struct sockaddr *)&to, sizeof(to));
}

/* A listener, or -1 and errno. */
static int listen_on(int family, bool loopback, uint16_t port)
{
	AUTO_FD int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	const int on = 1;

	if (fd == -1 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == -1)
		return -1;
	if ((family == AF_INET ? bind_v4(fd, loopback, port) : bind_v6(fd, loopback, port)) == -1 ||
	    listen(fd, BACKLOG) == -1)
		return -1;
	return steal_fd(&fd);
}

/* A port that takes privilege elsewhere (NET_BIND_SERVICE, which we do not ask for): the limit is
 * lowered for as long as it takes, where the node allows that. */
static int listen_low(int family, bool loopback, uint16_t port)
{
	struct err ignored;
	long first;

	if (sysctl_read(SYSCTL_FIRST_PORT, &first, &ignored) == -1 ||
	    sysctl_write(SYSCTL_FIRST_PORT, port, &ignored) == -1) {
		errno = EACCES;
		return -1;
	}
	AUTO_FD int fd = listen_on(family, loopback, port);
	int error = errno;
	if (sysctl_write(SYSCTL_FIRST_PORT, first, &ignored) == -1)
		return -1;
	errno = error;
	return steal_fd(&fd);
}

static int refuse(uint16_t port, struct err *err)
{
	if (errno == EACCES)
		return err_set(err, ERR_DENIED,
			       "port %u cannot be let in: this node lets containers listen on no "
			       "port as low; use one above 1023",
			       port);
	return err_sys(err, "listen on port %u for the workload", port);
}

static int add(struct fence *fence, int family, bool loopback, uint16_t port, struct err *err)
{
	const struct subnet *net = family == AF_INET6 && fence->has_v6 ? &fence->v6 : &fence->v4;
	int fd = listen_on(family, loopback, port);

	if (fd == -1 && errno == EACCES)
		fd = listen_low(family, loopback, port);
	if (fd == -1 && loopback)
		return 0;
	if (fd == -1 && family == AF_INET6 && fence->dnat_v4) {
		fence->closed_v6[fence->n_closed_v6++] = port;
		return 0;
	}
	if (fd == -1)
		return refuse(port, err);
	fence->listeners[fence->n_listeners++] = (struct fence_listener){ fd, port, net->inner };
	return 0;
}

int inbound_listen(const struct fence_config *config, bool pod_has_v6, struct fence *fence,
		   struct err *err)
{
	for (size_t i = 0; i < config->n_inbound; i++) {
		uint16_t port = config->inbound[i].port;

		if (config->inbound[i].protocol != IPPROTO_TCP)
			continue;
		if (add(fence, AF_INET, fence->dnat_v4, port, err) == -1)
			return -1;
		if (pod_has_v6 && add(fence, AF_INET6, fence->dnat_v6, port, err) == -1)
			return -1;
	}
	return 0;
}
