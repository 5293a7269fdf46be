/* SPDX-License-Identifier: Apache-2.0 */
/* driver_fence: builds a fence in the network namespace that it is started in, as `run` does, and holds
 * it until its input ends. What it built, and the answer to each line of input, is a line of JSON:
 *   build    builds again, from a new inner namespace
 *   probe    checks the fence once more
 *   reports  the dropped packets that the kernel told of since the last time */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/net/fence.h"
#include "agent/net/netns.h"
#include "agent/net/nflog.h"
#include "lib/cleanup.h"
#include "lib/cmd.h"

/* The kernel collects reports for a tenth of a second before it sends them. */
enum { REPORTS_WAIT_MS = 250, LINE_BYTES = 64 };

static int fail(const struct err *err)
{
	printf("{\"error\": \"%s\"}\n", err->msg);
	return -1;
}

static void print_listeners(const struct fence *fence)
{
	char text[INET6_ADDRSTRLEN];

	printf("\"listeners\": [");
	for (size_t i = 0; i < fence->n_listeners; i++) {
		struct sockaddr_in6 at;
		socklen_t n = sizeof(at);

		getsockname(fence->listeners[i].fd, (struct sockaddr *)&at, &n);
		printf("%s{\"fd\": %d, \"family\": %d, \"port\": %u, \"to\": \"%s\"}",
		       i > 0 ? ", " : "", fence->listeners[i].fd, at.sin6_family == AF_INET ? 4 : 6,
		       fence->listeners[i].port, subnet_text(fence->listeners[i].to, text));
	}
	printf("]");
}

static void print_fence(const struct fence *fence, int inner)
{
	char pod[INET6_ADDRSTRLEN], in[INET6_ADDRSTRLEN];

	printf("{\"netns\": \"/proc/%d/fd/%d\", ", getpid(), inner);
	printf("\"v4\": [\"%s\", \"%s\"], ", subnet_text(fence->v4.pod, pod),
	       subnet_text(fence->v4.inner, in));
	if (fence->has_v6)
		printf("\"v6\": [\"%s\", \"%s\"], ", subnet_text(fence->v6.pod, pod),
		       subnet_text(fence->v6.inner, in));
	printf("\"dnat_v4\": %d, \"dnat_v6\": %d, \"first_port\": %ld, ", fence->dnat_v4,
	       fence->dnat_v6, fence->first_port);
	printf("\"closed_v6\": %zu, ", fence->n_closed_v6);
	print_listeners(fence);
	printf("}\n");
}

static int build(const struct fence_config *config, int *inner, struct fence *fence)
{
	struct fence_config with = *config;
	struct err err = { 0 };

	fence_done(fence);
	auto_close(inner);
	*inner = -1;
	if (netns_create(inner, &err) == -1)
		return fail(&err);
	with.inner_netns = *inner;
	if (fence_build(&with, fence, &err) == -1)
		return fail(&err);
	print_fence(fence, *inner);
	return 0;
}

static void print_event(const struct nflog_event *event, void *arg)
{
	char src[INET6_ADDRSTRLEN], dst[INET6_ADDRSTRLEN];
	int *n = arg;

	printf("%s{\"prefix\": \"%s\", \"src\": \"%s\", \"dst\": \"%s\", \"protocol\": %u, "
	       "\"sport\": %u, \"dport\": %u, \"uid\": %ld, \"probe\": %d}",
	       (*n)++ > 0 ? ", " : "", event->prefix, subnet_text(event->src, src),
	       subnet_text(event->dst, dst), event->protocol, event->sport, event->dport,
	       event->has_uid ? (long)event->uid : -1, probe_is_target(event->dst, event->dport));
}

static void reports(const struct fence *fence)
{
	const int fds[] = { fence->inner_reports_fd, fence->pod_reports_fd };
	size_t skipped = 0;
	struct err err = { 0 };
	int n = 0;

	poll(NULL, 0, REPORTS_WAIT_MS);
	printf("{\"events\": [");
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		if (nflog_read(fds[i], print_event, &n, &skipped, &err) == -1)
			fprintf(stderr, "%s\n", err.msg);
	printf("], \"skipped\": %zu}\n", skipped);
}

static void probe(const struct fence *fence)
{
	struct err err = { 0 };

	if (probe_check(&fence->inner_probe, &err) == -1 ||
	    probe_check(&fence->pod_probe, &err) == -1)
		fail(&err);
	else
		printf("{\"holds\": true}\n");
}

/* "8080" or "5353/udp" */
static void read_port(const char *text, struct fence_port *out)
{
	out->port = (uint16_t)strtoul(text, NULL, 10);
	out->protocol = strstr(text, "/udp") != NULL ? IPPROTO_UDP : IPPROTO_TCP;
}

static uint32_t number(const char *text, uint32_t otherwise)
{
	return text != NULL ? (uint32_t)strtoul(text, NULL, 10) : otherwise;
}

int main(int argc, char **argv)
{
	const char *proxy_uid = NULL, *transparent = NULL, *dns = NULL;
	struct cmd_list inbound = { 0 }, avoid = { 0 };
	const struct cmd_option options[] = {
		{ "--proxy-uid", CMD_TEXT, &proxy_uid, "UID", "default 1337" },
		{ "--transparent", CMD_TEXT, &transparent, "PORT", "redirect all TCP" },
		{ "--dns", CMD_TEXT, &dns, "PORT", "redirect DNS" },
		{ "--inbound", CMD_REPEATED, &inbound, "PORT", "let in; PORT/udp for UDP" },
		{ "--avoid", CMD_REPEATED, &avoid, "ADDRESS", "keep reachable" },
	};
	AUTO(fence_done) struct fence fence = FENCE_INIT;
	AUTO_FD int inner = -1;
	struct address avoided[8];
	char line[LINE_BYTES];
	struct err err = { 0 };
	int rest;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (cmd_parse(options, ARRAY_LEN(options), argc, argv, &rest, &err) == -1)
		return fail(&err) == -1;
	struct fence_config config = {
		.proxy_uid = number(proxy_uid, 1337),
		.proxy_port = 3128,
		.transparent_port = (uint16_t)number(transparent, 0),
		.dns_port = (uint16_t)number(dns, 0),
		.n_inbound = inbound.n,
		.own = { 15090 },
		.n_own = 1,
		.avoid = avoided,
	};
	for (size_t i = 0; i < inbound.n && i < ARRAY_LEN(config.inbound); i++)
		read_port(inbound.items[i], &config.inbound[i]);
	for (size_t i = 0; i < avoid.n && i < ARRAY_LEN(avoided); i++)
		config.n_avoid += address_parse(slice_text(avoid.items[i]), &avoided[i]);
	if (build(&config, &inner, &fence) == -1)
		return 1;
	while (fgets(line, sizeof(line), stdin) != NULL) {
		if (strcmp(line, "build\n") == 0)
			build(&config, &inner, &fence);
		else if (strcmp(line, "probe\n") == 0)
			probe(&fence);
		else
			reports(&fence);
	}
	return 0;
}
