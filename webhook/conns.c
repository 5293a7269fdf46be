/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/conns.h"

#include <stdlib.h>
#include <sys/socket.h>

#include "lib/mem.h"

static const size_t group_max[CONNS_GROUPS] = {
	[CONNS_TLS] = CONNS_TLS_MAX,
	[CONNS_PLAIN] = CONNS_PLAIN_MAX,
};

static const int64_t state_ms[] = {
	[CONN_FIRST] = CONNS_FIRST_MS,
	[CONN_IDLE] = CONNS_IDLE_MS,
	[CONN_REQUEST] = CONNS_REQUEST_MS,
};

void conns_init(struct conns *conns)
{
	*conns = (struct conns){ 0 };
	pthread_mutex_init(&conns->lock, NULL);
}

/* Its owner sees the end and closes it. */
static void end(struct conn *conn)
{
	shutdown(conn->fd, SHUT_RDWR);
	conn->state = CONN_ENDED;
}

static bool goes_before(const struct conn *a, const struct conn *b)
{
	return b == NULL || a->state < b->state ||
	       (a->state == b->state && a->since_ms < b->since_ms);
}

static void make_room(struct conns *conns, enum conns_group group)
{
	struct conn *first = NULL;
	size_t open = 0;

	for (size_t i = 0; i < conns->n; i++) {
		struct conn *conn = conns->items[i];

		if (conn->group != group || conn->state == CONN_ENDED)
			continue;
		open++;
		if (conn->state < CONN_REQUEST && goes_before(conn, first))
			first = conn;
	}
	if (open >= group_max[group] && first != NULL)
		end(first);
}

struct conn *conns_add(struct conns *conns, enum conns_group group, int fd, int64_t now_ms)
{
	struct conn *conn = NULL;

	pthread_mutex_lock(&conns->lock);
	make_room(conns, group);
	if (conns->n < CONNS_OPEN_MAX) {
		conn = mem_calloc(1, sizeof(*conn));
		*conn = (struct conn){ fd, group, CONN_FIRST, now_ms };
		conns->items[conns->n++] = conn;
	}
	pthread_mutex_unlock(&conns->lock);
	return conn;
}

void conns_remove(struct conns *conns, struct conn *conn)
{
	pthread_mutex_lock(&conns->lock);
	for (size_t i = 0; i < conns->n; i++)
		if (conns->items[i] == conn)
			conns->items[i] = conns->items[--conns->n];
	pthread_mutex_unlock(&conns->lock);
	free(conn);
}

void conns_enter(struct conns *conns, struct conn *conn, enum conn_state state, int64_t now_ms)
{
	if (conn == NULL)
		return;
	pthread_mutex_lock(&conns->lock);
	if (conn->state != CONN_ENDED) {
		conn->state = state;
		conn->since_ms = now_ms;
	}
	pthread_mutex_unlock(&conns->lock);
}

void conns_sweep(struct conns *conns, int64_t now_ms)
{
	pthread_mutex_lock(&conns->lock);
	for (size_t i = 0; i < conns->n; i++) {
		struct conn *conn = conns->items[i];

		if (conn->state != CONN_ENDED && now_ms - conn->since_ms >= state_ms[conn->state])
			end(conn);
	}
	pthread_mutex_unlock(&conns->lock);
}

size_t conns_count(struct conns *conns)
{
	pthread_mutex_lock(&conns->lock);
	size_t n = conns->n;
	pthread_mutex_unlock(&conns->lock);
	return n;
}
