/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/conns.h"

#include <stdlib.h>
#include <sys/socket.h>

#include "lib/mem.h"

void conns_init(struct conns *conns)
{
	*conns = (struct conns){ 0 };
	pthread_mutex_init(&conns->lock, NULL);
}

struct conn *conns_add(struct conns *conns, int fd, int64_t now_ms)
{
	struct conn *conn = NULL;

	pthread_mutex_lock(&conns->lock);
	if (conns->n < CONNS_MAX) {
		conn = mem_calloc(1, sizeof(*conn));
		*conn = (struct conn){ fd, now_ms + CONNS_FIRST_MS };
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

void conns_allow(struct conns *conns, struct conn *conn, int64_t now_ms, int64_t ms)
{
	if (conn == NULL)
		return;
	pthread_mutex_lock(&conns->lock);
	conn->deadline_ms = now_ms + ms;
	pthread_mutex_unlock(&conns->lock);
}

void conns_sweep(struct conns *conns, int64_t now_ms)
{
	pthread_mutex_lock(&conns->lock);
	for (size_t i = 0; i < conns->n; i++)
		if (conns->items[i]->deadline_ms <= now_ms)
			shutdown(conns->items[i]->fd, SHUT_RDWR);
	pthread_mutex_unlock(&conns->lock);
}

size_t conns_count(struct conns *conns)
{
	pthread_mutex_lock(&conns->lock);
	size_t n = conns->n;
	pthread_mutex_unlock(&conns->lock);
	return n;
}
