/* SPDX-License-Identifier: Apache-2.0 */
/* Stands before libnl and refuses what a kernel may refuse: to change a device's IPv4 forwarding. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <netlink/errno.h>
#include <stddef.h>
#include <sys/socket.h>

struct nl_sock;

int nl_sendto(struct nl_sock *sock, void *bytes, size_t n);
int nl_sendto(struct nl_sock *sock, void *bytes, size_t n)
{
	int (*next)(struct nl_sock * sock, void *bytes, size_t n) = dlsym(RTLD_NEXT, "nl_sendto");
	const struct nlmsghdr *header = bytes;
	const struct rtattr *spec = (void *)((char *)NLMSG_DATA(bytes) + sizeof(struct ifinfomsg));
	const struct rtattr *family = RTA_DATA(spec);

	if (header->nlmsg_type == RTM_SETLINK && (spec->rta_type & ~NLA_F_NESTED) == IFLA_AF_SPEC &&
	    (family->rta_type & ~NLA_F_NESTED) == AF_INET)
		return -NLE_OPNOTSUPP;
	return next(sock, bytes, n);
}
