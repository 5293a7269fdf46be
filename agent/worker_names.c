/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/worker_names.h"

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "lib/mem.h"

/* Those who wait for one host. */
struct wait {
	struct worker_names *names;
	struct wait *next;
	char *host; /* owned */
	uint32_t id; /* of the resolver's; 0 once it has answered */
	struct resolve_call *first, *last;
};

struct worker_names {
	struct loop *loop;
	struct resolver *resolver;
	struct loop_fd watch;
	struct loop_timer timer;
	/* No more than the resolver takes, as each that is not being told has a question there. */
	struct wait *waits;
};

static void set_deadline(struct worker_names *names)
{
	int64_t deadline_ms = resolve_deadline_ms(names->resolver);
	int64_t left_ms = deadline_ms - loop_now_ms(names->loop);

	if (deadline_ms == -1)
		loop_timer_cancel(names->loop, &names->timer);
	else
		loop_timer_set(names->loop, &names->timer, left_ms > 0 ? left_ms : 0);
}

/* --- who waits ----------------------------------------------------------------------------------- */

static void append(struct wait *wait, struct resolve_call *call)
{
	call->service = wait;
	call->next = NULL;
	call->previous = wait->last;
	if (wait->last != NULL)
		wait->last->next = call;
	else
		wait->first = call;
	wait->last = call;
}

static void take_off(struct wait *wait, struct resolve_call *call)
{
	if (call->previous != NULL)
		call->previous->next = call->next;
	else
		wait->first = call->next;
	if (call->next != NULL)
		call->next->previous = call->previous;
	else
		wait->last = call->previous;
	call->service = NULL;
}

static void wait_free(struct wait *wait)
{
	free(wait->host);
	free(wait);
}

static void wait_end(struct wait *wait)
{
	struct wait **at = &wait->names->waits;

	while (*at != wait)
		at = &(*at)->next;
	*at = wait->next;
	wait_free(wait);
}

/* One that is being told is none to join: its answer was given. */
static struct wait *find_wait(const struct worker_names *names, const char *host)
{
	for (struct wait *wait = names->waits; wait != NULL; wait = wait->next)
		if (wait->id != 0 && strcmp(wait->host, host) == 0)
			return wait;
	return NULL;
}

/* --- answers ------------------------------------------------------------------------------------- */

static void tell(struct resolve_call *call, enum resolve_status status,
		 const struct resolve_addresses *addresses)
{
	bool found = status == RESOLVE_OK;

	call->is_full = status == RESOLVE_TOO_BUSY;
	call->done(call, addresses->items, found ? addresses->n : 0,
		   found ? NULL : resolve_status_text(status));
}

/* Who is told may cancel others that wait, and ask again. */
static void resolved(void *context, enum resolve_status status,
		     const struct resolve_addresses *addresses)
{
	struct wait *wait = context;

	wait->id = 0;
	while (wait->first != NULL) {
		struct resolve_call *call = wait->first;

		take_off(wait, call);
		tell(call, status, addresses);
	}
	wait_end(wait);
}

static void run(void *ctx)
{
	struct worker_names *names = ctx;

	resolve_run(names->resolver, loop_now_ms(names->loop));
	set_deadline(names);
}

static void ready(void *ctx, uint32_t events)
{
	(void)events;
	run(ctx);
}

/* --- questions ----------------------------------------------------------------------------------- */

void worker_names_resolve(struct worker_names *names, struct resolve_call *call)
{
	struct wait *wait = find_wait(names, call->host);
	struct resolve_addresses addresses = { 0 };

	if (wait != NULL) {
		append(wait, call);
		return;
	}
	wait = mem_calloc(1, sizeof(*wait));
	*wait = (struct wait){
		.names = names,
		.next = names->waits,
		.host = mem_strdup(call->host),
	};
	names->waits = wait;
	const struct resolve_waiter waiter = { .done = resolved, .context = wait };
	enum resolve_status status =
		resolve_ask(names->resolver, slice_text(wait->host), loop_now_ms(names->loop),
			    &waiter, &addresses, &wait->id);
	if (status != RESOLVE_PENDING) {
		wait_end(wait);
		tell(call, status, &addresses);
		return;
	}
	append(wait, call);
	set_deadline(names);
}

void worker_names_cancel(struct worker_names *names, struct resolve_call *call)
{
	struct wait *wait = call->service;

	if (wait == NULL)
		return;
	take_off(wait, call);
	if (wait->first != NULL || wait->id == 0)
		return;
	resolve_cancel(names->resolver, wait->id);
	wait_end(wait);
}

/* --- the whole ----------------------------------------------------------------------------------- */

int worker_names_new(struct loop *loop, const struct resolve_config *config,
		     struct worker_names **out, struct err *err)
{
	struct worker_names *names = mem_calloc(1, sizeof(*names));

	names->loop = loop;
	if (resolve_new(config, &names->resolver, err) == -1) {
		free(names);
		return -1;
	}
	names->watch =
		(struct loop_fd){ .fd = resolve_fd(names->resolver), .ready = ready, .ctx = names };
	names->timer = (struct loop_timer){ .fire = run, .ctx = names };
	if (loop_fd_add(loop, &names->watch, EPOLLIN, err) == -1) {
		worker_names_free(names);
		return -1;
	}
	*out = names;
	return 0;
}

void worker_names_free(struct worker_names *names)
{
	if (names == NULL)
		return;
	loop_fd_remove(names->loop, &names->watch);
	loop_timer_cancel(names->loop, &names->timer);
	for (struct wait *next, *wait = names->waits; wait != NULL; wait = next) {
		next = wait->next;
		wait_free(wait);
	}
	resolve_free(names->resolver);
	free(names);
}
