/* SPDX-License-Identifier: Apache-2.0 */
/* client: the proxy worker's end of the identity helper's channel. Never blocks: questions go out,
 * answers come back by call, in any order, or not at all, and then the caller is told so in time.
 * Whatever is not IDENTITY_OK is a denial. The clock is a parameter. */
#ifndef AGENT_IDENTITY_CLIENT_H
#define AGENT_IDENTITY_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/identity/message.h"

enum {
	/* Questions under way at a time; for more, identity_ask() says IDENTITY_BUSY, and the caller waits. */
	IDENTITY_IN_FLIGHT_MAX = 256,
	/* Reading a program of 1 GiB for the first time takes less. */
	IDENTITY_TIMEOUT_MS = 5000,
};

struct identity_client;

/* `answer` is the caller's until the call returns. It may ask and cancel, not free the client. */
typedef void identity_answered(void *context, const struct identity_answer *answer);

/* Takes over `fd`, the non-blocking end of identity_helper_channel(). */
struct identity_client *identity_client_new(int fd);

/* Questions that wait are forgotten: nobody is called. Accepts NULL. */
void identity_client_free(struct identity_client *client);

/* IDENTITY_OK: asked, `done` will be called exactly once, from identity_client_run(), unless the
 * question is cancelled. Else the reason to deny, and nothing is called. `*out_id` is never 0. */
enum identity_status identity_ask(struct identity_client *client, const struct identity_flow *flow,
				  int64_t now_ms, identity_answered *done, void *context,
				  uint32_t *out_id);

/* `done` is not called. An id that is no longer waiting, or 0, is ignored. */
void identity_cancel(struct identity_client *client, uint32_t id);

/* What to wait for: the descriptor, the same for the client's whole life, and poll(2) events: 0 once the
 * helper is gone, and then it must not be waited for any more. And until when; -1 for no end. */
int identity_client_fd(const struct identity_client *client);
short identity_client_events(const struct identity_client *client);
int64_t identity_client_deadline_ms(const struct identity_client *client);

/* Sends, reads and gives up what is due. To be called when any of those comes; harmless at other
 * times. */
void identity_client_run(struct identity_client *client, int64_t now_ms);

struct identity_client_counts {
	uint64_t asked, answered, timed_out;
	uint64_t dropped; /* answers to no question, or no answers at all */
};

const struct identity_client_counts *identity_client_counts(const struct identity_client *client);

/* False once the helper is gone; all that waited has been told IDENTITY_FAILED. */
bool identity_client_is_alive(const struct identity_client *client);

#endif
