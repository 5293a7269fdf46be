/* SPDX-License-Identifier: Apache-2.0 */
/* address_ranges: the special-purpose ranges of both families, by what may be done with them.
 * Data of address_class.c; IANA's special-purpose registries (RFC 6890) and what clouds put elsewhere. */
#ifndef POLICY_ADDRESS_RANGES_H
#define POLICY_ADDRESS_RANGES_H

#include "policy/address_class.h"

struct address_range {
	uint8_t base[16]; /* an IPv4 range in its mapped form */
	uint8_t prefix; /* of 128 bits */
	enum address_class class;
	const char *text; /* "BLOCK (what it is)" */
};

/* The first that holds an address decides. */
extern const struct address_range address_ranges[];
extern const size_t address_n_ranges;

#endif
