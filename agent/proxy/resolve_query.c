/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/proxy/resolve_query.h"

#include <string.h>
#include <sys/epoll.h>

#include "lib/cleanup.h"

enum { EVENTS_MAX = 32 };

static const enum resolve_type leg_types[RESOLVE_LEGS] = { RESOLVE_A, RESOLVE_AAAA };

static struct leg_context leg_context(const struct queries *queries, const struct query *query,
				      size_t leg, int64_t now_ms)
{
	return (struct leg_context){
		.conf = queries->conf,
		.port = queries->port,
		.epoll_fd = queries->epoll_fd,
		.tag = (uint64_t)(query - queries->items) * RESOLVE_LEGS + leg,
		.name = &query->name,
		.now_ms = now_ms,
	};
}

static void query_done(struct query *query)
{
	for (size_t i = 0; i < query->n_legs; i++)
		leg_done(&query->legs[i]);
	query->serial = 0;
}

void queries_done(struct queries *queries)
{
	for (size_t i = 0; i < RESOLVE_QUERIES_MAX; i++)
		query_done(&queries->items[i]);
}

/* --- asking ------------------------------------------------------------------------------------- */

static struct query *find_name(struct queries *queries, const struct resolve_name *name)
{
	for (size_t i = 0; i < RESOLVE_QUERIES_MAX; i++) {
		struct query *query = &queries->items[i];

		if (query->serial != 0 && query->name.n == name->n &&
		    memcmp(query->name.text, name->text, name->n) == 0)
			return query;
	}
	return NULL;
}

static struct query *find_serial(struct queries *queries, uint64_t serial)
{
	for (size_t i = 0; i < RESOLVE_QUERIES_MAX; i++)
		if (queries->items[i].serial == serial)
			return &queries->items[i];
	return NULL;
}

uint64_t queries_ask(struct queries *queries, const struct resolve_name *name, int64_t now_ms)
{
	struct query *query = find_name(queries, name);

	if (query != NULL)
		return query->serial;
	query = find_serial(queries, 0);
	if (query == NULL)
		return 0;
	query->serial = ++queries->serial;
	query->name = *name;
	query->n_legs = queries->n_legs;
	query->grace_ms = -1;
	for (size_t i = 0; i < query->n_legs && i < ARRAY_LEN(leg_types); i++) {
		const struct leg_context context = leg_context(queries, query, i, now_ms);

		leg_start(&context, leg_types[i], &query->legs[i]);
	}
	return query->serial;
}

void queries_forget(struct queries *queries, uint64_t serial)
{
	struct query *query = serial != 0 ? find_serial(queries, serial) : NULL;

	if (query != NULL)
		query_done(query);
}

/* --- what happens ------------------------------------------------------------------------------- */

void queries_run(struct queries *queries, int64_t now_ms)
{
	struct epoll_event events[EVENTS_MAX];
	int n = epoll_wait(queries->epoll_fd, events, EVENTS_MAX, 0);

	for (int i = 0; i < n; i++) {
		struct query *query = &queries->items[events[i].data.u64 / RESOLVE_LEGS];
		size_t leg = events[i].data.u64 % RESOLVE_LEGS;
		const struct leg_context context = leg_context(queries, query, leg, now_ms);

		if (query->serial != 0)
			leg_ready(&context, &query->legs[leg]);
	}
	for (size_t i = 0; i < RESOLVE_QUERIES_MAX * RESOLVE_LEGS; i++) {
		struct query *query = &queries->items[i / RESOLVE_LEGS];
		size_t leg = i % RESOLVE_LEGS;
		const struct leg_context context = leg_context(queries, query, leg, now_ms);

		if (query->serial != 0 && leg < query->n_legs)
			leg_expire(&context, &query->legs[leg]);
	}
}

static size_t legs_under_way(const struct query *query)
{
	size_t n = 0;

	for (size_t i = 0; i < query->n_legs; i++)
		n += !leg_is_over(&query->legs[i]);
	return n;
}

static bool has_found(const struct query *query)
{
	for (size_t i = 0; i < query->n_legs; i++)
		if (query->legs[i].state == LEG_DONE && query->legs[i].reading == RESOLVE_FOUND)
			return true;
	return false;
}

static bool is_over(struct query *query, int64_t now_ms)
{
	if (legs_under_way(query) == 0)
		return true;
	if (!has_found(query))
		return false;
	if (query->grace_ms == -1)
		query->grace_ms = now_ms + RESOLVE_GRACE_MS;
	return query->grace_ms <= now_ms;
}

const struct query *queries_over(struct queries *queries, int64_t now_ms)
{
	for (size_t i = 0; i < RESOLVE_QUERIES_MAX; i++)
		if (queries->items[i].serial != 0 && is_over(&queries->items[i], now_ms))
			return &queries->items[i];
	return NULL;
}

/* A family that failed takes nothing from the other, but without any address it is not known that
 * there is none. */
enum resolve_status query_collect(const struct query *query, struct resolve_addresses *out,
				  uint32_t *out_ttl_s)
{
	bool all_known = true;

	out->n = 0;
	*out_ttl_s = RESOLVE_TTL_MAX_S;
	for (size_t i = 0; i < query->n_legs; i++) {
		const struct leg *leg = &query->legs[i];

		if (leg->state != LEG_DONE) {
			all_known = false;
			continue;
		}
		if (leg->reading != RESOLVE_FOUND)
			continue;
		memcpy(out->items + out->n, leg->answer.addresses,
		       leg->answer.n * sizeof(out->items[0]));
		out->n += leg->answer.n;
		if (leg->answer.ttl_s < *out_ttl_s)
			*out_ttl_s = leg->answer.ttl_s;
	}
	/* Half an answer, and that a name is not there, are kept shortly. */
	if ((out->n == 0 || !all_known) && *out_ttl_s > RESOLVE_ABSENT_TTL_S)
		*out_ttl_s = RESOLVE_ABSENT_TTL_S;
	if (out->n > 0)
		return RESOLVE_OK;
	return all_known ? RESOLVE_NO_NAME : RESOLVE_FAILED;
}

/* --- what to wait for --------------------------------------------------------------------------- */

static int64_t sooner(int64_t a, int64_t b)
{
	return a == -1 || (b != -1 && b < a) ? b : a;
}

static int64_t query_deadline(const struct query *query)
{
	int64_t first = query->grace_ms;

	for (size_t i = 0; i < query->n_legs; i++)
		if (!leg_is_over(&query->legs[i]))
			first = sooner(first, query->legs[i].deadline_ms);
	/* One whose legs could not even start is over at once. */
	return legs_under_way(query) == 0 ? 0 : first;
}

int64_t queries_deadline_ms(const struct queries *queries)
{
	int64_t first = -1;

	for (size_t i = 0; i < RESOLVE_QUERIES_MAX; i++)
		if (queries->items[i].serial != 0)
			first = sooner(first, query_deadline(&queries->items[i]));
	return first;
}
