/* SPDX-License-Identifier: Apache-2.0 */
/* hostname: which texts are names of hosts, judged once for certificates, TLS and whoever dials. */
#ifndef LIB_HOSTNAME_H
#define LIB_HOSTNAME_H

#include <stdbool.h>

#include "lib/rd.h"

enum {
	/* RFC 1035 3.1: 255 bytes on the wire, which as text without the final dot are these. */
	HOSTNAME_MAX = 253,
	HOSTNAME_LABEL_MAX = 63,
};

/* A DNS name in ASCII without final dot: labels of 1..63 letters, digits, '-' and '_' ('-' not first). The
 * last label is not a number, as then the whole could be read as an IPv4 address. */
bool hostname_is_dns(struct slice name);

#endif
