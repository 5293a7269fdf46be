/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/proxy/worker.h"

#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "agent/proxy/conn.h"
#include "agent/proxy/conn_policy.h"
#include "agent/proxy/dns_server.h"
#include "agent/proxy/listen.h"
#include "lib/mem.h"

enum {
	/* So many connections hold enough that it is worth a walk through the heap once they have ended, */
	BURST_CONNS = 256,
	/* all but one in so many. */
	BURST_SHARE = 16,
	/* By then what waited in the pool is closed as well. */
	REST_MS = POOL_IDLE_MS + 5000,
};

struct worker {
	struct proxy proxy;
	struct listener listeners[WORKER_LISTENERS_MAX + INSIDE_TCP_FDS];
	size_t n_listeners;
	struct dns_server *dns;
	struct loop_fd control;
	struct loop_timer drain, rest;
	size_t n_settled; /* since the last rest */
	size_t most_open; /* since memory was last given back */
};

/* A burst of connections leaves free memory behind that the allocator would keep for another one. */
static void give_memory_back(struct worker *worker)
{
	size_t open = worker->proxy.counters.open;

	if (open > worker->most_open)
		worker->most_open = open;
	if (worker->most_open < BURST_CONNS || open > worker->most_open / BURST_SHARE)
		return;
	worker->most_open = open;
	malloc_trim(0);
}

/* Fewer leave free memory behind too, between what is kept of each; many are looked after above. */
static void rested(void *ctx)
{
	struct worker *worker = ctx;

	if (worker->proxy.counters.open < BURST_CONNS || worker->n_settled > BURST_CONNS)
		malloc_trim(0);
	worker->n_settled = 0;
}

static void await_rest(struct worker *worker)
{
	if (!worker->rest.set)
		loop_timer_set(worker->proxy.loop, &worker->rest, REST_MS);
}

/* Many that settle leave as much as many that end. */
static void conn_settled(void *ctx)
{
	struct worker *worker = ctx;

	worker->n_settled++;
	await_rest(worker);
}

static void conn_ended(void *ctx)
{
	struct worker *worker = ctx;

	give_memory_back(worker);
	await_rest(worker);
	for (size_t i = 0; i < worker->n_listeners; i++)
		listener_resume(&worker->listeners[i]);
	if (worker->proxy.draining && worker->proxy.counters.open == 0)
		loop_stop(worker->proxy.loop);
}

static void drained(void *ctx)
{
	struct worker *worker = ctx;

	loop_stop(worker->proxy.loop);
}

static void control_ready(void *ctx, uint32_t events)
{
	struct worker *worker = ctx;

	/* Nothing is said through it; only its end counts. */
	if (events & (EPOLLHUP | EPOLLRDHUP | EPOLLERR)) {
		loop_fd_remove(worker->proxy.loop, &worker->control);
		worker_stop(worker);
	}
}

static int watch_control(struct worker *worker, int fd, struct err *err)
{
	worker->control = (struct loop_fd){
		.fd = fd,
		.ready = control_ready,
		.ctx = worker,
	};
	return loop_fd_add(worker->proxy.loop, &worker->control, EPOLLRDHUP, err);
}

/* --- accepting ----------------------------------------------------------------------------------- */

static void take(struct worker *worker, int fd, enum conn_entry entry)
{
	struct proxy *proxy = &worker->proxy;
	bool full = proxy->counters.open >= proxy->limits.conns;
	struct conn *conn;
	struct err err;

	if (conn_new(proxy, fd, entry, &conn, &err) == -1)
		log_reason(proxy->log, LOG_LEVEL_ERROR, "proxy.accept_failed", err.msg);
	else if (full)
		conn_turn_away(conn);
}

static void take_explicit(void *ctx, int fd)
{
	take(ctx, fd, CONN_EXPLICIT);
}

static void take_transparent(void *ctx, int fd)
{
	take(ctx, fd, CONN_TRANSPARENT);
}

static bool has_room(void *ctx)
{
	const struct worker *worker = ctx;
	const struct proxy *proxy = &worker->proxy;

	return proxy->counters.open < proxy->limits.conns + WORKER_TURNED_AWAY_MAX;
}

static int listen_on(struct worker *worker, int fd, void (*take_conn)(void *, int), struct err *err)
{
	const struct listener_config config = {
		.loop = worker->proxy.loop,
		.log = worker->proxy.log,
		.fd = fd,
		.take = take_conn,
		.has_room = has_room,
		.ctx = worker,
	};

	if (fd == -1)
		return 0;
	if (listener_start(&worker->listeners[worker->n_listeners], &config, err) == -1)
		return -1;
	worker->n_listeners++;
	return 0;
}

static int serve_inside(struct worker *worker, const struct inside *inside, struct err *err)
{
	struct dns_server_config dns = {
		.loop = worker->proxy.loop,
		.log = worker->proxy.log,
		.policy = &worker->proxy.policy,
		.synthetic = &worker->proxy.synthetic,
	};

	for (size_t i = 0; i < INSIDE_TCP_FDS; i++)
		if (listen_on(worker, inside->tcp[i], take_transparent, err) == -1)
			return -1;
	for (size_t i = 0; i < INSIDE_FAMILIES; i++) {
		dns.udp_fds[i] = inside->dns_udp[i];
		dns.tcp_fds[i] = inside->dns_tcp[i];
	}
	return dns_server_start(&dns, &worker->dns, err);
}

static int start(struct worker *worker, const struct worker_config *config, struct err *err)
{
	for (size_t i = 0; i < config->n_listen_fds; i++)
		if (listen_on(worker, config->listen_fds[i], take_explicit, err) == -1)
			return -1;
	if (config->control_fd >= 0 && watch_control(worker, config->control_fd, err) == -1)
		return -1;
	/* Last, as it takes its sockets over. */
	return config->inside != NULL ? serve_inside(worker, config->inside, err) : 0;
}

/* --- life ---------------------------------------------------------------------------------------- */

int worker_new(const struct worker_config *config, struct worker **out, struct err *err)
{
	struct worker *worker = mem_calloc(1, sizeof(*worker));

	worker->proxy = (struct proxy){
		.loop = config->loop,
		.policy = config->policy,
		.log = config->log,
		.services = config->services,
		.limits = config->limits,
		.pool = { .loop = config->loop },
		.intercept = config->intercept,
		.tls_client = config->tls_client,
		.upstream_proxy = config->upstream_proxy,
		.credentials = config->credentials,
		.synthetic = { .table = config->dns_table },
		.settled = conn_settled,
		.ended = conn_ended,
		.owner = worker,
	};
	worker->drain = (struct loop_timer){ .fire = drained, .ctx = worker };
	worker->rest = (struct loop_timer){ .fire = rested, .ctx = worker };
	if (start(worker, config, err) == 0) {
		*out = worker;
		return 0;
	}
	for (size_t i = 0; i < worker->n_listeners; i++)
		listener_stop(&worker->listeners[i]);
	loop_fd_remove(config->loop, &worker->control);
	free(worker);
	return -1;
}

void worker_set_policy(struct worker *worker, struct policy *policy)
{
	struct policy *before = worker->proxy.policy;
	struct conn *next;

	/* What waits was validated under the old one. */
	pool_flush(&worker->proxy.pool);
	worker->proxy.policy = policy;
	for (struct conn *conn = worker->proxy.first; conn != NULL; conn = next) {
		next = conn->next;
		conn_decide_again(conn);
	}
	policy_free(before);
	worker->proxy.counters.policies_applied++;
}

void worker_note_refused_policy(struct worker *worker)
{
	worker->proxy.counters.policies_refused++;
}

static void stop_listening(struct worker *worker)
{
	for (size_t i = 0; i < worker->n_listeners; i++) {
		listener_stop(&worker->listeners[i]);
		close(worker->listeners[i].config.fd);
	}
	worker->n_listeners = 0;
}

static void tell_draining(const struct proxy *proxy)
{
	struct log_line line = log_begin(proxy->log, LOG_LEVEL_INFO, "proxy.draining");

	log_int(&line, "connections", (int64_t)proxy->counters.open);
	log_end(&line);
}

void worker_stop(struct worker *worker)
{
	struct proxy *proxy = &worker->proxy;

	if (proxy->draining)
		return;
	proxy->draining = true;
	stop_listening(worker);
	tell_draining(proxy);
	if (proxy->counters.open == 0) {
		loop_stop(proxy->loop);
		return;
	}
	loop_timer_set(proxy->loop, &worker->drain, proxy->limits.drain_ms);
	/* Those that wait for a request close. */
	for (struct conn *conn = proxy->first; conn != NULL; conn = conn->next)
		loop_task_queue(proxy->loop, &conn->task);
}

bool worker_is_serving(const struct worker *worker)
{
	return !worker->proxy.draining;
}

const struct proxy_counters *worker_counters(const struct worker *worker)
{
	return &worker->proxy.counters;
}

void worker_free(struct worker *worker)
{
	if (worker == NULL)
		return;
	stop_listening(worker);
	while (worker->proxy.first != NULL)
		conn_free(worker->proxy.first);
	pool_flush(&worker->proxy.pool);
	loop_timer_cancel(worker->proxy.loop, &worker->drain);
	loop_timer_cancel(worker->proxy.loop, &worker->rest);
	if (worker->control.fd > 0) {
		loop_fd_remove(worker->proxy.loop, &worker->control);
		close(worker->control.fd);
	}
	dns_server_free(worker->dns);
	synthetic_done(&worker->proxy.synthetic);
	policy_free(worker->proxy.policy);
	free(worker->proxy.spare_exchange);
	pipes_done(&worker->proxy.pipes);
	free(worker);
}

static void got_signal(void *ctx, int signal)
{
	(void)signal;
	worker_stop(ctx);
}

int worker_run(struct worker *worker, struct err *err)
{
	sigset_t signals;

	/* OpenSSL writes without MSG_NOSIGNAL. */
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	if (loop_signals(worker->proxy.loop, &signals, got_signal, worker, err) == -1)
		return -1;
	return loop_run(worker->proxy.loop, err);
}
