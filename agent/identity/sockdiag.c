/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/identity/sockdiag.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/cleanup.h"

enum {
	/* The kernel adds attributes behind the part that we read; it is well under a page. */
	ANSWER_MAX = 4096,
	/* Answers to questions that an earlier error left in the queue. */
	STALE_MAX = 8,
};

/* -1 with EAGAIN where the queue is empty. */
static ssize_t receive(int fd, void *out, size_t n)
{
	struct sockaddr_nl from = { 0 };
	socklen_t from_n = sizeof(from);
	ssize_t got = recvfrom(fd, out, n, MSG_DONTWAIT, (struct sockaddr *)&from, &from_n);

	/* Port 0 is the kernel: nobody else's word counts. */
	if (got >= 0 && (from_n != sizeof(from) || from.nl_pid != 0)) {
		errno = EPROTO;
		return -1;
	}
	return got;
}

enum identity_status sockdiag_find(int fd, const struct identity_flow *flow, uint32_t sequence,
				   struct sockdiag_socket *out, struct err *err)
{
	const struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	struct sockdiag_request request = sockdiag_request_build(flow, sequence);
	_Alignas(struct nlmsghdr) uint8_t answer[ANSWER_MAX];
	enum identity_status status = IDENTITY_FAILED;

	if (sendto(fd, &request, sizeof(request), MSG_DONTWAIT, (const struct sockaddr *)&kernel,
		   sizeof(kernel)) != (ssize_t)sizeof(request)) {
		err_sys(err, "ask the kernel's socket diagnosis");
		return IDENTITY_FAILED;
	}
	for (int i = 0; i < STALE_MAX && status == IDENTITY_FAILED; i++) {
		ssize_t n = receive(fd, answer, sizeof(answer));

		if (n == -1) {
			err_sys(err, "read the kernel's socket diagnosis");
			return IDENTITY_FAILED;
		}
		status = sockdiag_answer_parse((struct slice){ answer, (size_t)n }, flow, sequence,
					       out, err);
	}
	return status;
}

/* --- the proof --------------------------------------------------------------------------------- */

/* A connection over loopback from `out_client`; the other end stays in the listener's queue. */
static int connect_to_self(int *out_listener, int *out_client, struct identity_flow *out_flow,
			   struct err *err)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000001) };
	struct sockaddr_in from = { 0 };
	socklen_t n = sizeof(to);
	AUTO_FD int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	AUTO_FD int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (listener == -1 || client == -1 ||
	    bind(listener, (const struct sockaddr *)&to, sizeof(to)) == -1 ||
	    listen(listener, 1) == -1 || getsockname(listener, (struct sockaddr *)&to, &n) == -1 ||
	    connect(client, (const struct sockaddr *)&to, sizeof(to)) == -1 ||
	    getsockname(client, (struct sockaddr *)&from, &n) == -1)
		return err_sys(err, "connect over loopback");
	*out_flow = (struct identity_flow){
		.src = address_v4((const uint8_t *)&from.sin_addr),
		.dst = address_v4((const uint8_t *)&to.sin_addr),
		.src_port = ntohs(from.sin_port),
		.dst_port = ntohs(to.sin_port),
	};
	*out_listener = steal_fd(&listener);
	*out_client = steal_fd(&client);
	return 0;
}

static int prove(int fd, struct err *err)
{
	AUTO_FD int listener = -1;
	AUTO_FD int client = -1;
	struct identity_flow flow;
	struct sockdiag_socket found;
	struct stat st;

	if (connect_to_self(&listener, &client, &flow, err) == -1)
		return -1;
	if (fstat(client, &st) == -1)
		return err_sys(err, "stat a socket");
	enum identity_status status = sockdiag_find(fd, &flow, 0, &found, err);
	if (status == IDENTITY_FAILED)
		return -1;
	/* Without its module the kernel knows no socket at all. */
	if (status != IDENTITY_OK || found.inode != st.st_ino)
		return err_set(err, ERR_SYS,
			       "this kernel does not tell who owns a connection: load the modules "
			       "inet_diag and tcp_diag on the node, or set "
			       "openshell.io/binary-identity: relaxed");
	return 0;
}

int sockdiag_open(int *out_fd, struct err *err)
{
	AUTO_FD int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	const struct sockaddr_nl self = { .nl_family = AF_NETLINK };

	if (fd == -1 || bind(fd, (const struct sockaddr *)&self, sizeof(self)) == -1)
		return err_sys(err, "open the kernel's socket diagnosis");
	if (prove(fd, err) == -1)
		return err_wrap(err, "find the owner of a connection");
	*out_fd = steal_fd(&fd);
	return 0;
}
