/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/worker_services.h"

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "agent/identity/client.h"
#include "agent/proxy/destination.h"
#include "agent/proxy/socket.h"
#include "agent/worker_names.h"
#include "lib/cleanup.h"
#include "lib/mem.h"

struct worker_services {
	struct loop *loop;
	struct identity_client *identity;
	struct worker_names *names;
	/* Questions that wait until the helper has answered others, in the order of their coming. Each is a
	 * connection's, so there are never more than connections may be open. */
	struct identify_call *first_queued, *last_queued;
	struct loop_fd identity_watch;
	short identity_events; /* that it waits for */
	struct loop_timer identity_timer;
	struct address own[DESTINATION_OWN_MAX];
	size_t n_own;
	struct services table;
	uint64_t names_asked;
};

/* Where a call waits: what its `service` points to. */
struct ticket {
	struct worker_services *services;
	uint32_t id;
};

static struct ticket *ticket_new(struct worker_services *services, uint32_t id)
{
	struct ticket *ticket = mem_calloc(1, sizeof(*ticket));

	ticket->services = services;
	ticket->id = id;
	return ticket;
}

/* The id of a call that waits, which waits no more. */
static uint32_t ticket_take(void **service)
{
	struct ticket *ticket = *service;
	uint32_t id = ticket != NULL ? ticket->id : 0;

	free(ticket);
	*service = NULL;
	return id;
}

/* --- identity ------------------------------------------------------------------------------------ */

static void await_identity(struct worker_services *s)
{
	short events = identity_client_events(s->identity);
	struct err ignored;

	/* Without events the helper is gone, and every question is answered with a denial. */
	if (events == 0)
		loop_fd_remove(s->loop, &s->identity_watch);
	else if (events != s->identity_events)
		loop_fd_change(s->loop, &s->identity_watch, (uint32_t)events, &ignored);
	s->identity_events = events;
	/* Whoever asks later has a later deadline: a timer that is set is not too late. */
	if (s->identity_timer.set)
		return;
	int64_t deadline_ms = identity_client_deadline_ms(s->identity);
	int64_t left_ms = deadline_ms - loop_now_ms(s->loop);
	if (deadline_ms != -1)
		loop_timer_set(s->loop, &s->identity_timer, left_ms > 0 ? left_ms : 0);
}

static void run_identity(void *ctx)
{
	struct worker_services *s = ctx;

	identity_client_run(s->identity, loop_now_ms(s->loop));
	await_identity(s);
}

static void identity_ready(void *ctx, uint32_t events)
{
	(void)events;
	run_identity(ctx);
}

static void enqueue(struct worker_services *s, struct identify_call *call)
{
	call->queued = true;
	call->next = NULL;
	call->previous = s->last_queued;
	if (s->last_queued != NULL)
		s->last_queued->next = call;
	else
		s->first_queued = call;
	s->last_queued = call;
}

static void dequeue(struct worker_services *s, struct identify_call *call)
{
	if (!call->queued)
		return;
	call->queued = false;
	if (call->previous != NULL)
		call->previous->next = call->next;
	else
		s->first_queued = call->next;
	if (call->next != NULL)
		call->next->previous = call->previous;
	else
		s->last_queued = call->previous;
}

static void identified(void *context, const struct identity_answer *answer);

/* False where the helper has as many questions as it may have, and `call` must wait for its turn. */
static bool try_identify(struct worker_services *s, struct identify_call *call)
{
	const struct identity_flow flow = {
		.src = call->flow.workload,
		.dst = call->flow.remote,
		.src_port = call->flow.workload_port,
		.dst_port = call->flow.remote_port,
	};
	uint32_t id = 0;
	enum identity_status status =
		identity_ask(s->identity, &flow, loop_now_ms(s->loop), identified, call, &id);

	if (status == IDENTITY_BUSY)
		return false;
	dequeue(s, call);
	if (status == IDENTITY_OK)
		call->service = ticket_new(s, id);
	else
		call->done(call, NULL, identity_status_text(status));
	return true;
}

static void identify_queued(struct worker_services *s)
{
	while (s->first_queued != NULL && try_identify(s, s->first_queued))
		;
}

static void tell_identity(struct identify_call *call, const struct identity_answer *answer)
{
	const char *ancestors[IDENTITY_PATHS_MAX];
	struct program program = { .pid = answer->pid, .ancestors = ancestors };

	if (answer->status != IDENTITY_OK || answer->paths.n == 0) {
		call->done(call, NULL, identity_status_text(answer->status));
		return;
	}
	program.binary = identity_paths_get(&answer->paths, 0);
	for (size_t i = 1; i < answer->paths.n; i++)
		ancestors[program.n_ancestors++] = identity_paths_get(&answer->paths, i);
	call->done(call, &program, NULL);
}

static void identified(void *context, const struct identity_answer *answer)
{
	struct identify_call *call = context;
	const struct ticket *ticket = call->service;
	struct worker_services *s = ticket->services;

	ticket_take(&call->service);
	tell_identity(call, answer);
	identify_queued(s);
}

static void identify(void *ctx, struct identify_call *call)
{
	struct worker_services *s = ctx;

	/* Who came first is asked for first. */
	if (s->first_queued != NULL || !try_identify(s, call))
		enqueue(s, call);
	await_identity(s);
}

static void identify_cancel(void *ctx, struct identify_call *call)
{
	struct worker_services *s = ctx;

	dequeue(s, call);
	identity_cancel(s->identity, ticket_take(&call->service));
	identify_queued(s);
	await_identity(s);
}

static int start_identity(struct worker_services *s, int fd, struct err *err)
{
	s->identity = identity_client_new(fd);
	s->identity_watch = (struct loop_fd){ .fd = fd, .ready = identity_ready, .ctx = s };
	s->identity_timer = (struct loop_timer){ .fire = run_identity, .ctx = s };
	s->identity_events = EPOLLIN;
	s->table.identify = identify;
	s->table.identify_cancel = identify_cancel;
	return loop_fd_add(s->loop, &s->identity_watch, EPOLLIN, err);
}

/* --- names --------------------------------------------------------------------------------------- */

static void resolve(void *ctx, struct resolve_call *call)
{
	struct worker_services *s = ctx;

	s->names_asked++;
	worker_names_resolve(s->names, call);
}

static void cancel_resolve(void *ctx, struct resolve_call *call)
{
	const struct worker_services *s = ctx;

	worker_names_cancel(s->names, call);
}

static int start_names(struct worker_services *s, const struct worker_services_config *config,
		       struct err *err)
{
	const struct resolve_config resolver = {
		.resolv_conf = config->resolv_conf,
		.hosts = config->hosts,
		.v6 = config->v6,
	};

	return worker_names_new(s->loop, &resolver, &s->names, err);
}

/* --- destinations -------------------------------------------------------------------------------- */

struct own_addresses {
	struct address items[DESTINATION_OWN_MAX + DESTINATION_ADDRESSES_MAX];
	size_t n;
};

/* The pod's addresses may change while it runs, so those in question are looked up each time. */
static int find_own(const struct worker_services *s, const struct destination_question *question,
		    struct own_addresses *out, struct err *err)
{
	memcpy(out->items, s->own, s->n_own * sizeof(*s->own));
	out->n = s->n_own;
	/* More than this are refused whatever they are. */
	for (size_t i = 0; i < question->n && i < DESTINATION_ADDRESSES_MAX; i++) {
		bool is_own;

		if (socket_is_own(question->addresses[i], &is_own, err) == -1)
			return -1;
		if (is_own)
			out->items[out->n++] = question->addresses[i];
	}
	return 0;
}

static int validate(void *ctx, const struct destination_question *question,
		    struct destination_answer *out, struct err *err)
{
	struct own_addresses own;

	if (find_own(ctx, question, &own, err) == -1)
		return -1;
	const struct destination_request request = {
		.host = question->host,
		.port = question->port,
		.allowed_ips = question->decision->allowed_ips,
		.exact_host = question->decision->exact_host,
		.addresses = question->addresses,
		.n_addresses = question->n,
		.by_name = question->by_name,
		.own = own.items,
		.n_own = own.n,
	};
	struct destination_result result;

	destination_check(&request, &result);
	if (result.verdict != DESTINATION_ALLOW)
		return err_set(err, ERR_DENIED, "%s", destination_reason(result.verdict));
	_Static_assert(sizeof(out->addresses) == sizeof(result.addresses),
		       "as many as are checked");
	memcpy(out->addresses, result.addresses, result.n * sizeof(*result.addresses));
	out->n = result.n;
	return 0;
}

/* --- the whole ----------------------------------------------------------------------------------- */

static void free_slot(struct worker_services **services)
{
	worker_services_free(*services);
}

int worker_services_new(const struct worker_services_config *config, struct worker_services **out,
			struct err *err)
{
	AUTO(free_slot) struct worker_services *s = mem_calloc(1, sizeof(*s));

	if (config->n_own > DESTINATION_OWN_MAX)
		return err_set(err, ERR_LIMIT, "the pod has more than %d addresses",
			       DESTINATION_OWN_MAX);
	s->loop = config->loop;
	for (; s->n_own < config->n_own; s->n_own++)
		s->own[s->n_own] = config->own[s->n_own];
	s->table = (struct services){
		.ctx = s,
		.resolve = resolve,
		.resolve_cancel = cancel_resolve,
		.validate = validate,
	};
	if (config->identity_fd != -1 && start_identity(s, config->identity_fd, err) == -1)
		return -1;
	if (start_names(s, config, err) == -1)
		return -1;
	*out = STEAL(s);
	return 0;
}

void worker_services_free(struct worker_services *s)
{
	if (s == NULL)
		return;
	loop_fd_remove(s->loop, &s->identity_watch);
	loop_timer_cancel(s->loop, &s->identity_timer);
	identity_client_free(s->identity);
	worker_names_free(s->names);
	free(s);
}

void worker_services_count(const struct worker_services *s, struct worker_counts *out)
{
	out->names_asked = s->names_asked;
	if (s->identity == NULL)
		return;
	const struct identity_client_counts *counts = identity_client_counts(s->identity);
	out->identity_asked = counts->asked;
	out->identity_answered = counts->answered;
	out->identity_timed_out = counts->timed_out;
}

const struct services *worker_services_table(struct worker_services *services)
{
	return &services->table;
}
