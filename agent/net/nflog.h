/* SPDX-License-Identifier: Apache-2.0 */
/* nflog: what the packet filter reports of the packets it dropped. Packets are the workload's to make:
 * the process that reads them should have nothing to lose. */
#ifndef AGENT_NET_NFLOG_H
#define AGENT_NET_NFLOG_H

#include "agent/net/nl_in.h"
#include "lib/err.h"
#include "policy/cidr.h"

enum {
	NFLOG_PREFIX_MAX = 32,
	/* Bytes of a packet that the kernel hands over: the headers. */
	NFLOG_COPY_BYTES = 128,
	/* The largest datagram that the kernel makes of reports. */
	NFLOG_DATAGRAM_MAX = 16384,
	/* Reports taken from one datagram; more are counted, not told. */
	NFLOG_EVENTS_MAX = 64,
};

struct nflog_event {
	char prefix[NFLOG_PREFIX_MAX]; /* one of nft_rules.h */
	struct address src, dst;
	uint8_t protocol; /* IPPROTO_* */
	uint16_t sport, dport; /* 0 where the protocol has none or the packet ends before */
	bool has_uid;
	uint32_t uid; /* of the process that sent it */
};

/* Joins the group of nft_rules.h in the caller's network namespace. `out_fd`: a socket to read from,
 * close-on-exec and non-blocking; reading needs no privilege. ERR_DENIED where another process has the
 * group. */
int nflog_open(int *out_fd, struct err *err);

/* Calls `each` for the reports of one datagram. Reports that cannot be read, or are one too many, are
 * counted in `out_skipped`. */
void nflog_parse(struct slice datagram, void (*each)(const struct nflog_event *event, void *arg),
		 void *arg, size_t *out_skipped);

/* One message's body; false where it is no report that can be told. */
bool nflog_parse_one(struct slice body, struct nflog_event *out);

/* Reads what is there and gives it to `each`. 0 when there is no more, or -1. Reports that the kernel
 * could not queue count as one skipped. */
int nflog_read(int fd, void (*each)(const struct nflog_event *event, void *arg), void *arg,
	       size_t *out_skipped, struct err *err);

#endif
