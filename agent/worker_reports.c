/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/worker_reports.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/epoll.h>

#include "agent/net/nflog.h"
#include "agent/net/probe.h"
#include "agent/net/subnet.h"

static const char *protocol_name(uint8_t protocol)
{
	switch (protocol) {
	case IPPROTO_TCP:
		return "tcp";
	case IPPROTO_UDP:
		return "udp";
	case IPPROTO_ICMP:
	case IPPROTO_ICMPV6:
		return "icmp";
	case IPPROTO_SCTP:
		return "sctp";
	default:
		return "other";
	}
}

static void tell(const struct nflog_event *event, void *arg)
{
	struct worker_reports *reports = arg;
	char text[INET6_ADDRSTRLEN];

	/* What PID 1 sends every few seconds to prove the fence is no attempt of the workload's. */
	if (probe_is_target(event->dst, event->dport))
		return;
	reports->told++;
	struct log_line line = log_begin(reports->log, LOG_LEVEL_WARN, "net.bypass");

	log_str(&line, "verdict", "deny");
	log_str(&line, "protocol", protocol_name(event->protocol));
	log_str(&line, "host", subnet_text(event->dst, text));
	log_int(&line, "port", event->dport);
	if (event->has_uid)
		log_int(&line, "uid", event->uid);
	log_str(&line, "reason", "a direct connection: only the proxy leads out of the sandbox");
	log_end(&line);
}

static void ready(void *ctx, uint32_t events)
{
	struct worker_reports *reports = ctx;
	struct err err = { 0 };
	size_t skipped = 0;

	(void)events;
	if (nflog_read(reports->watch.fd, tell, reports, &skipped, &err) == -1) {
		log_reason(reports->log, LOG_LEVEL_WARN, "net.reports_lost", err.msg);
		loop_fd_remove(reports->loop, &reports->watch);
		return;
	}
	if (skipped == 0)
		return;
	reports->skipped += skipped;
	struct log_line line = log_begin(reports->log, LOG_LEVEL_WARN, "net.bypass_skipped");

	log_int(&line, "count", (int64_t)skipped);
	log_end(&line);
}

int worker_reports_start(struct worker_reports *reports, struct loop *loop, const struct log *log,
			 int fd, struct err *err)
{
	*reports = (struct worker_reports){
		.loop = loop,
		.log = log,
		.watch = { .fd = fd, .ready = ready, .ctx = reports },
	};
	return loop_fd_add(loop, &reports->watch, EPOLLIN, err);
}
