/* SPDX-License-Identifier: Apache-2.0 */
/* An ask is one caller's host; it walks through the names that the host may stand for. A query is one
 * name on its way (resolve_query.h); asks for the same name share it. */
#include "agent/proxy/resolve.h"

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "agent/proxy/resolve_query.h"
#include "lib/cleanup.h"
#include "lib/mem.h"

enum { DNS_PORT = 53 };

/* An id is its slot and how often that was used. */
struct ask {
	uint32_t uses;
	bool busy;
	uint64_t waits_for; /* the query's serial */
	struct resolve_candidates *candidates;
	size_t at;
	int64_t deadline_ms;
	struct resolve_waiter waiter;
};

struct resolver {
	struct resolve_conf conf;
	struct resolve_hosts hosts;
	struct resolve_cache cache;
	struct queries queries;
	struct ask asks[RESOLVE_ASKS_MAX];
};

static const char *const status_texts[] = {
	[RESOLVE_FAILED] = "no nameserver gave a usable answer",
	[RESOLVE_OK] = "resolved",
	[RESOLVE_PENDING] = "not resolved yet",
	[RESOLVE_NO_NAME] = "no such name, or no address",
	[RESOLVE_BAD_NAME] = "not a host name",
	[RESOLVE_TIMED_OUT] = "the nameservers took too long",
	[RESOLVE_TOO_BUSY] = "too many names are being resolved",
};

const char *resolve_status_text(enum resolve_status status)
{
	return status_texts[status <= RESOLVE_TOO_BUSY ? status : RESOLVE_FAILED];
}

int resolve_new(const struct resolve_config *config, struct resolver **out, struct err *err)
{
	int epoll_fd = epoll_create1(EPOLL_CLOEXEC);

	if (epoll_fd == -1)
		return err_sys(err, "create an epoll instance");
	struct resolver *resolver = mem_calloc(1, sizeof(*resolver));
	resolve_conf_parse(config->resolv_conf, &resolver->conf);
	resolve_hosts_parse(config->hosts, &resolver->hosts);
	resolver->queries.conf = &resolver->conf;
	resolver->queries.port = config->port != 0 ? config->port : DNS_PORT;
	resolver->queries.n_legs = config->v6 ? RESOLVE_LEGS : 1;
	resolver->queries.epoll_fd = epoll_fd;
	*out = resolver;
	return 0;
}

/* --- asks --------------------------------------------------------------------------------------- */

static uint32_t id_of(const struct resolver *resolver, const struct ask *ask)
{
	return ask->uses * RESOLVE_ASKS_MAX + (uint32_t)(ask - resolver->asks);
}

static void ask_done(struct ask *ask)
{
	free(ask->candidates);
	ask->candidates = NULL;
	ask->busy = false;
	ask->waits_for = 0;
}

static void finish(struct ask *ask, enum resolve_status status,
		   const struct resolve_addresses *addresses)
{
	static const struct resolve_addresses none;
	const struct resolve_waiter waiter = ask->waiter;

	ask_done(ask);
	waiter.done(waiter.context, status, status == RESOLVE_OK ? addresses : &none);
}

/* Goes from candidate to candidate as long as what is known lets it. */
static enum resolve_status advance(struct resolver *resolver, struct ask *ask, int64_t now_ms,
				   struct resolve_addresses *out)
{
	for (; ask->at < ask->candidates->n; ask->at++) {
		const struct resolve_name *name = &ask->candidates->names[ask->at];

		if (resolve_cache_find(&resolver->cache, name, now_ms, out)) {
			if (out->n == 0)
				continue;
			return RESOLVE_OK;
		}
		if (resolver->conf.n_servers == 0)
			return RESOLVE_FAILED;
		ask->waits_for = queries_ask(&resolver->queries, name, now_ms);
		return ask->waits_for != 0 ? RESOLVE_PENDING : RESOLVE_TOO_BUSY;
	}
	return RESOLVE_NO_NAME;
}

/* What needs no DNS. */
static enum resolve_status answer_at_once(const struct resolver *resolver, struct slice host,
					  struct resolve_name *out_name,
					  struct resolve_addresses *out)
{
	struct slice literal = host;

	if (host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
		literal = (struct slice){ host.p + 1, host.n - 2 };
	if (address_parse(literal, &out->items[0])) {
		out->n = 1;
		return RESOLVE_OK;
	}
	if (!resolve_name_read(host, out_name))
		return RESOLVE_BAD_NAME;
	out->n = resolve_hosts_find(&resolver->hosts, out_name, out->items, ARRAY_LEN(out->items));
	return out->n > 0 ? RESOLVE_OK : RESOLVE_PENDING;
}

static struct ask *free_ask(struct resolver *resolver)
{
	for (size_t i = 0; i < RESOLVE_ASKS_MAX; i++)
		if (!resolver->asks[i].busy)
			return &resolver->asks[i];
	return NULL;
}

enum resolve_status resolve_ask(struct resolver *resolver, struct slice host, int64_t now_ms,
				const struct resolve_waiter *waiter, struct resolve_addresses *out,
				uint32_t *out_id)
{
	struct resolve_name name;
	enum resolve_status status = answer_at_once(resolver, host, &name, out);
	struct ask *ask = free_ask(resolver);

	if (status != RESOLVE_PENDING)
		return status;
	if (ask == NULL)
		return RESOLVE_TOO_BUSY;
	*ask = (struct ask){
		.uses = ask->uses + 1,
		.busy = true,
		.candidates = mem_calloc(1, sizeof(*ask->candidates)),
		.deadline_ms = now_ms + RESOLVE_ASK_TIMEOUT_MS,
		.waiter = *waiter,
	};
	resolve_candidates_list(&resolver->conf, &name, ask->candidates);
	status = advance(resolver, ask, now_ms, out);
	if (status == RESOLVE_PENDING)
		*out_id = id_of(resolver, ask);
	else
		ask_done(ask);
	return status;
}

/* A query that nobody waits for any more is given up. */
static void forget_query(struct resolver *resolver, uint64_t serial)
{
	for (size_t i = 0; i < RESOLVE_ASKS_MAX; i++)
		if (resolver->asks[i].waits_for == serial)
			return;
	queries_forget(&resolver->queries, serial);
}

void resolve_cancel(struct resolver *resolver, uint32_t id)
{
	struct ask *ask = &resolver->asks[id % RESOLVE_ASKS_MAX];
	uint64_t serial = ask->waits_for;

	if (!ask->busy || id_of(resolver, ask) != id)
		return;
	ask_done(ask);
	forget_query(resolver, serial);
}

void resolve_free(struct resolver *resolver)
{
	if (resolver == NULL)
		return;
	for (size_t i = 0; i < RESOLVE_ASKS_MAX; i++)
		ask_done(&resolver->asks[i]);
	queries_done(&resolver->queries);
	resolve_cache_done(&resolver->cache);
	resolve_hosts_done(&resolver->hosts);
	close(resolver->queries.epoll_fd);
	free(resolver);
}

/* --- what happens ------------------------------------------------------------------------------- */

/* The next candidate, after `status` for the present one. A failure is no absence: the next name might
 * be somebody else's. */
static void move_on(struct resolver *resolver, struct ask *ask, enum resolve_status status,
		    const struct resolve_addresses *addresses, int64_t now_ms)
{
	struct resolve_addresses known = { 0 };

	ask->waits_for = 0;
	if (status == RESOLVE_NO_NAME) {
		ask->at++;
		status = advance(resolver, ask, now_ms, &known);
		addresses = &known;
	}
	if (status != RESOLVE_PENDING)
		finish(ask, status, addresses);
}

/* The query is gone before anyone is told: who is told may ask again, for the same name. */
static void end_query(struct resolver *resolver, const struct query *query, int64_t now_ms)
{
	struct resolve_addresses addresses;
	uint32_t ttl_s;
	uint64_t serial = query->serial;
	enum resolve_status status = query_collect(query, &addresses, &ttl_s);

	if (status != RESOLVE_FAILED)
		resolve_cache_put(&resolver->cache, &query->name, &addresses,
				  now_ms + (int64_t)ttl_s * 1000);
	queries_forget(&resolver->queries, serial);
	for (size_t i = 0; i < RESOLVE_ASKS_MAX; i++)
		if (resolver->asks[i].waits_for == serial)
			move_on(resolver, &resolver->asks[i], status, &addresses, now_ms);
}

static void expire_ask(struct resolver *resolver, struct ask *ask, int64_t now_ms)
{
	uint64_t serial = ask->waits_for;

	if (!ask->busy || ask->deadline_ms > now_ms)
		return;
	finish(ask, RESOLVE_TIMED_OUT, NULL);
	forget_query(resolver, serial);
}

void resolve_run(struct resolver *resolver, int64_t now_ms)
{
	queries_run(&resolver->queries, now_ms);
	/* Who is told may ask for what fails at once: not without end. */
	for (size_t i = 0; i < RESOLVE_QUERIES_MAX; i++) {
		const struct query *over = queries_over(&resolver->queries, now_ms);

		if (over == NULL)
			break;
		end_query(resolver, over, now_ms);
	}
	for (size_t i = 0; i < RESOLVE_ASKS_MAX; i++)
		expire_ask(resolver, &resolver->asks[i], now_ms);
}

/* --- what to wait for --------------------------------------------------------------------------- */

int resolve_fd(const struct resolver *resolver)
{
	return resolver->queries.epoll_fd;
}

int64_t resolve_deadline_ms(const struct resolver *resolver)
{
	int64_t first = queries_deadline_ms(&resolver->queries);

	for (size_t i = 0; i < RESOLVE_ASKS_MAX; i++) {
		const struct ask *ask = &resolver->asks[i];

		if (ask->busy && (first == -1 || ask->deadline_ms < first))
			first = ask->deadline_ms;
	}
	return first;
}
