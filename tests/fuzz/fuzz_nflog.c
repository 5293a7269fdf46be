/* SPDX-License-Identifier: Apache-2.0 */
/* Reports of dropped packets, whose bytes are the workload's to choose. A report that is told is whole:
 * its prefix ends, ports belong to a protocol that has some, and there are never too many. The same
 * bytes serve as an answer about devices, addresses and routes, and as a kernel's error. */
#include <assert.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <string.h>

#include "agent/net/nflog.h"
#include "agent/net/routes.h"
#include "lib/cleanup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool has_ports(uint8_t protocol)
{
	return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_UDPLITE ||
	       protocol == IPPROTO_SCTP || protocol == IPPROTO_DCCP;
}

static void check_event(const struct nflog_event *event, void *arg)
{
	size_t *told = arg;

	++*told;
	assert(memchr(event->prefix, '\0', sizeof(event->prefix)) != NULL);
	assert(has_ports(event->protocol) || (event->sport == 0 && event->dport == 0));
	assert(event->has_uid || event->uid == 0);
}

static void check_routes(struct slice bytes)
{
	AUTO(routes_done) struct routes routes = { 0 };
	struct rd r = rd_init(bytes);
	struct nl_in message;

	while (nl_in_next(&r, &message)) {
		struct err err = { 0 };
		const char *text;

		if (routes_take(&routes, &message, &err) == -1)
			assert(err.code == ERR_INVALID || err.code == ERR_LIMIT);
		nl_in_error(&message, &text);
		assert(text != NULL && strlen(text) <= message.body.n);
	}
	assert(routes.n_devices <= ROUTES_DEVICES_MAX);
	for (size_t i = 0; i < routes.n_taken; i++)
		assert(routes.taken[i].prefix <= 128 && routes.taken[i].prefix > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct slice bytes = { data, size };
	struct nflog_event event;
	size_t told = 0, skipped = 0;

	nflog_parse(bytes, check_event, &told, &skipped);
	assert(told <= NFLOG_EVENTS_MAX);
	if (nflog_parse_one(bytes, &event))
		check_event(&event, &told);
	check_routes(bytes);
	return 0;
}
