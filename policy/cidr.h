/* SPDX-License-Identifier: Apache-2.0 */
/* cidr: IPv4 and IPv6 addresses and blocks of them, and the blocks that nothing may be sent to. */
#ifndef POLICY_CIDR_H
#define POLICY_CIDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"
#include "lib/rd.h"

/* An IPv4 address is kept in its IPv4-mapped form (::ffff:a.b.c.d), so there is one kind. */
struct address {
	uint8_t bytes[16];
};

struct cidr {
	struct address base; /* bits after `prefix` are zero */
	unsigned prefix; /* 0..128, counted in the 16-byte form */
};

/* A zeroed one is empty. Borrows its items. */
struct cidr_list {
	const struct cidr *items;
	size_t n;
};

struct address address_v4(const uint8_t bytes[4]);
struct address address_v6(const uint8_t bytes[16]);
bool address_is_v4(struct address address);

/* Dotted-quad IPv4 or IPv6 without brackets or zone. */
bool address_parse(struct slice text, struct address *out);

/* An address, or ADDRESS/PREFIX. ERR_INVALID says what is wrong with it; IPv4-mapped IPv6 is refused,
 * as it is an IPv4 block in disguise. `out_masked` tells that bits after the prefix were set. */
int cidr_parse(struct slice text, struct cidr *out, bool *out_masked, struct err *err);

bool cidr_contains(const struct cidr *block, struct address address);
bool cidr_list_contains(const struct cidr_list *list, struct address address);

/* The first always-blocked range that `block` shares an address with, as text; NULL if none.
 * Always blocked: loopback, link-local, unspecified, multicast, reserved, and IPv6 forms that embed
 * an IPv4 address (mapped, compatible, NAT64, 6to4), behind which any of these could hide. */
const char *cidr_always_blocked(const struct cidr *block);

#endif
