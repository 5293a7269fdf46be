/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/worker_process.h"

#include <signal.h>
#include <stdlib.h>

#include "agent/live_page.h"
#include "agent/proxy/limits.h"
#include "agent/proxy/worker.h"
#include "agent/worker_confine.h"
#include "agent/worker_http.h"
#include "agent/worker_policy.h"
#include "agent/worker_reports.h"
#include "agent/worker_services.h"
#include "lib/cleanup.h"

enum {
	KEEP_MAX = WORKER_PROCESS_LISTENERS_MAX + WORKER_PROCESS_INBOUND_MAX + INSIDE_FDS + 5,
	/* What is open beside connections: listeners, channels, nameservers, and what
	 * worker_inbound.c passes on. */
	OTHER_DESCRIPTORS = 1024,
	/* How far behind what `status` reads may be. */
	COUNTS_EVERY_MS = 1000,
};

/* What the process is made of. */
struct serving {
	const struct worker_process_config *config;
	struct loop *loop;
	struct worker_services *services;
	struct worker_reports reports[2];
	struct intercept *intercept;
	struct worker *worker;
	struct loop_timer timer;
};

/* Both ends of every connection that may be open. */
static size_t descriptors_max(const struct proxy_limits *limits)
{
	return (limits->conns + WORKER_TURNED_AWAY_MAX) * 2 + OTHER_DESCRIPTORS;
}

static int compare(const void *a, const void *b)
{
	int x, y;

	memcpy(&x, a, sizeof(x));
	memcpy(&y, b, sizeof(y));
	return (x > y) - (x < y);
}

static size_t keep_inside(const struct inside *inside, int *keep)
{
	size_t n = 0;

	for (size_t i = 0; i < INSIDE_TCP_FDS; i++)
		if (inside->tcp[i] != -1)
			keep[n++] = inside->tcp[i];
	for (size_t i = 0; i < INSIDE_FAMILIES; i++) {
		const int fds[] = { inside->dns_udp[i], inside->dns_tcp[i] };

		for (size_t k = 0; k < ARRAY_LEN(fds); k++)
			if (fds[k] != -1)
				keep[n++] = fds[k];
	}
	return n;
}

static int confine(const struct worker_process_config *config, struct err *err)
{
	int keep[KEEP_MAX];
	size_t n = 0;

	for (size_t i = 0; i < config->n_listen_fds; i++)
		keep[n++] = config->listen_fds[i];
	for (size_t i = 0; i < ARRAY_LEN(config->report_fds); i++)
		if (config->report_fds[i] != -1)
			keep[n++] = config->report_fds[i];
	for (size_t i = 0; i < config->n_inbound; i++)
		keep[n++] = config->inbound[i].fd;
	n += keep_inside(&config->inside, keep + n);
	if (config->identity_fd != -1)
		keep[n++] = config->identity_fd;
	if (config->feed != NULL)
		keep[n++] = config->feed->worker_fd;
	keep[n++] = config->http_fd;
	qsort(keep, n, sizeof(*keep), compare);
	if (worker_confine_room(descriptors_max(&config->limits), err) == -1 ||
	    worker_confine_identity(config->uid, config->parent, err) == -1 ||
	    (config->as_proxy != NULL && config->as_proxy(config->ctx, err) == -1))
		return -1;
	return worker_confine_rest(config->uid, config->landlock, keep, n, err);
}

static void collect(void *ctx, struct worker_counts *out)
{
	const struct serving *serving = ctx;

	*out = (struct worker_counts){
		.proxy = *worker_counters(serving->worker),
		.limits = serving->config->limits,
		.leaves_made = intercept_stats(serving->intercept).made,
		.is_ready = worker_is_serving(serving->worker),
		.at_ms = live_page_now_ms(),
	};
	for (size_t i = 0; i < ARRAY_LEN(serving->reports); i++) {
		out->bypasses += serving->reports[i].told;
		out->bypasses_skipped += serving->reports[i].skipped;
	}
	worker_services_count(serving->services, out);
}

static void publish(void *ctx)
{
	struct serving *serving = ctx;

	collect(serving, serving->config->counts);
	loop_timer_set(serving->loop, &serving->timer, COUNTS_EVERY_MS);
}

static int start_telling(struct serving *serving, struct err *err)
{
	const struct worker_process_config *config = serving->config;
	const struct worker_http_config http_config = {
		.loop = serving->loop,
		.log = config->log,
		.fd = config->http_fd,
		.collect = collect,
		.ctx = serving,
	};
	struct worker_http *http;

	for (size_t i = 0; i < ARRAY_LEN(serving->reports); i++)
		if (config->report_fds[i] != -1 &&
		    worker_reports_start(&serving->reports[i], serving->loop, config->log,
					 config->report_fds[i], err) == -1)
			return -1;
	serving->timer = (struct loop_timer){ .fire = publish, .ctx = serving };
	publish(serving);
	return worker_http_start(&http_config, &http, err);
}

static int serve(struct serving *serving, struct err *err)
{
	const struct worker_process_config *config = serving->config;
	struct tls_client *client = NULL;
	struct worker_inbound *inbound;
	struct worker_policy policy;

	if (intercept_new(config->ca, &serving->intercept, err) == -1 ||
	    tls_client_new(buf_slice(config->roots_pem), &client, err) == -1 ||
	    worker_inbound_start(serving->loop, config->log, config->inbound, config->n_inbound,
				 &inbound, err) == -1)
		return -1;
	buf_done(config->roots_pem);
	struct worker_config worker_config = {
		.loop = serving->loop,
		.policy = config->policy,
		.log = config->log,
		.services = worker_services_table(serving->services),
		.limits = config->limits,
		.intercept = serving->intercept,
		.tls_client = client,
		.upstream_proxy = config->upstream_proxy,
		.credentials = config->credentials,
		.control_fd = -1,
		.n_listen_fds = config->n_listen_fds,
		.inside = &config->inside,
		.dns_table = config->dns_table,
	};
	for (size_t i = 0; i < config->n_listen_fds; i++)
		worker_config.listen_fds[i] = config->listen_fds[i];
	if (worker_new(&worker_config, &serving->worker, err) == -1 ||
	    start_telling(serving, err) == -1)
		return -1;
	if (config->feed != NULL && worker_policy_start(&policy, serving->loop, config->feed,
							serving->worker, config->policy, err) == -1)
		return -1;
	policy.refuse_binaries = config->refuse_binaries;
	return worker_run(serving->worker, err);
}

/* The process ends with its memory, so nothing is freed here. */
static int run(const struct worker_process_config *config, struct err *err)
{
	struct serving serving = { .config = config };

	if (confine(config, err) == -1 || loop_new(&serving.loop, err) == -1)
		return -1;
	const struct worker_services_config services_config = {
		.loop = serving.loop,
		.identity_fd = config->identity_fd,
		.resolv_conf = config->resolv_conf,
		.hosts = config->hosts,
		.v6 = true,
		.own = config->own,
		.n_own = config->n_own,
	};
	if (worker_services_new(&services_config, &serving.services, err) == -1)
		return -1;
	return serve(&serving, err);
}

int worker_process_run(const struct worker_process_config *config)
{
	struct err err = { 0 };
	sigset_t none;

	/* A peer that is gone is an error to handle; PID 1's blocked signals are not ours. */
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (run(config, &err) == 0)
		return 0;
	log_reason(config->log, LOG_LEVEL_ERROR, "worker.failed", err.msg);
	return 1;
}
