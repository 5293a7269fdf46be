/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/audit_loop.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <time.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/mem.h"
#include "webhook/audit_event.h"
#include "webhook/kube_event_send.h"
#include "webhook/metrics.h"

enum {
	/* After the start: what rolls out with us has settled. */
	FIRST_S = 30,
	/* After a failure, and to see whether we lead by now. */
	AGAIN_S = 30,
	FOLLOW_S = 1,
	/* Lines of one round; the sum has them all. */
	LOGGED_MAX = 100,
	MESSAGE_MAX = 4096,
};

struct audit_loop {
	struct audit_loop_options options;
	struct kube_client client;
	struct kube_event_limit limit;
	pthread_t thread;
	atomic_bool stop;
	unsigned int logged; /* lines of this round */
	/* What metrics read. */
	pthread_mutex_t lock;
	struct audit_count count;
	int64_t ended_unix_s; /* of the last whole round; 0: none */
	unsigned long long errors;
};

static void log_found(struct audit_loop *loop, const struct audit_found *found)
{
	const struct audit_text *text = audit_text(found->verdict->reason);

	if (loop->logged++ >= LOGGED_MAX)
		return;
	struct log_line line = log_begin(loop->options.log, LOG_LEVEL_WARN, "audit.found");
	log_str(&line, "namespace", found->namespace_name);
	log_str(&line, "name", found->name);
	log_str(&line, "code", text->code);
	log_str(&line, "what", text->word);
	log_str(&line, "reason", found->verdict->detail);
	log_end(&line);
}

/* The next round says it again where it could not be sent. */
static void send(struct audit_loop *loop, const struct kube_event *event)
{
	struct err err;

	if (kube_event_send(&loop->client, &loop->limit, event, &err) == -1)
		log_reason(loop->options.log, LOG_LEVEL_WARN, "audit.untold", err.msg);
}

/* Its owner first: where Events are too many, one stands for all its pods. */
static void on_found(void *cls, const struct audit_found *found)
{
	AUTO(buf_done) struct buf message = buf_init(MESSAGE_MAX);
	struct audit_loop *loop = cls;
	struct kube_event event;

	log_found(loop, found);
	if (!audit_is_told(found->verdict->reason) || loop->stop)
		return;
	if (audit_event_of_owner(found, &message, &event))
		send(loop, &event);
	audit_event_of_pod(found, &message, &event);
	send(loop, &event);
}

static void log_round(const struct audit_loop *loop, const struct audit_count *count)
{
	struct log_line line = log_begin(loop->options.log, LOG_LEVEL_INFO, "audit.done");

	log_int(&line, "pods", (int64_t)count->pods);
	log_int(&line, "found", (int64_t)(count->pods - count->reasons[AUDIT_NONE]));
	log_int(&line, "unreadable", (int64_t)count->unreadable);
	log_end(&line);
}

static int look(struct audit_loop *loop)
{
	const struct audit_scan scan = {
		.client = &loop->client,
		.config = loop->options.config,
		.report = on_found,
		.cls = loop,
	};
	struct audit_count count = { 0 };
	struct err err;

	loop->logged = 0;
	int result = audit_scan(&scan, &count, &err);
	if (loop->stop)
		return result;
	pthread_mutex_lock(&loop->lock);
	if (result == 0) {
		loop->count = count;
		loop->ended_unix_s = time(NULL);
	} else {
		loop->errors++;
	}
	pthread_mutex_unlock(&loop->lock);
	if (result == 0)
		log_round(loop, &count);
	else
		log_reason(loop->options.log, LOG_LEVEL_ERROR, "audit.failed", err.msg);
	return result;
}

static void rest(const struct audit_loop *loop, uint32_t seconds)
{
	clock_rest(&loop->stop, seconds * INT64_C(1000));
}

static uint32_t at_most(uint32_t seconds, const struct audit_loop *loop)
{
	return seconds < loop->options.interval_s ? seconds : loop->options.interval_s;
}

static void *run(void *cls)
{
	struct audit_loop *loop = cls;

	rest(loop, at_most(FIRST_S, loop));
	while (!loop->stop) {
		if (!kube_leader_is(loop->options.leader))
			rest(loop, FOLLOW_S);
		else if (look(loop) == -1)
			rest(loop, at_most(AGAIN_S, loop));
		else
			rest(loop, loop->options.interval_s);
	}
	return NULL;
}

int audit_loop_start(const struct audit_loop_options *options, struct audit_loop **out,
		     struct err *err)
{
	if (kube_client_init(err) == -1)
		return -1;
	struct audit_loop *loop = mem_calloc(1, sizeof(*loop));
	loop->options = *options;
	loop->client = (struct kube_client){ .server = options->server,
					     .account = options->account,
					     .stop = &loop->stop };
	pthread_mutex_init(&loop->lock, NULL);
	errno = pthread_create(&loop->thread, NULL, run, loop);
	if (errno != 0) {
		pthread_mutex_destroy(&loop->lock);
		free(loop);
		return err_sys(err, "a thread for the audit");
	}
	*out = loop;
	return 0;
}

static void put_number(struct buf *out, const char *name, const char *help, int64_t value)
{
	metrics_head(out, name, "gauge", help);
	buf_printf(out, METRICS_PREFIX "%s %" PRId64 "\n", name, value);
}

static void put_round(const struct audit_loop *loop, struct buf *out)
{
	metrics_head(out, "audit_pods", "gauge",
		     "Pods that are not sandboxed as they should be, by reason (docs/denials.md).");
	for (int i = AUDIT_NONE + 1; i < AUDIT_REASON_COUNT; i++)
		buf_printf(out, METRICS_PREFIX "audit_pods{reason=\"%s\"} %" PRIu64 "\n",
			   audit_text((enum audit_reason)i)->word, loop->count.reasons[i]);
	put_number(out, "audit_pods_seen", "Pods that the audit looked at.",
		   (int64_t)loop->count.pods);
	put_number(out, "audit_pods_unreadable", "Pods that were too large to be looked at.",
		   (int64_t)loop->count.unreadable);
	put_number(out, "audit_last_seconds",
		   "When the last whole audit ended, in seconds since 1970.", loop->ended_unix_s);
}

void audit_loop_put_metrics(struct audit_loop *loop, struct buf *out)
{
	if (loop == NULL)
		return;
	pthread_mutex_lock(&loop->lock);
	metrics_head(out, "audit_errors_total", "counter",
		     "Audits that did not come to their end.");
	buf_printf(out, METRICS_PREFIX "audit_errors_total %llu\n", loop->errors);
	/* Of another's round nothing is known here, and an old one of ours is no news. */
	if (loop->ended_unix_s != 0 && kube_leader_is(loop->options.leader))
		put_round(loop, out);
	pthread_mutex_unlock(&loop->lock);
}

void audit_loop_stop(struct audit_loop *loop)
{
	if (loop == NULL)
		return;
	loop->stop = true;
	pthread_join(loop->thread, NULL);
	pthread_mutex_destroy(&loop->lock);
	free(loop);
}
