/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/kube_reflector.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/mem.h"
#include "webhook/kube_change.h"
#include "webhook/kube_client.h"
#include "webhook/kube_large.h"
#include "webhook/kube_lines.h"
#include "webhook/kube_pages.h"
#include "webhook/kube_rest.h"

#define METADATA "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"

enum {
	HTTP_GONE = 410,
	/* What etcd stores at most (1.5 MiB), as JSON. */
	EVENT_MAX = 4 << 20,
	TARGET_MAX = 16 << 10,
	/* The server ends a watch by itself; this is for one that does not. */
	WATCH_GRACE_S = 30,
	/* One that ends earlier counts as failed; one that lasted as long before it broke is no repeated failure. */
	WATCH_STEADY_MS = 5000,
};

struct kube_reflector {
	struct kube_reflector_options options;
	struct kube_client client;
	pthread_t thread;
	bool listed; /* what was told is whole, and a watch may go on from `version` */
	unsigned int failures; /* in a row */
	char version[KUBE_VERSION_MAX];
};

static void tell(struct kube_reflector *reflector, enum kube_reflector_event event,
		 const json_t *object)
{
	reflector->options.tell(reflector->options.cls, event, json_member(object, "metadata"));
}

/* --- the list --------------------------------------------------------------------------------- */

static void put_page_query(void *cls, struct buf *out, unsigned int limit, const char *more)
{
	const struct kube_reflector *reflector = cls;

	kube_query_page(out, &reflector->options.query, limit, more);
}

static void on_page(void *cls, const char *version)
{
	struct kube_reflector *reflector = cls;
	size_t n = version != NULL ? strlen(version) : 0;

	if (n < KUBE_VERSION_MAX)
		memcpy(reflector->version, n > 0 ? version : "", n + 1);
}

static int on_item(void *cls, json_t *item, struct err *err)
{
	(void)err;
	tell(cls, KUBE_REFLECTOR_SET, item);
	return 0;
}

static int list(struct kube_reflector *reflector, struct err *err)
{
	const struct kube_pages pages = { .client = &reflector->client,
					  .kind = KUBE_METADATA_LIST_KIND,
					  .put_target = put_page_query,
					  .begin = on_page,
					  .take = on_item,
					  .asks_nothing = true,
					  .cls = reflector };
	uint64_t unreadable = 0;

	reflector->client.accept = KUBE_METADATA_LIST;
	reflector->version[0] = '\0';
	tell(reflector, KUBE_REFLECTOR_LIST, NULL);
	if (kube_pages_each(&pages, &unreadable, err) == -1)
		return -1;
	*reflector->options.unreadable += unreadable;
	if (reflector->version[0] == '\0')
		return err_set(err, ERR_INVALID, "it does not say where a watch begins");
	tell(reflector, KUBE_REFLECTOR_LISTED, NULL);
	reflector->listed = true;
	return 0;
}

/* --- the watch -------------------------------------------------------------------------------- */

static void on_change(struct kube_reflector *reflector, const struct kube_change *change)
{
	memcpy(reflector->version, change->version, sizeof(change->version));
	if (change->type == KUBE_CHANGE_SET)
		tell(reflector, KUBE_REFLECTOR_SET, change->object);
	else if (change->type == KUBE_CHANGE_DELETED)
		tell(reflector, KUBE_REFLECTOR_DELETED, change->object);
}

/* What cannot be read is passed over, so that its maker stops nobody else's; the next list says whether it is gone. */
static int take_line(struct kube_reflector *reflector, struct slice line, struct err *err)
{
	AUTO(kube_change_done) struct kube_change change = { 0 };

	if (kube_change_parse(line, &change, err) == -1) {
		if (err->code != ERR_LIMIT) {
			reflector->listed = false;
			return -1;
		}
		(*reflector->options.unreadable)++;
		return 0;
	}
	if (change.type == KUBE_CHANGE_EXPIRED) {
		reflector->listed = false;
		return err_set(err, ERR_INVALID, "the version is too old to go on from");
	}
	on_change(reflector, &change);
	return 0;
}

static int on_line(void *cls, struct slice line, struct err *err)
{
	bool is_large = kube_large_begin(line.n);
	int result = take_line(cls, line, err);

	kube_large_end(is_large);
	return result;
}

static int on_piece(void *cls, struct slice piece, struct err *err)
{
	return kube_lines_feed(cls, piece, err);
}

static int watch(struct kube_reflector *reflector, struct err *err)
{
	AUTO(buf_done) struct buf target = buf_init(TARGET_MAX);
	struct kube_lines lines = { buf_init(EVENT_MAX), on_line, reflector };
	const struct kube_sink sink = { on_piece, &lines };
	int64_t began = clock_ms(CLOCK_MONOTONIC);
	long status;

	reflector->client.accept = METADATA;
	kube_query_events(&target, &reflector->options.query, reflector->version);
	int result = kube_client_get(&reflector->client, buf_text(&target),
				     KUBE_WATCH_S + WATCH_GRACE_S, &sink, &status, err);
	buf_done(&lines.partial);
	/* A line that is too long ended it: the same line would end the next one. */
	if (status == HTTP_GONE || (result == -1 && err->code == ERR_LIMIT))
		reflector->listed = false;
	if (clock_ms(CLOCK_MONOTONIC) - began > WATCH_STEADY_MS)
		reflector->failures = 0;
	else if (result == 0)
		return err_set(err, ERR_SYS, "it ended at once");
	return result;
}

/* --- the thread ------------------------------------------------------------------------------- */

static void *run(void *cls)
{
	struct kube_reflector *reflector = cls;
	const struct kube_reflector_options *options = &reflector->options;

	while (!*options->stop) {
		const char *doing = reflector->listed ? "watch" : "list";
		struct err err;

		int result = reflector->listed ? watch(reflector, &err) : list(reflector, &err);
		if (result == 0)
			continue;
		if (*options->stop)
			break;
		reflector->failures++;
		(*options->errors)++;
		err_wrap(&err, "%s of %s", doing, options->what);
		log_reason(options->log, LOG_LEVEL_WARN, "watch.failed", err.msg);
		kube_rest(options->stop, reflector->failures);
	}
	return NULL;
}

int kube_reflector_start(const struct kube_reflector_options *options, struct kube_reflector **out,
			 struct err *err)
{
	if (kube_client_init(err) == -1)
		return -1;
	struct kube_reflector *reflector = mem_calloc(1, sizeof(*reflector));
	reflector->options = *options;
	reflector->client = (struct kube_client){ .server = options->server,
						  .account = options->account,
						  .stop = options->stop };
	errno = pthread_create(&reflector->thread, NULL, run, reflector);
	if (errno != 0) {
		free(reflector);
		return err_sys(err, "a thread for a watch");
	}
	*out = reflector;
	return 0;
}

void kube_reflector_free(struct kube_reflector *reflector)
{
	if (reflector == NULL)
		return;
	pthread_join(reflector->thread, NULL);
	free(reflector);
}
