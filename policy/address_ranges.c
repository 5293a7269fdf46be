/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/address_ranges.h"

#include "lib/cleanup.h"

#define V4(a, b, c, d, bits, class, text)                                                      \
	{                                                                                      \
		{ 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, (a), (b), (c), (d) }, 96 + (bits), \
			ADDRESS_##class, (text)                                                \
	}

#define PAIR(group) (uint8_t)((group) >> 8), (uint8_t)((group)&0xff)

/* The first four groups, and the last one. */
#define V6(g1, g2, g3, g4, g8, bits, class, text)                                               \
	{                                                                                       \
		{ PAIR(g1), PAIR(g2), PAIR(g3), PAIR(g4), 0, 0, 0, 0, 0, 0, PAIR(g8) }, (bits), \
			ADDRESS_##class, (text)                                                 \
	}

const struct address_range address_ranges[] = {
	V4(0, 0, 0, 0, 8, BLOCKED, "0.0.0.0/8 (this host)"),
	V4(127, 0, 0, 0, 8, BLOCKED, "127.0.0.0/8 (loopback)"),
	V4(169, 254, 0, 0, 16, BLOCKED, "169.254.0.0/16 (link-local, cloud metadata)"),
	V4(224, 0, 0, 0, 4, BLOCKED, "224.0.0.0/4 (multicast)"),
	V4(240, 0, 0, 0, 4, BLOCKED, "240.0.0.0/4 (reserved, broadcast)"),
	/* Metadata services and host agents that are not link-local. What they give away is the
	 * node's, and no policy for a workload means them. */
	V4(100, 100, 100, 200, 32, BLOCKED, "100.100.100.200/32 (cloud metadata)"),
	V4(168, 63, 129, 16, 32, BLOCKED, "168.63.129.16/32 (cloud host agent)"),
	V4(192, 0, 0, 192, 32, BLOCKED, "192.0.0.192/32 (cloud metadata)"),
	V6(0xfd00, 0x0ec2, 0, 0, 0, 32, BLOCKED, "fd00:ec2::/32 (cloud metadata)"),
	V6(0xfd20, 0x00ce, 0, 0, 0x0254, 128, BLOCKED, "fd20:ce::254/128 (cloud metadata)"),
	V6(0, 0, 0, 0, 0, 128, BLOCKED, "::/128 (unspecified)"),
	V6(0, 0, 0, 0, 1, 128, BLOCKED, "::1/128 (loopback)"),
	V6(0xfe80, 0, 0, 0, 0, 10, BLOCKED, "fe80::/10 (link-local)"),
	V6(0xff00, 0, 0, 0, 0, 8, BLOCKED, "ff00::/8 (multicast)"),

	V4(10, 0, 0, 0, 8, INTERNAL, "10.0.0.0/8 (private)"),
	V4(100, 64, 0, 0, 10, INTERNAL, "100.64.0.0/10 (shared)"),
	V4(172, 16, 0, 0, 12, INTERNAL, "172.16.0.0/12 (private)"),
	V4(192, 0, 0, 0, 24, INTERNAL, "192.0.0.0/24 (protocol assignments)"),
	V4(192, 0, 2, 0, 24, INTERNAL, "192.0.2.0/24 (documentation)"),
	V4(192, 88, 99, 0, 24, INTERNAL, "192.88.99.0/24 (6to4 relay)"),
	V4(192, 168, 0, 0, 16, INTERNAL, "192.168.0.0/16 (private)"),
	V4(198, 18, 0, 0, 15, INTERNAL, "198.18.0.0/15 (benchmarking)"),
	V4(198, 51, 100, 0, 24, INTERNAL, "198.51.100.0/24 (documentation)"),
	V4(203, 0, 113, 0, 24, INTERNAL, "203.0.113.0/24 (documentation)"),
	V6(0, 0, 0, 0, 0, 96, INTERNAL, "::/96 (IPv4-compatible)"),
	V6(0x0064, 0xff9b, 1, 0, 0, 48, INTERNAL, "64:ff9b:1::/48 (local NAT64)"),
	V6(0x0100, 0, 0, 0, 0, 64, INTERNAL, "100::/64 (discard)"),
	V6(0x0100, 0, 0, 1, 0, 64, INTERNAL, "100:0:0:1::/64 (dummy)"),
	V6(0x2001, 0, 0, 0, 0, 23, INTERNAL, "2001::/23 (protocol assignments, Teredo)"),
	V6(0x2001, 0x0db8, 0, 0, 0, 32, INTERNAL, "2001:db8::/32 (documentation)"),
	V6(0x2002, 0, 0, 0, 0, 16, INTERNAL, "2002::/16 (6to4)"),
	V6(0x3fff, 0, 0, 0, 0, 20, INTERNAL, "3fff::/20 (documentation)"),
	V6(0x5f00, 0, 0, 0, 0, 16, INTERNAL, "5f00::/16 (segment routing)"),
	V6(0xfc00, 0, 0, 0, 0, 7, INTERNAL, "fc00::/7 (unique local)"),
	V6(0xfec0, 0, 0, 0, 0, 10, INTERNAL, "fec0::/10 (site-local)"),

	/* Of IPv6 only 2000::/3 is given to networks; what is reserved leads nowhere, or to a translator that
	 * nobody knows of here. */
	V4(0, 0, 0, 0, 0, PUBLIC, ""),
	V6(0x0064, 0xff9b, 0, 0, 0, 96, PUBLIC, ""), /* NAT64: what it carries decides */
	V6(0, 0, 0, 0, 0, 3, BLOCKED, "::/3 (reserved)"),
	V6(0x4000, 0, 0, 0, 0, 2, BLOCKED, "4000::/2 (reserved)"),
	V6(0x8000, 0, 0, 0, 0, 1, BLOCKED, "8000::/1 (reserved)"),
};
const size_t address_n_ranges = ARRAY_LEN(address_ranges);
