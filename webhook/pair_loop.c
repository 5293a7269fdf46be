/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/pair_loop.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>

#include "certs/derive.h"
#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/mem.h"
#include "webhook/kube_event_send.h"
#include "webhook/kube_reflector.h"
#include "webhook/kube_rest.h"
#include "webhook/metrics.h"
#include "webhook/pair_master.h"
#include "webhook/pair_names.h"
#include "webhook/pair_table.h"
#include "webhook/pair_work.h"
#include "webhook/pod.h"

enum {
	/* A pair takes some ten requests, which mostly wait. */
	WORKERS = 4,
	FOLLOW_MS = 200,
	/* Between two looks at the namespaces. */
	NAMESPACES_MS = 500,
	WATCHES = 4,
};

#define OURS KEY_MANAGED "=" KUBE_FIELD_MANAGER

static const struct {
	int source;
	struct kube_query query;
	const char *what;
} watched[WATCHES] = {
	{ PAIR_SOURCE_POD,
	  { "/api/v1/pods", KEY_SANDBOX_ROLE "=" PAIR_ROLE_AGENT, KUBE_QUERY_RUNNING },
	  "agent pods" },
	/* Those of others, too, which may open what ours close. */
	{ PAIR_EGRESS,
	  { "/apis/networking.k8s.io/v1/networkpolicies", NULL, NULL },
	  "NetworkPolicies" },
	{ PAIR_SERVICE, { "/api/v1/services", OURS, NULL }, "Services" },
	{ PAIR_SUPERVISOR, { "/apis/apps/v1/deployments", OURS, NULL }, "Deployments" },
};

struct pair_loop;

struct watcher {
	struct pair_loop *loop;
	struct kube_reflector *reflector;
	int source;
	bool is_listed; /* once; under the loop's lock */
};

struct pair_loop {
	struct pair_loop_options options;
	struct pair_totals totals;
	pthread_t thread;
	atomic_bool stop;
	/* Of the time that we lead. */
	atomic_bool over;
	struct buf master;
	struct watcher watchers[WATCHES];
	pthread_t workers[WORKERS];
	size_t n_workers;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct pair_table *table; /* NULL: another leads */
	struct namespaces namespaces; /* that the table knows of */
	struct kube_event_limits events; /* under `events_lock`, also the sending */
	pthread_mutex_t events_lock;
};

static int64_t now_ms(void)
{
	return clock_ms(CLOCK_MONOTONIC);
}

/* --- what is seen ----------------------------------------------------------------------------- */

static bool sight_of(int source, const json_t *metadata, struct pair_sight *out, int *out_source)
{
	*out_source = source;
	if (source == PAIR_SOURCE_POD)
		return pair_sight_of_pod(metadata, out);
	if (pair_sight_of_companion(metadata, (enum pair_kind)source, out))
		return true;
	/* Both policies of a pair come by one watch. */
	*out_source = PAIR_INGRESS;
	return source == PAIR_EGRESS && pair_sight_of_companion(metadata, PAIR_INGRESS, out);
}

static void take_list(struct pair_loop *loop, struct watcher *watcher, bool is_end)
{
	int sources[] = { watcher->source, PAIR_INGRESS };
	size_t n = watcher->source == PAIR_EGRESS ? 2 : 1;

	for (size_t i = 0; i < n; i++)
		if (is_end)
			pair_table_listed(loop->table, sources[i], now_ms());
		else
			pair_table_list(loop->table, sources[i]);
	watcher->is_listed |= is_end;
}

static void touch_namespace(struct pair_loop *loop, int source, const json_t *metadata)
{
	const char *name = json_member_text(metadata, "namespace");

	if (source == PAIR_EGRESS && name != NULL)
		pair_table_touch_namespace(loop->table, name);
}

static void on_seen(void *cls, enum kube_reflector_event event, const json_t *metadata)
{
	struct watcher *watcher = cls;
	struct pair_loop *loop = watcher->loop;
	struct pair_sight sight;
	int source;

	pthread_mutex_lock(&loop->lock);
	if (event == KUBE_REFLECTOR_LIST || event == KUBE_REFLECTOR_LISTED)
		take_list(loop, watcher, event == KUBE_REFLECTOR_LISTED);
	else if (!sight_of(watcher->source, metadata, &sight, &source))
		touch_namespace(loop, watcher->source, metadata);
	else if (event == KUBE_REFLECTOR_SET)
		pair_table_set(loop->table, source, &sight, now_ms());
	else
		pair_table_deleted(loop->table, source, &sight, now_ms());
	pthread_cond_broadcast(&loop->changed);
	pthread_mutex_unlock(&loop->lock);
}

/* --- workers ---------------------------------------------------------------------------------- */

static void on_other_namespace(void *cls, const char *name)
{
	struct pair_loop *loop = cls;

	pair_table_rouse(loop->table, name);
}

/* The table knows of each change before a worker goes by it, so that none is missed. Under the lock. */
static void take_namespaces(struct pair_loop *loop)
{
	AUTO(namespaces_done) struct namespaces before = loop->namespaces;

	loop->options.namespaces(loop->options.cls, &loop->namespaces);
	namespaces_compare(&before, &loop->namespaces, on_other_namespace, loop);
}

static void share_namespaces(void *cls, struct namespaces *out)
{
	struct pair_loop *loop = cls;

	pthread_mutex_lock(&loop->lock);
	take_namespaces(loop);
	namespaces_share(&loop->namespaces, out);
	pthread_mutex_unlock(&loop->lock);
}

/* False: there is no place for it. */
static bool on_pod(void *cls, const json_t *metadata)
{
	struct pair_loop *loop = cls;
	struct pair_sight sight;

	if (!pair_sight_of_pod(metadata, &sight))
		return true;
	pthread_mutex_lock(&loop->lock);
	bool has_place = pair_table_set(loop->table, PAIR_SOURCE_POD, &sight, now_ms());
	pthread_cond_broadcast(&loop->changed);
	pthread_mutex_unlock(&loop->lock);
	return has_place;
}

static bool is_closed(void *cls, const char *namespace_name, char why[PAIR_WHY_SIZE])
{
	struct pair_loop *loop = cls;

	pthread_mutex_lock(&loop->lock);
	const char *text = pair_table_why_open(loop->table, namespace_name);
	if (text != NULL)
		snprintf(why, PAIR_WHY_SIZE, "%s", text);
	pthread_mutex_unlock(&loop->lock);
	return text == NULL;
}

static void send(struct pair_loop *loop, const struct kube_event *event)
{
	const struct kube_client client = { .server = loop->options.server,
					    .account = loop->options.account,
					    .stop = &loop->over };
	struct err err;

	pthread_mutex_lock(&loop->events_lock);
	struct kube_event_limit *limit =
		kube_event_limit_of(&loop->events, kube_event_namespace(event), now_ms());
	if (kube_event_send(&client, limit, event, &err) == -1)
		log_reason(loop->options.log, LOG_LEVEL_WARN, "event.failed", err.msg);
	pthread_mutex_unlock(&loop->events_lock);
}

/* Its owner, too: a pod that does not start is looked for there. */
static void on_tell(void *cls, const json_t *pod, const char *reason, const char *message)
{
	const json_t *meta = json_member(pod, "metadata");
	const json_t *owner = pod_controller(pod);
	struct kube_event event = {
		.api_version = "v1",
		.kind = "Pod",
		.name = json_member_text(meta, "name"),
		.namespace_name = json_member_text(meta, "namespace"),
		.uid = json_member_text(meta, "uid"),
		.is_warning = true,
		.reason = reason,
		.message = message,
	};

	send(cls, &event);
	event.api_version = json_member_text(owner, "apiVersion");
	event.kind = json_member_text(owner, "kind");
	event.name = json_member_text(owner, "name");
	event.uid = json_member_text(owner, "uid");
	if (event.api_version != NULL && event.kind != NULL && event.name != NULL)
		send(cls, &event);
}

static bool is_ready(const struct pair_loop *loop)
{
	for (size_t i = 0; i < WATCHES; i++)
		if (!loop->watchers[i].is_listed)
			return false;
	return true;
}

static void wait_until(struct pair_loop *loop, int64_t ms)
{
	struct timespec until;

	if (ms < 0 || ms > NAMESPACES_MS)
		ms = NAMESPACES_MS;
	clock_gettime(CLOCK_MONOTONIC, &until);
	int64_t ns = until.tv_nsec + ms % 1000 * 1000000;
	until.tv_sec += ms / 1000 + ns / 1000000000;
	until.tv_nsec = ns % 1000000000;
	pthread_cond_timedwait(&loop->changed, &loop->lock, &until);
}

/* False: it is over. */
static bool take(struct pair_loop *loop, struct pair_job *out)
{
	bool taken = false;

	pthread_mutex_lock(&loop->lock);
	while (!loop->over) {
		taken = is_ready(loop) && pair_table_take(loop->table, now_ms(), out);
		if (taken)
			break;
		wait_until(loop, pair_table_wait_ms(loop->table, now_ms()));
	}
	pthread_mutex_unlock(&loop->lock);
	return taken;
}

static void put_back(struct pair_loop *loop, struct pair_job *job, const struct pair_result *result)
{
	bool is_retry = result->next == PAIR_NEXT_RETRY;

	if ((is_retry || result->next == PAIR_NEXT_REST) && !loop->over) {
		struct log_line line = log_begin(loop->options.log, LOG_LEVEL_WARN, "pair.failed");

		log_str(&line, "namespace", job->namespace_name);
		log_str(&line, "reason", result->why.msg);
		if (is_retry)
			log_int(&line, "retry_ms", result->after_ms);
		log_end(&line);
	}
	pthread_mutex_lock(&loop->lock);
	pair_table_put_back(loop->table, job, result->next, result->after_ms, now_ms());
	pthread_cond_broadcast(&loop->changed);
	pthread_mutex_unlock(&loop->lock);
	pair_job_done(job);
}

static void *run_worker(void *cls)
{
	struct pair_loop *loop = cls;
	struct pair_worker worker = {
		.cluster = { .client = { .server = loop->options.server,
					 .account = loop->options.account,
					 .stop = &loop->over },
			     .leader = loop->options.leader,
			     .totals = &loop->totals },
		.config = loop->options.config,
		.master = buf_slice(&loop->master),
		.namespaces = share_namespaces,
		.is_closed = is_closed,
		.see = on_pod,
		.tell = on_tell,
		.cls = loop,
	};
	struct pair_result result;
	struct pair_job job;
	struct err ignored;

	/* Where that fails each request has a connection of its own. */
	(void)kube_client_keep(&worker.cluster.client, &ignored);
	while (take(loop, &job)) {
		pair_work(&worker, &job, &result);
		put_back(loop, &job, &result);
	}
	kube_client_drop(&worker.cluster.client);
	return NULL;
}

/* --- leading ---------------------------------------------------------------------------------- */

static int start_watches(struct pair_loop *loop, struct err *err)
{
	for (size_t i = 0; i < WATCHES; i++) {
		struct watcher *watcher = &loop->watchers[i];
		const struct kube_reflector_options options = {
			.server = loop->options.server,
			.account = loop->options.account,
			.query = watched[i].query,
			.what = watched[i].what,
			.log = loop->options.log,
			.tell = on_seen,
			.cls = watcher,
			.stop = &loop->over,
			.errors = &loop->totals.watch_errors,
			.unreadable = &loop->totals.unreadable,
		};

		*watcher = (struct watcher){ .loop = loop, .source = watched[i].source };
		if (kube_reflector_start(&options, &watcher->reflector, err) == -1)
			return -1;
	}
	return 0;
}

static int start_workers(struct pair_loop *loop, struct err *err)
{
	for (; loop->n_workers < WORKERS; loop->n_workers++) {
		errno = pthread_create(&loop->workers[loop->n_workers], NULL, run_worker, loop);
		if (errno != 0)
			return err_sys(err, "a thread for pairs");
	}
	return 0;
}

static void see_namespaces(struct pair_loop *loop)
{
	pthread_mutex_lock(&loop->lock);
	take_namespaces(loop);
	for (size_t i = 0; i < loop->namespaces.n; i++)
		pair_table_add_namespace(loop->table, loop->namespaces.items[i].name, now_ms());
	pthread_cond_broadcast(&loop->changed);
	pthread_mutex_unlock(&loop->lock);
}

static int read_master(struct pair_loop *loop, struct err *err)
{
	struct pair_cluster cluster = { .client = { .server = loop->options.server,
						    .account = loop->options.account,
						    .stop = &loop->stop },
					.leader = loop->options.leader,
					.totals = &loop->totals };

	return pair_master_read(&cluster, loop->options.namespace_name, loop->options.service,
				&loop->master, err);
}

static void end(struct pair_loop *loop)
{
	pthread_mutex_lock(&loop->lock);
	loop->over = true;
	pthread_cond_broadcast(&loop->changed);
	pthread_mutex_unlock(&loop->lock);
	for (; loop->n_workers > 0; loop->n_workers--)
		pthread_join(loop->workers[loop->n_workers - 1], NULL);
	for (size_t i = 0; i < WATCHES; i++) {
		kube_reflector_free(loop->watchers[i].reflector);
		loop->watchers[i].reflector = NULL;
	}
	pthread_mutex_lock(&loop->lock);
	pair_table_free(STEAL(loop->table));
	namespaces_done(&loop->namespaces);
	pthread_mutex_unlock(&loop->lock);
}

static int lead(struct pair_loop *loop, struct err *err)
{
	int result = -1;

	if (read_master(loop, err) == -1)
		return -1;
	loop->over = false;
	pthread_mutex_lock(&loop->lock);
	loop->table = pair_table_new();
	pthread_mutex_unlock(&loop->lock);
	if (start_watches(loop, err) == 0 && start_workers(loop, err) == 0) {
		log_reason(loop->options.log, LOG_LEVEL_INFO, "pairs.led", "this replica leads");
		while (!loop->stop && kube_leader_is(loop->options.leader)) {
			see_namespaces(loop);
			clock_rest(&loop->stop, NAMESPACES_MS);
		}
		result = 0;
	}
	end(loop);
	return result;
}

static void *run(void *cls)
{
	struct pair_loop *loop = cls;
	unsigned int failures = 0;

	while (!loop->stop) {
		struct err err;

		if (!kube_leader_is(loop->options.leader)) {
			clock_rest(&loop->stop, FOLLOW_MS);
			continue;
		}
		if (lead(loop, &err) == 0) {
			failures = 0;
			continue;
		}
		if (!loop->stop)
			log_reason(loop->options.log, LOG_LEVEL_ERROR, "pairs.failed", err.msg);
		kube_rest(&loop->stop, ++failures);
	}
	return NULL;
}

static void free_loop(struct pair_loop *loop)
{
	pthread_cond_destroy(&loop->changed);
	pthread_mutex_destroy(&loop->lock);
	pthread_mutex_destroy(&loop->events_lock);
	buf_done(&loop->master);
	free(loop);
}

int pair_loop_start(const struct pair_loop_options *options, struct pair_loop **out,
		    struct err *err)
{
	pthread_condattr_t monotonic;

	if (kube_client_init(err) == -1)
		return -1;
	struct pair_loop *loop = mem_calloc(1, sizeof(*loop));
	loop->options = *options;
	loop->master = buf_init_secret(DERIVE_MASTER_BYTES);
	pthread_mutex_init(&loop->lock, NULL);
	pthread_mutex_init(&loop->events_lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&loop->changed, &monotonic);
	pthread_condattr_destroy(&monotonic);
	errno = pthread_create(&loop->thread, NULL, run, loop);
	if (errno != 0) {
		free_loop(loop);
		return err_sys(err, "a thread for pairs");
	}
	*out = loop;
	return 0;
}

static void put_pairs(struct pair_loop *loop, struct buf *out)
{
	pthread_mutex_lock(&loop->lock);
	bool leads = loop->table != NULL;
	struct pair_counts counts = { 0 };
	if (leads)
		counts = pair_table_counts(loop->table);
	pthread_mutex_unlock(&loop->lock);
	if (!leads)
		return;
	metrics_head(out, "pairs", "gauge", "Agent pods, by whether they were let go.");
	buf_printf(out, METRICS_PREFIX "pairs{state=\"waiting\"} %zu\n",
		   counts.pods - counts.bound);
	buf_printf(out, METRICS_PREFIX "pairs{state=\"bound\"} %zu\n", counts.bound);
	metrics_head(out, "pairs_refused_total", "counter",
		     "Agent pods and companions that found no place in the table.");
	buf_printf(out, METRICS_PREFIX "pairs_refused_total %zu\n", counts.refused);
}

void pair_loop_put_metrics(struct pair_loop *loop, struct buf *out)
{
	if (loop == NULL)
		return;
	put_pairs(loop, out);
	metrics_head(out, "pair_writes_total", "counter", "Writes to the API server for pairs.");
	buf_printf(out, METRICS_PREFIX "pair_writes_total %llu\n", loop->totals.writes);
	metrics_head(out, "pair_errors_total", "counter", "Requests for pairs that failed.");
	for (int i = 0; i < KUBE_OUTCOME_COUNT; i++)
		if (loop->totals.errors[i] > 0)
			buf_printf(out, METRICS_PREFIX "pair_errors_total{reason=\"%s\"} %llu\n",
				   kube_outcome_name((enum kube_outcome)i), loop->totals.errors[i]);
	metrics_head(out, "pair_watch_errors_total", "counter",
		     "Lists and watches for pairs that broke.");
	buf_printf(out, METRICS_PREFIX "pair_watch_errors_total %llu\n", loop->totals.watch_errors);
	metrics_head(out, "pair_unreadable_total", "counter",
		     "Objects that were too large to be looked at.");
	buf_printf(out, METRICS_PREFIX "pair_unreadable_total %llu\n", loop->totals.unreadable);
}

void pair_loop_stop(struct pair_loop *loop)
{
	if (loop == NULL)
		return;
	loop->stop = true;
	pthread_join(loop->thread, NULL);
	free_loop(loop);
}
