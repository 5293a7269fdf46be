/* SPDX-License-Identifier: Apache-2.0 */
/* nl_chan: a netlink socket to the kernel. It stays in the network namespace it was opened in, so one
 * that was opened inside serves to configure the inside from outside. */
#ifndef AGENT_NET_NL_CHAN_H
#define AGENT_NET_NL_CHAN_H

#include "agent/net/nl_in.h"
#include "agent/net/nl_out.h"
#include "lib/err.h"

struct nl_sock;

struct nl_chan {
	struct nl_sock *socket;
	uint32_t seq;
};

/* `protocol`: NETLINK_ROUTE or NETLINK_NETFILTER. */
int nl_chan_open(struct nl_chan *out, int protocol, struct err *err);
void nl_chan_done(struct nl_chan *chan);

/* Sends the message and waits for its acknowledgement. What the kernel refuses is in `err` in its own
 * words, and its errno value in `out_error` where that is not NULL. The message is freed. */
int nl_chan_ask(struct nl_chan *chan, struct nl_out *message, int *out_error, struct err *err);

/* Sends bytes that hold several messages, of which the one numbered `last_seq` asks for an
 * acknowledgement, and reads answers up to that one. Any error among them is the result. */
int nl_chan_ask_batch(struct nl_chan *chan, struct slice messages, uint32_t last_seq,
		      struct err *err);

/* Sends a request and gives each message of the answer to `take`, which returns -1 to stop. The
 * message is freed. ERR_TIMEOUT where the answer changed while it was read: ask again. */
int nl_chan_dump(struct nl_chan *chan, struct nl_out *message,
		 int (*take)(const struct nl_in *message, void *arg, struct err *err), void *arg,
		 struct err *err);

int nl_chan_fd(const struct nl_chan *chan);

#endif
