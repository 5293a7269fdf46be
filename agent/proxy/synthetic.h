/* SPDX-License-Identifier: Apache-2.0 */
/* synthetic: addresses that stand for names. A program that asks DNS for a name gets one, and when it
 * connects there we know what it meant. Pure.
 *
 * They are of 198.18.0.0/15, which no network routes (RFC 2544). An address stands for its name as long as
 * the table lives and for no other ever: programs keep addresses for longer than any TTL says. Where programs
 * outlive the table, the next one gives other addresses, so that what they kept stands for nothing. */
#ifndef AGENT_PROXY_SYNTHETIC_H
#define AGENT_PROXY_SYNTHETIC_H

#include <stdbool.h>

#include "policy/cidr.h"
#include "policy/match_host.h"

enum {
	/* The range is in so many parts, of which tables that follow each other take turns. */
	SYNTHETIC_TABLES = 4,
	/* 198.18.0.1 to 198.18.127.254, and so on */
	SYNTHETIC_MAX = (1 << 15) - 2,
	/* Of names that only a wildcard covers, which a program can think up as it likes: 5 MiB. The rest is
	 * for those that the policy spells out. */
	SYNTHETIC_WILD_MAX = 1 << 14,
};

/* A zeroed one is empty, and the first. */
struct synthetic {
	unsigned table; /* which of SYNTHETIC_TABLES it is */
	struct synthetic_entry **entries; /* by address */
	size_t n, cap, n_wild;
	void *by_name;
};

/* The address of `name`, a new one if it has none. False where there is none left. */
bool synthetic_address(struct synthetic *table, const struct host_name *name, bool wild,
		       struct address *out);

/* The name that `address` stands for; NULL for none. Borrowed, as long as the table. */
const struct host_name *synthetic_name(const struct synthetic *table, struct address address);

/* Of the range, whether or not it stands for a name yet. */
bool synthetic_covers(struct address address);

void synthetic_done(struct synthetic *table);

#endif
