/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/kube_bell.h"

#include <errno.h>
#include <pthread.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/mem.h"
#include "lib/uri.h"
#include "webhook/keys.h"
#include "webhook/kube_client.h"
#include "webhook/kube_query.h"
#include "webhook/kube_rest.h"

enum {
	TARGET_MAX = 1024,
	/* The server ends a watch by itself; this is for one that does not. */
	WATCH_GRACE_S = 30,
	/* One that ends earlier counts as failed; one that lasted as long before it broke is no repeated failure. */
	WATCH_STEADY_MS = 5000,
};

struct kube_bell {
	struct kube_bell_options options;
	struct kube_client client;
	pthread_t thread;
};

static int on_piece(void *cls, struct slice piece, struct err *err)
{
	struct kube_bell *bell = cls;

	(void)piece;
	(void)err;
	bell->options.ring(bell->options.cls);
	return 0;
}

static const char *name_of(const struct kube_bell_options *options)
{
	return options->name != NULL ? options->name : KEY_INJECTION;
}

static void put_target(const struct kube_bell_options *options, struct buf *out)
{
	buf_printf(out, "%s?watch=1&resourceVersion=0&timeoutSeconds=%d&", options->folder,
		   KUBE_WATCH_S);
	buf_puts(out, options->name != NULL ? "fieldSelector=metadata.name%3D" : "labelSelector=");
	uri_put_escaped(out, name_of(options));
}

/* From version 0 a watch begins with what the server happens to know. It does not wait to be sure that this is
 * the newest state, which takes some servers so long that they give up. */
static int watch(struct kube_bell *bell, struct err *err)
{
	AUTO(buf_done) struct buf target = buf_init(TARGET_MAX);
	const struct kube_sink sink = { on_piece, bell };
	long status;

	put_target(&bell->options, &target);
	int64_t began = clock_ms(CLOCK_MONOTONIC);
	int result = kube_client_get(&bell->client, buf_text(&target), KUBE_WATCH_S + WATCH_GRACE_S,
				     &sink, &status, err);
	if (result == 0 && clock_ms(CLOCK_MONOTONIC) - began < WATCH_STEADY_MS)
		return err_set(err, ERR_SYS, "it ended at once");
	return result;
}

static void *run(void *cls)
{
	struct kube_bell *bell = cls;
	unsigned int failures = 0;

	while (!*bell->options.stop) {
		int64_t began = clock_ms(CLOCK_MONOTONIC);
		struct err err;

		int result = watch(bell, &err);
		if (*bell->options.stop)
			break;
		bell->options.ring(bell->options.cls);
		failures = clock_ms(CLOCK_MONOTONIC) - began > WATCH_STEADY_MS ? 1 : failures + 1;
		if (result == -1) {
			err_wrap(&err, "watch of '%s'", name_of(&bell->options));
			log_reason(bell->options.log, LOG_LEVEL_WARN, "watch.failed", err.msg);
		}
		kube_rest(bell->options.stop, failures);
	}
	return NULL;
}

int kube_bell_start(const struct kube_bell_options *options, struct kube_bell **out,
		    struct err *err)
{
	if (kube_client_init(err) == -1)
		return -1;
	struct kube_bell *bell = mem_calloc(1, sizeof(*bell));
	bell->options = *options;
	bell->client = (struct kube_client){ .server = options->server,
					     .account = options->account,
					     .stop = options->stop };
	errno = pthread_create(&bell->thread, NULL, run, bell);
	if (errno != 0) {
		free(bell);
		return err_sys(err, "a thread for a watch");
	}
	*out = bell;
	return 0;
}

void kube_bell_free(struct kube_bell *bell)
{
	if (bell == NULL)
		return;
	pthread_join(bell->thread, NULL);
	free(bell);
}
