/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/kube_bell.h"

#include <errno.h>
#include <pthread.h>
#include <sys/random.h>
#include <time.h>

#include "lib/cleanup.h"
#include "lib/mem.h"
#include "webhook/kube_client.h"
#include "webhook/kube_query.h"

enum {
	TARGET_MAX = 1024,
	/* The server ends a watch by itself; this is for one that does not. */
	WATCH_GRACE_S = 30,
	/* One that ends earlier counts as failed; one that lasted as long before it broke is no repeated failure. */
	WATCH_STEADY_MS = 5000,
	SLEEP_MS = 100,
};

struct kube_bell {
	struct kube_bell_options options;
	struct kube_client client;
	pthread_t thread;
};

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int on_piece(void *cls, struct slice piece, struct err *err)
{
	struct kube_bell *bell = cls;

	(void)piece;
	(void)err;
	bell->options.ring(bell->options.cls);
	return 0;
}

/* From version 0 a watch begins with what the server happens to know. It does not wait to be sure that this is
 * the newest state, which takes some servers so long that they give up. */
static int watch(struct kube_bell *bell, struct err *err)
{
	AUTO(buf_done) struct buf target = buf_init(TARGET_MAX);
	const struct kube_sink sink = { on_piece, bell };
	long status;

	buf_printf(
		&target,
		"%s?watch=1&resourceVersion=0&timeoutSeconds=%d&fieldSelector=metadata.name%%3D%s",
		bell->options.folder, KUBE_WATCH_S, bell->options.name);
	int64_t began = now_ms();
	int result = kube_client_get(&bell->client, buf_text(&target), KUBE_WATCH_S + WATCH_GRACE_S,
				     &sink, &status, err);
	if (result == 0 && now_ms() - began < WATCH_STEADY_MS)
		return err_set(err, ERR_SYS, "it ended at once");
	return result;
}

static void rest(const struct kube_bell *bell, unsigned int failures)
{
	const struct timespec pause = { .tv_nsec = SLEEP_MS * 1000000L };
	uint32_t random = 0;

	if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random))
		random = 0;
	int64_t until = now_ms() + kube_query_retry_ms(failures, random);
	while (!*bell->options.stop && now_ms() < until)
		nanosleep(&pause, NULL);
}

static void *run(void *cls)
{
	struct kube_bell *bell = cls;
	unsigned int failures = 0;

	while (!*bell->options.stop) {
		int64_t began = now_ms();
		struct err err;

		int result = watch(bell, &err);
		if (*bell->options.stop)
			break;
		bell->options.ring(bell->options.cls);
		failures = now_ms() - began > WATCH_STEADY_MS ? 1 : failures + 1;
		if (result == -1) {
			err_wrap(&err, "watch of '%s'", bell->options.name);
			log_reason(bell->options.log, LOG_LEVEL_WARN, "watch.failed", err.msg);
		}
		rest(bell, failures);
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
	bell->client = (struct kube_client){ options->server, options->account, options->stop };
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
