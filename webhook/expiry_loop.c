/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/expiry_loop.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <time.h>

#include "lib/clock.h"
#include "lib/mem.h"
#include "webhook/kube_event_send.h"
#include "webhook/serving_cert.h"

enum {
	FOLLOW_MS = 1000,
	/* An API server keeps an Event for an hour. */
	TOLD_MS = 30 * 60 * 1000,
	/* Where there is nothing to tell, or it could not be told. */
	LOOK_MS = 60 * 1000,
	DAY_S = 86400,
};

struct expiry_loop {
	struct expiry_options options;
	struct kube_client client;
	struct kube_event_limit limit;
	pthread_t thread;
	atomic_bool stop;
};

static int tell(struct expiry_loop *loop, int64_t left_s, struct err *err)
{
	char text[160];
	const struct kube_event event = {
		.api_version = "v1",
		.kind = "Service",
		.name = loop->options.service,
		.namespace_name = loop->options.namespace_name,
		.is_warning = true,
		.reason = "CertificateExpires",
		.message = text,
	};

	if (left_s > 0)
		snprintf(text, sizeof(text),
			 "the webhook's certificate expires in %lld days, and comes from files "
			 "that others renew",
			 (long long)left_s / DAY_S);
	else
		snprintf(text, sizeof(text),
			 "the webhook's certificate has expired: opted-in namespaces get no pods");
	return kube_event_send(&loop->client, &loop->limit, &event, err);
}

/* How long to wait before the next look. */
static int64_t look(struct expiry_loop *loop)
{
	int64_t now_s = time(NULL);
	struct serving_cert_life life = serving_cert_life();
	struct err err;

	if (!serving_cert_is_late(&life, now_s))
		return LOOK_MS;
	if (tell(loop, life.expires_s - now_s, &err) == 0)
		return TOLD_MS;
	log_reason(loop->options.log, LOG_LEVEL_WARN, "event.failed", err.msg);
	return LOOK_MS;
}

static void *run(void *cls)
{
	struct expiry_loop *loop = cls;

	while (!loop->stop)
		clock_rest(&loop->stop,
			   kube_leader_is(loop->options.leader) ? look(loop) : FOLLOW_MS);
	return NULL;
}

int expiry_loop_start(const struct expiry_options *options, struct expiry_loop **out,
		      struct err *err)
{
	if (kube_client_init(err) == -1)
		return -1;
	struct expiry_loop *loop = mem_calloc(1, sizeof(*loop));
	loop->options = *options;
	loop->client = (struct kube_client){ .server = options->server,
					     .account = options->account,
					     .stop = &loop->stop };
	errno = pthread_create(&loop->thread, NULL, run, loop);
	if (errno != 0) {
		free(loop);
		return err_sys(err, "a thread for the certificate's expiry");
	}
	*out = loop;
	return 0;
}

void expiry_loop_stop(struct expiry_loop *loop)
{
	if (loop == NULL)
		return;
	loop->stop = true;
	pthread_join(loop->thread, NULL);
	free(loop);
}
