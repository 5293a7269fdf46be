/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/default_policy_loop.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/mem.h"
#include "webhook/default_policy_cluster.h"
#include "webhook/kube_bell.h"
#include "webhook/kube_event_send.h"
#include "webhook/kube_list.h"
#include "webhook/kube_pages.h"
#include "webhook/kube_query.h"
#include "webhook/kube_rest.h"
#include "webhook/kube_rung.h"
#include "webhook/metrics.h"
#include "webhook/names.h"

enum {
	/* Where nothing rings: a watch that is being renewed misses things. */
	ROUND_MS = 10 * 60 * 1000,
	/* To see whether we lead by now. */
	FOLLOW_MS = 1000,
	/* However often it rings: a round goes through all ConfigMaps of the cluster. */
	PAUSE_MS = 1000,
	/* In one round: what is wrong with so many is wrong with all. */
	FAILURES_MAX = 20,
	BELLS = 2,
};

enum done { DONE_CREATED, DONE_RESTORED, DONE_REMOVED, DONE_COUNT };

static const char *const done_names[DONE_COUNT] = {
	[DONE_CREATED] = "created",
	[DONE_RESTORED] = "restored",
	[DONE_REMOVED] = "removed",
};

struct default_policy_loop {
	struct default_policy_options options;
	struct kube_client client;
	struct kube_rung rung;
	struct kube_bell *bells[BELLS];
	struct kube_event_limit events;
	pthread_t thread;
	atomic_bool stop;
	/* What metrics read. */
	atomic_ullong done[DONE_COUNT], errors, kept, foreign;
};

/* What one round knows. */
struct round {
	struct default_policy_loop *loop;
	struct default_policy policy;
	char owner[DEFAULT_POLICY_UID_MAX];
	struct kube_cache cache;
	struct namespaces namespaces; /* that are to have it */
	json_t *seen; /* names of namespaces that have one of ours */
	unsigned int failures;
	unsigned long long kept, foreign;
};

static void round_done(struct round *round)
{
	json_decref(round->seen);
	namespaces_done(&round->namespaces);
	kube_cache_done(&round->cache);
}

/* --- one namespace ---------------------------------------------------------------------------- */

static void count(struct default_policy_loop *loop, enum done done, const char *namespace_name)
{
	struct log_line line =
		log_begin(loop->options.log, LOG_LEVEL_INFO, "default_policy.changed");

	loop->done[done]++;
	log_str(&line, "what", done_names[done]);
	log_str(&line, "namespace", namespace_name);
	log_end(&line);
}

/* One that fails keeps no other from its policy. -1: too many did. */
static int note_failure(struct round *round, const char *namespace_name, struct err *err)
{
	struct default_policy_loop *loop = round->loop;
	struct log_line line =
		log_begin(loop->options.log, LOG_LEVEL_WARN, "default_policy.failed");

	log_str(&line, "namespace", namespace_name);
	log_str(&line, "reason", err->msg);
	log_end(&line);
	loop->errors++;
	if (++round->failures < FAILURES_MAX && !loop->stop)
		return 0;
	return err_wrap(err, "after %u failures", round->failures);
}

static int may_write(const struct default_policy_loop *loop, struct err *err)
{
	return kube_leader_is(loop->options.leader)
		       ? 0
		       : err_set(err, ERR_DENIED, "another replica leads by now");
}

static int put(struct round *round, const char *namespace_name, const char *uid, struct err *err)
{
	struct default_policy_loop *loop = round->loop;

	if (may_write(loop, err) == -1)
		return -1;
	if (default_policy_put(&loop->client, &round->policy, namespace_name, uid, err) == -1)
		return note_failure(round, namespace_name, err);
	count(loop, uid != NULL ? DONE_RESTORED : DONE_CREATED, namespace_name);
	round->kept++;
	return 0;
}

static int take_away(struct round *round, const char *namespace_name, const char *uid,
		     struct err *err)
{
	struct default_policy_loop *loop = round->loop;

	if (may_write(loop, err) == -1)
		return -1;
	if (default_policy_remove(&loop->client, namespace_name, uid, err) == -1)
		return note_failure(round, namespace_name, err);
	count(loop, DONE_REMOVED, namespace_name);
	return 0;
}

static void tell_of_foreign(struct round *round, const char *namespace_name, const char *uid)
{
	struct default_policy_loop *loop = round->loop;
	const struct kube_event event = {
		.api_version = "v1",
		.kind = "ConfigMap",
		.name = NAME_DEFAULT_POLICY,
		.namespace_name = namespace_name,
		.uid = *uid != '\0' ? uid : NULL,
		.is_warning = true,
		.reason = "DefaultPolicyForeign",
		.message = "somebody else made this ConfigMap, so it is left as it is, and pods "
			   "here do not get the cluster's default policy: delete it to have that",
	};
	struct err err;

	round->foreign++;
	if (kube_event_send(&loop->client, &loop->events, &event, &err) == -1)
		log_reason(loop->options.log, LOG_LEVEL_WARN, "event.failed", err.msg);
}

/* A namespace where none of ours is. */
static int give(struct round *round, const char *namespace_name, struct err *err)
{
	struct default_policy_loop *loop = round->loop;
	char uid[DEFAULT_POLICY_UID_MAX];
	bool is_there;

	if (default_policy_look(&loop->client, namespace_name, &is_there, uid, err) == -1)
		return note_failure(round, namespace_name, err);
	if (!is_there)
		return put(round, namespace_name, NULL, err);
	tell_of_foreign(round, namespace_name, uid);
	return 0;
}

/* --- a round ---------------------------------------------------------------------------------- */

static void put_target(void *cls, struct buf *out, unsigned int limit, const char *more)
{
	(void)cls;
	kube_query_maps(out, NAME_DEFAULT_POLICY, limit, more);
}

static int take_map(void *cls, json_t *map, struct err *err)
{
	const json_t *meta = json_member(map, "metadata");
	const char *name = json_member_text(meta, "namespace"),
		   *uid = json_member_text(meta, "uid");
	struct round *round = cls;

	if (name == NULL || uid == NULL)
		return err_set(err, ERR_INVALID, "a ConfigMap has no namespace or no UID");
	/* The selector asked for no other; nothing is ever done to one on the word of a list alone. */
	if (!default_policy_is_ours(map))
		return 0;
	if (namespaces_find(&round->namespaces, name) == NULL)
		return take_away(round, name, uid, err);
	json_object_set_new(round->seen, name, json_true());
	if (!default_policy_is_intact(&round->policy, map))
		return put(round, name, uid, err);
	round->kept++;
	return 0;
}

static int list_namespaces(struct round *round, struct err *err)
{
	const struct default_policy_options *options = &round->loop->options;

	if (options->text == NULL)
		return 0;
	if (default_policy_read_owner(&round->loop->client, options->configuration, round->owner,
				      err) == -1 ||
	    kube_list_namespaces(&round->loop->client, &round->cache, err) == -1)
		return -1;
	return kube_cache_publish(&round->cache, &round->namespaces, err);
}

static int go_through(struct round *round, struct err *err)
{
	const struct kube_pages pages = {
		.client = &round->loop->client,
		.kind = "ConfigMapList",
		.put_target = put_target,
		.take = take_map,
		.cls = round,
	};
	uint64_t unreadable;

	if (list_namespaces(round, err) == -1 || kube_pages_each(&pages, &unreadable, err) == -1)
		return -1;
	for (size_t i = 0; i < round->namespaces.n; i++) {
		const char *name = round->namespaces.items[i].name;

		if (round->loop->stop)
			return err_set(err, ERR_SYS, "asked to end");
		if (json_object_get(round->seen, name) == NULL && give(round, name, err) == -1)
			return -1;
	}
	return 0;
}

/* False where something is left to do. */
static bool run_round(struct default_policy_loop *loop)
{
	AUTO(round_done)
	struct round round = { .loop = loop, .seen = json_object() };
	struct err err;

	round.policy = (struct default_policy){ loop->options.text, loop->options.configuration,
						round.owner };
	if (go_through(&round, &err) == -1) {
		if (loop->stop)
			return false;
		loop->errors++;
		log_reason(loop->options.log, LOG_LEVEL_ERROR, "default_policy.failed", err.msg);
		return false;
	}
	loop->kept = round.kept;
	loop->foreign = round.foreign;
	return round.failures == 0;
}

/* --- the thread ------------------------------------------------------------------------------- */

static void *run(void *cls)
{
	struct default_policy_loop *loop = cls;
	unsigned int failures = 0;

	while (!loop->stop) {
		if (!kube_leader_is(loop->options.leader)) {
			kube_rung_wait(&loop->rung, FOLLOW_MS);
			continue;
		}
		failures = run_round(loop) ? 0 : failures + 1;
		clock_rest(&loop->stop, PAUSE_MS);
		kube_rung_wait(&loop->rung,
			       failures == 0 ? ROUND_MS
					     : kube_query_retry_ms(failures, kube_rest_random()));
	}
	return NULL;
}

static void ring(void *cls)
{
	struct default_policy_loop *loop = cls;

	kube_rung_ring(&loop->rung);
}

/* Without a policy nothing is worth a watch: what is left of an earlier one goes in the first round. */
static int start_bells(struct default_policy_loop *loop, struct err *err)
{
	const struct default_policy_options *options = &loop->options;
	struct kube_bell_options bell = {
		.server = options->server,
		.account = options->account,
		.folder = "/api/v1/configmaps",
		.name = NAME_DEFAULT_POLICY,
		.log = options->log,
		.ring = ring,
		.cls = loop,
		.stop = &loop->stop,
	};

	if (options->text == NULL)
		return 0;
	if (kube_bell_start(&bell, &loop->bells[0], err) == -1)
		return -1;
	bell.folder = "/api/v1/namespaces";
	bell.name = NULL;
	return kube_bell_start(&bell, &loop->bells[1], err);
}

static void free_loop(struct default_policy_loop *loop)
{
	loop->stop = true;
	for (size_t i = 0; i < BELLS; i++)
		kube_bell_free(loop->bells[i]);
	kube_rung_done(&loop->rung);
	free(loop);
}

int default_policy_start(const struct default_policy_options *options,
			 struct default_policy_loop **out, struct err *err)
{
	if (kube_client_init(err) == -1)
		return -1;
	struct default_policy_loop *loop = mem_calloc(1, sizeof(*loop));
	loop->options = *options;
	loop->client = (struct kube_client){ .server = options->server,
					     .account = options->account,
					     .stop = &loop->stop };
	kube_rung_init(&loop->rung);
	if (start_bells(loop, err) == -1) {
		free_loop(loop);
		return -1;
	}
	errno = pthread_create(&loop->thread, NULL, run, loop);
	if (errno != 0) {
		err_sys(err, "a thread for the default policy");
		free_loop(loop);
		return -1;
	}
	*out = loop;
	return 0;
}

void default_policy_put_metrics(struct default_policy_loop *loop, struct buf *out)
{
	if (loop == NULL)
		return;
	metrics_head(out, "default_policy_changes_total", "counter",
		     "What was done to ConfigMaps with the default policy.");
	for (size_t i = 0; i < DONE_COUNT; i++)
		buf_printf(out, METRICS_PREFIX "default_policy_changes_total{what=\"%s\"} %llu\n",
			   done_names[i], (unsigned long long)loop->done[i]);
	metrics_head(out, "default_policy_errors_total", "counter",
		     "Rounds and namespaces that failed; each is tried again.");
	buf_printf(out, METRICS_PREFIX "default_policy_errors_total %llu\n",
		   (unsigned long long)loop->errors);
	if (!kube_leader_is(loop->options.leader))
		return;
	metrics_head(out, "default_policy_namespaces", "gauge",
		     "Namespaces that have the default policy, or another's in its place.");
	buf_printf(out,
		   METRICS_PREFIX "default_policy_namespaces{state=\"kept\"} %llu\n" METRICS_PREFIX
				  "default_policy_namespaces{state=\"foreign\"} %llu\n",
		   (unsigned long long)loop->kept, (unsigned long long)loop->foreign);
}

void default_policy_stop(struct default_policy_loop *loop)
{
	if (loop == NULL)
		return;
	loop->stop = true;
	ring(loop);
	pthread_join(loop->thread, NULL);
	free_loop(loop);
}
