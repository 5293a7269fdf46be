/* SPDX-License-Identifier: Apache-2.0 */
/* probe: proves from inside that a fence holds: a datagram to a documentation address (RFC 5737,
 * RFC 3849), where nobody is, must be refused by the packet filter. */
#ifndef AGENT_NET_PROBE_H
#define AGENT_NET_PROBE_H

#include <stdbool.h>

#include "lib/err.h"
#include "policy/cidr.h"

enum probe_result {
	PROBE_LEFT = 0, /* a datagram went out: there is no fence */
	PROBE_FENCED, /* refused by the packet filter (EPERM) */
	PROBE_NO_WAY, /* no route, or a kernel without the family: nothing can leave by it */
	PROBE_BROKEN, /* another error: nothing is known */
};

/* One socket of each family, bound to the namespace they were opened in. -1: no such family. */
struct probe {
	int v4, v6;
};

/* Opens the sockets in the caller's network namespace, close-on-exec. 0 or an errno value.
 * Async-signal-safe, as are the others but probe_check(). */
int probe_open(struct probe *out);
void probe_close(struct probe *probe);

enum probe_result probe_send_v4(const struct probe *probe);
enum probe_result probe_send_v6(const struct probe *probe);

/* True where nothing leaves. A family without a way out is as good as a fenced one. */
bool probe_holds(const struct probe *probe);

/* Opens, sends and closes: 0, an errno value, or ENOTUNIQ where something left. */
int probe_now(void);

/* probe_holds() with a reason: ERR_DENIED says what got out and what that means. */
int probe_check(const struct probe *probe, struct err *err);

/* Whether a report of the packet filter is about our own probe. */
bool probe_is_target(struct address address, unsigned port);

#endif
