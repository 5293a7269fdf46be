/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/cert_keeper.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/mem.h"
#include "webhook/cert_cluster.h"
#include "webhook/kube_bell.h"
#include "webhook/kube_event_send.h"
#include "webhook/kube_rung.h"
#include "webhook/metrics.h"
#include "webhook/serving_cert.h"

enum {
	/* Between rounds where all is well and nothing rang: a watch that is being renewed misses things. */
	ROUND_MS = 10 * 1000,
	/* Where something is under way, or went wrong. */
	SOON_MS = 2 * 1000,
	/* However often it rings: somebody who writes the same object in a loop keeps us from nothing else. */
	PAUSE_MS = 100,
	/* One that is of no use as soon as it is made, as with clocks of API servers that are far apart, is not made
	 * again and again. */
	CREATE_EVERY_MS = 10 * 1000,
	/* A renewal takes a minute; one that is due for so long does not get on. */
	OVERDUE_S = 3600,
	WATCHED = 1 + CERT_CLUSTER_CONFIGURATIONS,
};

/* What was done, for metrics. */
enum done { DONE_CREATED, DONE_RESTORED, DONE_PREPARED, DONE_SWITCHED, DONE_PUBLISHED, DONE_COUNT };

static const char *const done_names[DONE_COUNT] = {
	[DONE_CREATED] = "created",   [DONE_RESTORED] = "restored",   [DONE_PREPARED] = "prepared",
	[DONE_SWITCHED] = "switched", [DONE_PUBLISHED] = "published",
};

struct cert_keeper {
	struct cert_keeper_options options;
	struct cert_cluster cluster;
	char secrets[CERT_CLUSTER_FOLDER_MAX]; /* a bell borrows it */
	struct kube_bell *bells[WATCHED];
	pthread_t thread;
	struct kube_rung rung; /* by a bell, or to stop */
	atomic_bool stop;
	_Atomic int64_t ahead_s; /* the API server's clock, before ours */
	atomic_ullong done[DONE_COUNT];
	/* The rest is of the thread. */
	struct rotation_set
		kept; /* the last usable one: what is served, and what a lost Secret gets back */
	int64_t published_since_ms; /* 0: not everywhere */
	int64_t created_ms; /* 0: never */
	struct kube_event_limit events;
};

/* What one round knows. */
struct round {
	struct cert_seen seen;
	struct rotation_facts facts;
	bool published, trusted;
};

static void round_done(struct round *round)
{
	cert_seen_done(&round->seen);
}

static int64_t now_ms(void)
{
	return clock_ms(CLOCK_BOOTTIME);
}

static void count(struct cert_keeper *keeper, enum done done, const char *why)
{
	struct log_line line =
		log_begin(keeper->options.log, LOG_LEVEL_INFO, "certificate.changed");

	keeper->done[done]++;
	log_str(&line, "what", done_names[done]);
	if (why != NULL)
		log_str(&line, "reason", why);
	log_end(&line);
}

static int read_secret(struct cert_keeper *keeper, struct round *round, struct err *err)
{
	struct cert_seen *seen = &round->seen;

	if (cert_cluster_read_secret(&keeper->cluster, seen, err) == -1)
		return -1;
	keeper->ahead_s = seen->now_s - time(NULL);
	if (seen->broken.code == ERR_NONE)
		rotation_inspect(&seen->set, keeper->options.host, seen->now_s, &round->facts,
				 &seen->broken);
	return 0;
}

/* --- serving ---------------------------------------------------------------------------------- */

static bool is_same(const struct buf *a, const struct buf *b)
{
	return a->n == b->n && (a->n == 0 || memcmp(a->p, b->p, a->n) == 0);
}

static void copy(struct buf *to, const struct buf *from)
{
	buf_clear(to);
	buf_put(to, from->p, from->n);
}

/* Takes over what the Secret holds, where it is usable. */
static int serve(struct cert_keeper *keeper, struct round *round, struct err *err)
{
	struct rotation_set *kept = &keeper->kept;

	if (!round->facts.usable)
		return 0;
	if (!is_same(&kept->cert, &round->seen.set.cert) &&
	    serving_cert_take(buf_slice(&round->seen.set.cert), buf_slice(&round->seen.set.key),
			      "certificate", err) == -1)
		return -1;
	if (!is_same(&kept->cert, &round->seen.set.cert))
		log_reason(keeper->options.log, LOG_LEVEL_INFO, "certificate.loaded",
			   keeper->options.place->secret);
	copy(&kept->cert, &round->seen.set.cert);
	copy(&kept->key, &round->seen.set.key);
	copy(&kept->next_cert, &round->seen.set.next_cert);
	copy(&kept->next_key, &round->seen.set.next_key);
	copy(&kept->bundle, &round->seen.set.bundle);
	return 0;
}

static void judge(struct cert_keeper *keeper, struct round *round)
{
	const struct cert_keeper_options *options = &keeper->options;
	const char *why = NULL;

	round->published = round->facts.usable;
	round->trusted = keeper->kept.cert.n > 0;
	for (size_t i = 0; i < CERT_CLUSTER_CONFIGURATIONS; i++) {
		round->published = round->published &&
				   cert_objects_publish(round->seen.ours[i],
							buf_slice(&round->seen.set.bundle));
		round->trusted =
			round->trusted &&
			cert_objects_trust(round->seen.ours[i], buf_slice(&keeper->kept.cert),
					   options->host, round->seen.now_s);
	}
	if (!round->published)
		keeper->published_since_ms = 0;
	else if (keeper->published_since_ms == 0)
		keeper->published_since_ms = now_ms();
	if (keeper->kept.cert.n == 0)
		why = "there is no certificate yet";
	else if (!round->trusted)
		why = "the API servers are not told to trust our certificate yet";
	options->ready(options->cls, why);
}

/* --- what the leader does --------------------------------------------------------------------- */

/* The Secret is lost or spoilt. Where its last content is known and still good it is put back, and nobody
 * who trusts or serves it notices. */
static int restore(struct cert_keeper *keeper, struct round *round, bool *out_restored,
		   struct err *err)
{
	struct rotation_facts facts;
	struct err why;

	*out_restored = false;
	rotation_inspect(&keeper->kept, keeper->options.host, round->seen.now_s, &facts, &why);
	if (!facts.usable)
		return 0;
	if (cert_cluster_write_secret(&keeper->cluster, &round->seen, &keeper->kept, err) == -1)
		return -1;
	count(keeper, DONE_RESTORED, round->seen.broken.msg);
	*out_restored = true;
	return 0;
}

static int rotate(struct cert_keeper *keeper, struct round *round, enum rotation_step step,
		  struct err *err)
{
	static const enum done counted[] = { [ROTATION_CREATE] = DONE_CREATED,
					     [ROTATION_PREPARE] = DONE_PREPARED,
					     [ROTATION_SWITCH] = DONE_SWITCHED };
	const struct rotation_options options = { keeper->options.host, round->seen.now_s,
						  keeper->options.life_s };
	struct rotation_set *set = &round->seen.set;

	if (rotation_take(step, &options, set, err) == -1 ||
	    cert_cluster_write_secret(&keeper->cluster, &round->seen, set, err) == -1)
		return err_wrap(err, "renew the certificate");
	count(keeper, counted[step], step == ROTATION_CREATE ? round->seen.broken.msg : NULL);
	return 0;
}

static int create(struct cert_keeper *keeper, struct round *round, struct err *err)
{
	bool restored;

	if (restore(keeper, round, &restored, err) == -1)
		return -1;
	if (restored)
		return 0;
	if (keeper->created_ms != 0 && now_ms() - keeper->created_ms < CREATE_EVERY_MS)
		return err_set(err, ERR_LIMIT,
			       "a certificate that was just made is of no use (%s): compare the "
			       "clocks of the API servers, and see who else writes Secret '%s'",
			       round->seen.broken.msg, keeper->options.place->secret);
	if (rotate(keeper, round, ROTATION_CREATE, err) == -1)
		return -1;
	keeper->created_ms = now_ms();
	return 0;
}

static int publish(struct cert_keeper *keeper, const struct round *round, struct err *err)
{
	struct slice bundle = buf_slice(&round->seen.set.bundle);

	for (size_t i = 0; i < CERT_CLUSTER_CONFIGURATIONS; i++) {
		if (cert_objects_publish(round->seen.ours[i], bundle))
			continue;
		if (cert_cluster_publish(&keeper->cluster, &round->seen, i, err) == -1)
			return -1;
		count(keeper, DONE_PUBLISHED, cert_cluster_kind(i));
	}
	return 0;
}

/* One step at most: what follows is decided on what is then there. */
static int lead(struct cert_keeper *keeper, struct round *round, bool *out_more, struct err *err)
{
	int64_t since = keeper->published_since_ms;
	enum rotation_step step =
		rotation_next(&round->facts, round->seen.now_s, since != 0 ? now_ms() - since : -1);

	*out_more = true;
	if (step == ROTATION_CREATE)
		return create(keeper, round, err);
	if (step != ROTATION_REST)
		return rotate(keeper, round, step, err);
	if (!round->published)
		return publish(keeper, round, err);
	*out_more = round->facts.prepared;
	return 0;
}

static void tell(struct cert_keeper *keeper, const char *uid, const char *reason, const char *text)
{
	const struct kube_event event = {
		.api_version = "v1",
		.kind = "Secret",
		.name = keeper->options.place->secret,
		.namespace_name = keeper->options.place->namespace_name,
		.uid = *uid != '\0' ? uid : NULL,
		.is_warning = true,
		.reason = reason,
		.message = text,
	};
	struct err err;

	if (kube_event_send(&keeper->cluster.client, &keeper->events, &event, &err) == -1)
		log_reason(keeper->options.log, LOG_LEVEL_WARN, "event.failed", err.msg);
}

static void warn_of_expiry(struct cert_keeper *keeper, const struct round *round)
{
	int64_t left_s = round->facts.expires_s - round->seen.now_s;
	char text[128];

	if (!round->facts.usable || left_s > ROTATION_LATE_S ||
	    round->seen.now_s - round->facts.due_s < OVERDUE_S)
		return;
	snprintf(text, sizeof(text), "the webhook's certificate expires in %lld days",
		 (long long)left_s / 86400);
	tell(keeper, round->seen.uid, "CertificateExpires", text);
}

/* --- the thread ------------------------------------------------------------------------------- */

static int look_and_act(struct cert_keeper *keeper, struct round *round, bool *out_more,
			struct err *err)
{
	if (read_secret(keeper, round, err) == -1 || serve(keeper, round, err) == -1 ||
	    cert_cluster_read_configurations(&keeper->cluster, &round->seen, err) == -1)
		return -1;
	judge(keeper, round);
	*out_more = !round->published || !round->trusted;
	/* By every replica: that none leads may be the reason. */
	warn_of_expiry(keeper, round);
	if (!kube_leader_is(keeper->options.leader))
		return 0;
	return lead(keeper, round, out_more, err);
}

/* How long to wait for the next one. */
static int64_t run_round(struct cert_keeper *keeper)
{
	AUTO(round_done) struct round round = { .seen = cert_seen_init() };
	bool more = true;
	struct err err;

	if (look_and_act(keeper, &round, &more, &err) == 0 || keeper->stop)
		return more ? SOON_MS : ROUND_MS;
	log_reason(keeper->options.log, LOG_LEVEL_ERROR, "certificate.failed", err.msg);
	if (kube_leader_is(keeper->options.leader))
		tell(keeper, round.seen.uid, "CertificateFailed", err.msg);
	return SOON_MS;
}

static void *run(void *cls)
{
	const struct timespec pause = { .tv_nsec = PAUSE_MS * 1000000L };
	struct cert_keeper *keeper = cls;

	while (!keeper->stop) {
		kube_rung_wait(&keeper->rung, run_round(keeper));
		nanosleep(&pause, NULL);
	}
	return NULL;
}

static void ring(void *cls)
{
	struct cert_keeper *keeper = cls;

	kube_rung_ring(&keeper->rung);
}

static int start_bells(struct cert_keeper *keeper, struct err *err)
{
	const struct cert_keeper_options *options = &keeper->options;
	const struct {
		const char *folder, *name;
	} watched[WATCHED] = {
		{ keeper->secrets, options->place->secret },
		{ cert_cluster_folder(0), options->configuration },
		{ cert_cluster_folder(1), options->configuration },
	};

	for (size_t i = 0; i < WATCHED; i++) {
		const struct kube_bell_options bell = {
			.server = options->server,
			.account = options->account,
			.folder = watched[i].folder,
			.name = watched[i].name,
			.log = options->log,
			.ring = ring,
			.cls = keeper,
			.stop = &keeper->stop,
		};

		if (kube_bell_start(&bell, &keeper->bells[i], err) == -1)
			return -1;
	}
	return 0;
}

static void free_keeper(struct cert_keeper *keeper)
{
	keeper->stop = true;
	for (size_t i = 0; i < WATCHED; i++)
		kube_bell_free(keeper->bells[i]);
	rotation_set_done(&keeper->kept);
	kube_rung_done(&keeper->rung);
	free(keeper);
}

int cert_keeper_start(const struct cert_keeper_options *options, struct cert_keeper **out,
		      struct err *err)
{
	struct cert_keeper *keeper = mem_calloc(1, sizeof(*keeper));

	keeper->options = *options;
	keeper->kept = rotation_set_init();
	keeper->cluster.client = (struct kube_client){ .server = options->server,
						       .account = options->account,
						       .stop = &keeper->stop };
	keeper->cluster.place = options->place;
	keeper->cluster.configuration = options->configuration;
	cert_cluster_secrets(&keeper->cluster, keeper->secrets);
	kube_rung_init(&keeper->rung);
	options->ready(options->cls, "there is no certificate yet");
	if (start_bells(keeper, err) == -1) {
		free_keeper(keeper);
		return -1;
	}
	errno = pthread_create(&keeper->thread, NULL, run, keeper);
	if (errno != 0) {
		err_sys(err, "a thread for the certificate");
		free_keeper(keeper);
		return -1;
	}
	*out = keeper;
	return 0;
}

void cert_keeper_put_metrics(struct cert_keeper *keeper, struct buf *out)
{
	metrics_head(out, "certificate_changes_total", "counter",
		     "What was done to certificate and caBundle.");
	for (size_t i = 0; i < DONE_COUNT; i++)
		buf_printf(out, METRICS_PREFIX "certificate_changes_total{what=\"%s\"} %llu\n",
			   done_names[i], (unsigned long long)keeper->done[i]);
	metrics_head(out, "api_clock_ahead_seconds", "gauge",
		     "The API server's clock less ours, when it was asked last.");
	buf_printf(out, METRICS_PREFIX "api_clock_ahead_seconds %lld\n",
		   (long long)keeper->ahead_s);
	metrics_head(out, "certificate_errors_total", "counter",
		     "Requests for the certificate that failed.");
	for (int i = 0; i < KUBE_OUTCOME_COUNT; i++)
		if (keeper->cluster.errors[i] > 0)
			buf_printf(out,
				   METRICS_PREFIX "certificate_errors_total{reason=\"%s\"} %llu\n",
				   kube_outcome_name((enum kube_outcome)i),
				   (unsigned long long)keeper->cluster.errors[i]);
}

void cert_keeper_stop(struct cert_keeper *keeper)
{
	if (keeper == NULL)
		return;
	keeper->stop = true;
	ring(keeper);
	pthread_join(keeper->thread, NULL);
	free_keeper(keeper);
}
