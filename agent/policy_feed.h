/* SPDX-License-Identifier: Apache-2.0 */
/* policy_feed: how a policy's text goes from PID 1, which may read the file, to the proxy worker, which
 * parses it without privilege, and how the answer comes back.
 *
 * The text lies in memory that both share; a number through a socket says that it is there. PID 1 offers
 * one text at a time and leaves it alone until it is answered. Nothing is allocated, opened or waited for
 * on either side, so a new policy arrives however full the worker is. */
#ifndef AGENT_POLICY_FEED_H
#define AGENT_POLICY_FEED_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/err.h"
#include "lib/rd.h"

/* A zeroed one with both descriptors -1 is closed. Made before the worker is forked. */
struct policy_feed {
	int init_fd, worker_fd;
	void *text;
};

#define POLICY_FEED_INIT                        \
	{                                       \
		.init_fd = -1, .worker_fd = -1, \
	}

enum policy_feed_verdict { POLICY_FEED_REFUSED = 0, POLICY_FEED_APPLIED };

/* What became of a text. Sent as it is: both sides are one program. */
struct policy_feed_answer {
	uint32_t number; /* of the offer */
	uint32_t verdict;
	uint32_t n_network_policies, n_endpoints, n_warnings;
	uint32_t n_problems, line, column; /* of the first problem of a refused one */
	uint32_t waits; /* bits of enum policy_section: changed, but not before the next start */
	char reason[512]; /* of a refusal: the first problem */
};

int policy_feed_open(struct policy_feed *out, struct err *err);
void policy_feed_done(struct policy_feed *feed);

/* PID 1: `text` is at most POLICY_TEXT_MAX long, and the last offer was answered. */
int policy_feed_offer(struct policy_feed *feed, uint32_t number, struct slice text,
		      struct err *err);

/* PID 1: false where there is no answer, or one that makes no sense: what the worker says is not trusted. */
bool policy_feed_read_answer(const struct policy_feed *feed, struct policy_feed_answer *out);

/* The worker: false where nothing is offered. `out_text` is shared memory. */
bool policy_feed_take(const struct policy_feed *feed, uint32_t *out_number, struct slice *out_text);

void policy_feed_answer(const struct policy_feed *feed, const struct policy_feed_answer *answer);

#endif
