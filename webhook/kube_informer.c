/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/kube_informer.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/mem.h"
#include "webhook/kube_cache.h"
#include "webhook/kube_client.h"
#include "webhook/kube_lines.h"
#include "webhook/kube_list.h"
#include "webhook/kube_query.h"
#include "webhook/kube_rest.h"

enum {
	HTTP_GONE = 410,
	/* What etcd stores at most (1.5 MiB), as JSON. */
	EVENT_MAX = 4 << 20,
	TARGET_MAX = 16 << 10,
	/* The server ends a watch by itself; this is for one that does not. */
	WATCH_GRACE_S = 30,
	/* A watch that ends earlier counts as failed, so that a broken server is not asked in a loop. */
	WATCH_LEAST_MS = 1000,
	/* One that lasted this long before it broke is no repeated failure. */
	WATCH_STEADY_MS = 5000,
};

struct kube_informer {
	struct kube_informer_options options;
	struct kube_client client;
	struct kube_cache cache;
	pthread_t thread;
	atomic_bool stop;
	bool listed; /* the cache is whole, and a watch may go on from its version */
	bool dirty; /* changed since it was published */
	unsigned int failures; /* in a row */
};

static int publish(struct kube_informer *informer, struct err *err)
{
	struct namespaces fresh;

	if (kube_cache_publish(&informer->cache, &fresh, err) == -1)
		return -1;
	informer->options.publish(informer->options.cls, &fresh);
	informer->dirty = false;
	return 0;
}

/* --- the version ------------------------------------------------------------------------------ */

/* Before each list and each watch: a control plane may be upgraded while we run. A failure changes nothing, and is
 * said where it is the only one. */
static void learn_version(struct kube_informer *informer)
{
	struct kube_version version;
	struct err err;

	if (kube_list_version(&informer->client, &version, &err) == 0)
		informer->options.publish_version(informer->options.cls, version);
	else if (!informer->stop && informer->failures == 0)
		log_reason(informer->options.log, LOG_LEVEL_ERROR, "version.failed", err.msg);
}

/* --- the list --------------------------------------------------------------------------------- */

static void log_listed(struct kube_informer *informer)
{
	struct log_line line =
		log_begin(informer->options.log, LOG_LEVEL_INFO, "namespaces.listed");

	log_int(&line, "count", (int64_t)json_object_size(informer->cache.known));
	log_str(&line, "version", informer->cache.version);
	log_end(&line);
}

static int list(struct kube_informer *informer, struct err *err)
{
	if (kube_list_namespaces(&informer->client, &informer->cache, err) == -1 ||
	    publish(informer, err) == -1)
		return -1;
	informer->listed = true;
	log_listed(informer);
	return 0;
}

/* --- the watch -------------------------------------------------------------------------------- */

static int on_event(void *cls, struct slice line, struct err *err)
{
	struct kube_informer *informer = cls;
	enum kube_watch_event event = KUBE_EVENT_NOTED;

	if (kube_cache_take_event(&informer->cache, line, &event, err) == -1) {
		/* What it would have changed is not known now. */
		informer->listed = false;
		return -1;
	}
	informer->dirty |= event == KUBE_EVENT_CHANGED;
	if (event == KUBE_EVENT_EXPIRED) {
		informer->listed = false;
		return err_set(err, ERR_INVALID, "the version is too old to go on from");
	}
	return 0;
}

struct watching {
	struct kube_informer *informer;
	struct kube_lines lines;
};

/* Published once for all events of a piece. */
static int on_watch_piece(void *cls, struct slice piece, struct err *err)
{
	struct watching *watching = cls;

	int result = kube_lines_feed(&watching->lines, piece, err);
	if (!watching->informer->dirty)
		return result;
	struct err published;
	if (publish(watching->informer, &published) == -1 && result == 0) {
		*err = published;
		result = -1;
	}
	return result;
}

static int watch(struct kube_informer *informer, struct err *err)
{
	AUTO(buf_done) struct buf target = buf_init(TARGET_MAX);
	struct watching watching = { informer, { buf_init(EVENT_MAX), on_event, informer } };
	const struct kube_sink sink = { on_watch_piece, &watching };
	int64_t began = clock_ms(CLOCK_MONOTONIC);
	long status;

	kube_query_watch(&target, informer->cache.version);
	int result = kube_client_get(&informer->client, buf_text(&target),
				     KUBE_WATCH_S + WATCH_GRACE_S, &sink, &status, err);
	buf_done(&watching.lines.partial);
	if (status == HTTP_GONE)
		informer->listed = false;
	if (result == 0 && clock_ms(CLOCK_MONOTONIC) - began < WATCH_LEAST_MS)
		result = err_set(err, ERR_SYS, "it ended at once");
	return result == 0 ? 0 : err_wrap(err, "watch of namespaces");
}

/* --- the thread ------------------------------------------------------------------------------- */

static void *run(void *cls)
{
	struct kube_informer *informer = cls;

	while (!informer->stop) {
		struct err err;

		learn_version(informer);
		int64_t began = clock_ms(CLOCK_MONOTONIC);
		bool watched = informer->listed;
		int result = watched ? watch(informer, &err) : list(informer, &err);
		if (watched && clock_ms(CLOCK_MONOTONIC) - began > WATCH_STEADY_MS)
			informer->failures = 0;
		if (result == 0)
			continue;
		if (informer->stop)
			break;
		informer->failures++;
		log_reason(informer->options.log, LOG_LEVEL_ERROR, "namespaces.failed", err.msg);
		kube_rest(&informer->stop, informer->failures);
	}
	return NULL;
}

int kube_informer_start(const struct kube_informer_options *options, struct kube_informer **out,
			struct err *err)
{
	if (kube_client_init(err) == -1)
		return -1;
	struct kube_informer *informer = mem_calloc(1, sizeof(*informer));
	informer->options = *options;
	informer->client = (struct kube_client){ .server = options->server,
						 .account = options->account,
						 .stop = &informer->stop };
	errno = pthread_create(&informer->thread, NULL, run, informer);
	if (errno != 0) {
		free(informer);
		return err_sys(err, "a thread for the namespaces");
	}
	*out = informer;
	return 0;
}

void kube_informer_stop(struct kube_informer *informer)
{
	if (informer == NULL)
		return;
	informer->stop = true;
	pthread_join(informer->thread, NULL);
	kube_cache_done(&informer->cache);
	free(informer);
}
