/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/net/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/rtnetlink.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/net/probe.h"
#include "lib/cleanup.h"

enum { LOOPBACK_INDEX = 1 }; /* the first device of every namespace */

static const char own_netns[] = "/proc/thread-self/ns/net";

static void free_socket(struct nl_sock **socket)
{
	nl_socket_free(*socket);
}

static void free_message(struct nl_msg **message)
{
	nlmsg_free(*message);
}

static int loopback_up(struct err *err)
{
	AUTO(free_socket) struct nl_sock *socket = nl_socket_alloc();
	AUTO(free_message) struct nl_msg *message = nlmsg_alloc_simple(RTM_NEWLINK, 0);
	struct ifinfomsg link = {
		.ifi_index = LOOPBACK_INDEX,
		.ifi_flags = IFF_UP,
		.ifi_change = IFF_UP,
	};
	int status;

	if (socket == NULL || message == NULL)
		return err_set(err, ERR_SYS, "no memory for a netlink message");
	if (nlmsg_append(message, &link, sizeof(link), NLMSG_ALIGNTO) < 0)
		return err_set(err, ERR_BUG, "netlink message too small");
	if ((status = nl_connect(socket, NETLINK_ROUTE)) < 0 ||
	    (status = nl_send_sync(socket, STEAL(message))) < 0)
		return err_set(err, ERR_SYS, "bring the loopback device up: %s",
			       nl_geterror(status));
	return 0;
}

/* Runs inside the new namespace. */
static int fill(int *out_fd, struct err *err)
{
	AUTO_FD int fd = open(own_netns, O_RDONLY | O_CLOEXEC);

	if (fd == -1)
		return err_sys(err, "open '%s'", own_netns);
	if (loopback_up(err) == -1)
		return -1;
	*out_fd = steal_fd(&fd);
	return 0;
}

int netns_create(int *out_fd, struct err *err)
{
	AUTO_FD int home = open(own_netns, O_RDONLY | O_CLOEXEC);
	AUTO_FD int fd = -1;

	if (home == -1)
		return err_sys(err, "open '%s'", own_netns);
	if (unshare(CLONE_NEWNET) == -1)
		return err_sys(err, "create a network namespace");
	int result = fill(&fd, err);
	/* Staying in the wrong namespace would make everything after this a lie. */
	if (setns(home, CLONE_NEWNET) == -1)
		return err_sys(err, "return to the pod's network namespace");
	if (result == -1)
		return -1;
	*out_fd = steal_fd(&fd);
	return 0;
}

int netns_run(int fd, int (*work)(void *arg, struct err *err), void *arg, struct err *err)
{
	AUTO_FD int home = open(own_netns, O_RDONLY | O_CLOEXEC);

	if (home == -1)
		return err_sys(err, "open '%s'", own_netns);
	if (setns(fd, CLONE_NEWNET) == -1)
		return err_sys(err, "enter the sandbox's network namespace");
	int result = work(arg, err);
	if (setns(home, CLONE_NEWNET) == -1)
		return err_sys(err, "return to the pod's network namespace");
	return result;
}

int netns_enter(int fd)
{
	if (syscall(SYS_setns, fd, CLONE_NEWNET) == -1)
		return errno;
	return probe_now();
}
