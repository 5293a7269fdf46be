/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/identity/client.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/mem.h"

/* A question. An id is its slot and how often that was used, so a late answer finds nobody. */
struct slot {
	uint32_t uses;
	bool used;
	identity_answered *done;
	void *context;
	int64_t deadline_ms;
	uint64_t order; /* of asking: what could not be sent goes out in it */
	uint8_t *unsent;
	size_t unsent_n;
};

struct identity_client {
	int fd;
	bool gone; /* the helper; the descriptor stays open, as its number may still be watched */
	size_t n_used, n_unsent; /* slots */
	uint64_t order;
	struct identity_client_counts counts;
	struct slot slots[IDENTITY_IN_FLIGHT_MAX];
	struct identity_answer answer;
	uint8_t bytes[IDENTITY_ANSWER_MAX + 1];
};

struct identity_client *identity_client_new(int fd)
{
	struct identity_client *client = mem_calloc(1, sizeof(*client));

	client->fd = fd;
	return client;
}

void identity_client_free(struct identity_client *client)
{
	if (client == NULL)
		return;
	auto_close(&client->fd);
	for (size_t i = 0; i < IDENTITY_IN_FLIGHT_MAX; i++)
		free(client->slots[i].unsent);
	free(client);
}

/* --- slots ------------------------------------------------------------------------------------- */

static struct slot *free_slot(struct identity_client *client)
{
	for (size_t i = 0; i < IDENTITY_IN_FLIGHT_MAX; i++)
		if (!client->slots[i].used)
			return &client->slots[i];
	return NULL;
}

static uint32_t id_of(const struct identity_client *client, const struct slot *slot)
{
	return slot->uses * IDENTITY_IN_FLIGHT_MAX + (uint32_t)(slot - client->slots);
}

static struct slot *slot_of(struct identity_client *client, uint32_t id)
{
	struct slot *slot = &client->slots[id % IDENTITY_IN_FLIGHT_MAX];

	return slot->used && id_of(client, slot) == id ? slot : NULL;
}

static void sent(struct identity_client *client, struct slot *slot)
{
	if (slot->unsent == NULL)
		return;
	free(slot->unsent);
	slot->unsent = NULL;
	client->n_unsent--;
}

static void release(struct identity_client *client, struct slot *slot)
{
	sent(client, slot);
	slot->used = false;
	client->n_used--;
}

/* The slot is free before the call, which may ask again. */
static void finish(struct identity_client *client, struct slot *slot,
		   const struct identity_answer *answer)
{
	identity_answered *done = slot->done;
	void *context = slot->context;

	release(client, slot);
	done(context, answer);
}

static void fail(struct identity_client *client, struct slot *slot, enum identity_status status)
{
	struct identity_answer *answer = &client->answer;

	answer->id = id_of(client, slot);
	answer->status = status;
	answer->pid = 0;
	answer->uid = 0;
	answer->paths.n = answer->paths.used = 0;
	finish(client, slot, answer);
}

static void helper_gone(struct identity_client *client)
{
	client->gone = true;
	for (size_t i = 0; i < IDENTITY_IN_FLIGHT_MAX; i++)
		if (client->slots[i].used)
			fail(client, &client->slots[i], IDENTITY_FAILED);
}

/* --- out --------------------------------------------------------------------------------------- */

enum sending { SENT, SEND_LATER, SEND_FAILED };

static enum sending try_send(const struct identity_client *client, const uint8_t *bytes, size_t n)
{
	if (send(client->fd, bytes, n, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)n)
		return SENT;
	return errno == EAGAIN || errno == ENOBUFS || errno == EINTR ? SEND_LATER : SEND_FAILED;
}

static struct slot *oldest_unsent(struct identity_client *client)
{
	struct slot *oldest = NULL;

	for (size_t i = 0; i < IDENTITY_IN_FLIGHT_MAX; i++) {
		struct slot *slot = &client->slots[i];

		if (slot->unsent != NULL && (oldest == NULL || slot->order < oldest->order))
			oldest = slot;
	}
	return oldest;
}

/* False where the helper is gone. */
static bool send_waiting(struct identity_client *client)
{
	while (client->n_unsent > 0) {
		struct slot *slot = oldest_unsent(client);

		switch (try_send(client, slot->unsent, slot->unsent_n)) {
		case SENT:
			sent(client, slot);
			break;
		case SEND_LATER:
			return true;
		case SEND_FAILED:
			return false;
		}
	}
	return true;
}

enum identity_status identity_ask(struct identity_client *client, const struct identity_flow *flow,
				  int64_t now_ms, identity_answered *done, void *context,
				  uint32_t *out_id)
{
	struct slot *slot = free_slot(client);
	uint8_t bytes[IDENTITY_REQUEST_SIZE];

	if (client->gone)
		return IDENTITY_FAILED;
	if (slot == NULL)
		return IDENTITY_BUSY;
	slot->uses++;
	const struct identity_request request = { .id = id_of(client, slot), .flow = *flow };
	size_t n = identity_request_encode(&request, bytes);
	enum sending sending = client->n_unsent > 0 ? SEND_LATER : try_send(client, bytes, n);
	if (sending == SEND_FAILED)
		return IDENTITY_FAILED;
	slot->used = true;
	client->n_used++;
	slot->done = done;
	slot->context = context;
	slot->deadline_ms = now_ms + IDENTITY_TIMEOUT_MS;
	slot->order = client->order++;
	if (sending == SEND_LATER) {
		slot->unsent = mem_calloc(n, 1);
		slot->unsent_n = n;
		memcpy(slot->unsent, bytes, n);
		client->n_unsent++;
	}
	client->counts.asked++;
	*out_id = request.id;
	return IDENTITY_OK;
}

void identity_cancel(struct identity_client *client, uint32_t id)
{
	struct slot *slot = slot_of(client, id);

	if (slot != NULL)
		release(client, slot);
}

/* --- in ---------------------------------------------------------------------------------------- */

static void take(struct identity_client *client, struct slice message)
{
	struct err err;
	struct slot *slot = NULL;

	if (identity_answer_decode(message, &client->answer, &err) == 0)
		slot = slot_of(client, client->answer.id);
	/* An answer to what we have not even sent is nobody's. */
	if (slot == NULL || slot->unsent != NULL) {
		client->counts.dropped++;
		return;
	}
	client->counts.answered++;
	finish(client, slot, &client->answer);
}

/* False where the helper is gone. A message may not be empty: that is how the end reads. What comes when
 * nobody waits is for the next time. */
static bool receive_all(struct identity_client *client)
{
	do {
		ssize_t n = recv(client->fd, client->bytes, sizeof(client->bytes), MSG_DONTWAIT);

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return errno == EAGAIN;
		if (n == 0)
			return false;
		take(client, (struct slice){ client->bytes, (size_t)n });
	} while (client->n_used > 0);
	return true;
}

static void give_up_late(struct identity_client *client, int64_t now_ms)
{
	for (size_t i = 0; i < IDENTITY_IN_FLIGHT_MAX; i++) {
		struct slot *slot = &client->slots[i];

		if (!slot->used || slot->deadline_ms > now_ms)
			continue;
		client->counts.timed_out++;
		fail(client, slot, IDENTITY_TIMEOUT);
	}
}

void identity_client_run(struct identity_client *client, int64_t now_ms)
{
	if (!client->gone && (!send_waiting(client) || !receive_all(client)))
		helper_gone(client);
	give_up_late(client, now_ms);
}

/* --- what to wait for --------------------------------------------------------------------------- */

int identity_client_fd(const struct identity_client *client)
{
	return client->fd;
}

short identity_client_events(const struct identity_client *client)
{
	if (client->gone)
		return 0;
	return client->n_unsent > 0 ? POLLIN | POLLOUT : POLLIN;
}

int64_t identity_client_deadline_ms(const struct identity_client *client)
{
	int64_t first = -1;

	for (size_t i = 0; i < IDENTITY_IN_FLIGHT_MAX; i++) {
		const struct slot *slot = &client->slots[i];

		if (slot->used && (first == -1 || slot->deadline_ms < first))
			first = slot->deadline_ms;
	}
	return first;
}

const struct identity_client_counts *identity_client_counts(const struct identity_client *client)
{
	return &client->counts;
}

bool identity_client_is_alive(const struct identity_client *client)
{
	return !client->gone;
}
