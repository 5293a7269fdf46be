/* SPDX-License-Identifier: Apache-2.0 */
/* Kinds of sockets that no rule about TCP and UDP covers: to have one is to be out. */
#include <linux/if_ether.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/peers/attack/attack.h"

/* Past the C library's prototype, so that the high half of an argument can be set. */
static struct verdict open_socket(const struct attack *attack)
{
	return judge("socket",
		     syscall(SYS_socket, attack->arg0, attack->arg1 | SOCK_CLOEXEC, attack->arg2));
}

static struct verdict open_pair(const struct attack *attack)
{
	int ends[2];

	return judge("socketpair", socketpair((int)attack->arg0, (int)attack->arg1, 0, ends));
}

#define RAW "seccomp; no CAP_NET_RAW"
#define KIND(name, family, type, protocol, stopped_by, anyway)                             \
	{                                                                                  \
		"socket_" name, open_socket, stopped_by, anyway, 0, family, type, protocol \
	}
#define BUILT "holds if the kernel lacks the family"

/* htons(ETH_P_ALL), as a constant. */
#define ALL_FRAMES (ETH_P_ALL << 8)

/* To the kernel the arguments are int. */
#define HIGH 0x100000000

static const struct attack rows[] = {
	KIND("icmp_datagram", AF_INET, SOCK_DGRAM, IPPROTO_ICMP, "seccomp",
	     "holds if net.ipv4.ping_group_range is empty"),
	KIND("icmp6_datagram", AF_INET6, SOCK_DGRAM, IPPROTO_ICMPV6, "seccomp",
	     "holds if net.ipv4.ping_group_range is empty"),
	KIND("icmp_raw", AF_INET, SOCK_RAW, IPPROTO_ICMP, RAW, 0),
	KIND("ip_raw", AF_INET, SOCK_RAW, IPPROTO_RAW, RAW, 0),
	KIND("ip_raw_high_half", AF_INET | HIGH, SOCK_RAW | HIGH, IPPROTO_RAW | HIGH, RAW, 0),
	KIND("ip6_raw", AF_INET6, SOCK_RAW, IPPROTO_RAW, RAW, 0),
	KIND("packet", AF_PACKET, SOCK_RAW, ALL_FRAMES, RAW, 0),
	KIND("packet_datagram", AF_PACKET, SOCK_DGRAM, ALL_FRAMES, RAW, 0),
	KIND("packet_old", AF_INET, SOCK_PACKET, ALL_FRAMES, RAW, 0),
	KIND("sctp", AF_INET, SOCK_SEQPACKET, IPPROTO_SCTP, "seccomp", BUILT),
	KIND("dccp", AF_INET, SOCK_DCCP, IPPROTO_DCCP, "seccomp", BUILT),
	KIND("mptcp", AF_INET, SOCK_STREAM, IPPROTO_MPTCP, "seccomp", BUILT),
	KIND("udplite", AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE, "seccomp", BUILT),
	KIND("vsock", AF_VSOCK, SOCK_STREAM, 0, "seccomp", BUILT),
	KIND("vsock_high_half", AF_VSOCK | HIGH, SOCK_STREAM, 0, "seccomp", BUILT),
	KIND("netlink_netfilter", AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER, "seccomp", BUILT),
	KIND("netlink_audit", AF_NETLINK, SOCK_RAW, NETLINK_AUDIT, "seccomp", BUILT),
	KIND("netlink_uevent", AF_NETLINK, SOCK_RAW, NETLINK_KOBJECT_UEVENT, "seccomp", 0),
	KIND("netlink_xfrm", AF_NETLINK, SOCK_RAW, NETLINK_XFRM, "seccomp", BUILT),
	KIND("netlink_generic", AF_NETLINK, SOCK_RAW, NETLINK_GENERIC, "seccomp", 0),
	KIND("netlink_sock_diag", AF_NETLINK, SOCK_RAW, NETLINK_SOCK_DIAG, "seccomp", BUILT),
	KIND("alg", AF_ALG, SOCK_SEQPACKET, 0, "seccomp", BUILT),
	KIND("key", AF_KEY, SOCK_RAW, 2, "seccomp", BUILT),
	KIND("xdp", AF_XDP, SOCK_RAW, 0, RAW, BUILT),
	KIND("bluetooth", AF_BLUETOOTH, SOCK_RAW, 1, "seccomp", BUILT),
	KIND("tipc", AF_TIPC, SOCK_RDM, 0, "seccomp", BUILT),
	KIND("rds", AF_RDS, SOCK_SEQPACKET, 0, "seccomp", BUILT),
	KIND("can", AF_CAN, SOCK_RAW, 1, "seccomp", BUILT),
	KIND("smc", AF_SMC, SOCK_STREAM, 0, "seccomp", BUILT),
	KIND("kcm", AF_KCM, SOCK_DGRAM, 0, "seccomp", BUILT),
	KIND("nfc", AF_NFC, SOCK_RAW, 0, "seccomp", BUILT),
	KIND("qrtr", AF_QIPCRTR, SOCK_DGRAM, 0, "seccomp", BUILT),
	{ "socketpair_tipc", open_pair, "seccomp", BUILT, 0, AF_TIPC, SOCK_SEQPACKET },
};

const struct attack_table socket_attacks = TABLE("Sockets of other kinds", rows);
