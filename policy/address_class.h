/* SPDX-License-Identifier: Apache-2.0 */
/* address_class: what kind of network an address belongs to, for whoever dials what others name. Pure. */
#ifndef POLICY_ADDRESS_CLASS_H
#define POLICY_ADDRESS_CLASS_H

#include "policy/cidr.h"

enum address_class {
	ADDRESS_BLOCKED = 0, /* never: this machine, its link, no single host, or no address */
	ADDRESS_INTERNAL, /* only where the policy means it: private and special-purpose ranges */
	ADDRESS_PUBLIC,
};

/* What kind of address it is. An IPv6 address that carries an IPv4 address for a translator or tunnel
 * (mapped, compatible, NAT64, 6to4, Teredo, ISATAP) reaches that one: it is never better than it. */
enum address_class address_classify(struct address address);

/* "169.254.0.0/16 (link-local, cloud metadata)": the range that decided; "" for a public address. */
const char *address_range_text(struct address address);

#endif
