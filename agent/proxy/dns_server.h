/* SPDX-License-Identifier: Apache-2.0 */
/* dns_server: the only DNS that the workload has. It answers for names that an endpoint of the policy names,
 * with an address that stands for the name (agent/proxy/synthetic.h), and asks nobody: what a program
 * puts into a name leaves the sandbox with the connection that the policy allows, or not at all.
 *
 * By UDP and TCP. Every other name does not exist, which is told in an event; how many of these is bounded. */
#ifndef AGENT_PROXY_DNS_SERVER_H
#define AGENT_PROXY_DNS_SERVER_H

#include "agent/proxy/dns_query.h"
#include "agent/proxy/inside.h"
#include "agent/proxy/synthetic.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "policy/policy.h"

struct dns_server;

/* Borrows what it points to. */
struct dns_server_config {
	struct loop *loop;
	const struct log *log;
	struct policy *const *policy; /* the one that holds now */
	struct synthetic *synthetic;
	int udp_fds[INSIDE_FAMILIES], tcp_fds[INSIDE_FAMILIES]; /* taken over; -1 for none */
};

/* Serves from now on. On failure nothing has been taken over. */
int dns_server_start(const struct dns_server_config *config, struct dns_server **out,
		     struct err *err);

/* Closes what is open. Accepts NULL. */
void dns_server_free(struct dns_server *server);

#endif
