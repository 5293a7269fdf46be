/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/kube_event_send.h"

#include <sys/random.h>

#include "lib/cleanup.h"
#include "lib/clock.h"

enum { TARGET_MAX = 512, BODY_MAX = 16 << 10, TIMEOUT_MS = 5000 };

int kube_event_send(const struct kube_client *client, struct kube_event_limit *limit,
		    const struct kube_event *event, struct err *err)
{
	AUTO(buf_done) struct buf target = buf_init(TARGET_MAX);
	AUTO(buf_done) struct buf body = buf_init(BODY_MAX);
	AUTO(kube_answer_done) struct kube_answer answer = { 0 };
	uint64_t unique;

	if (!kube_event_admit(limit, event, clock_ms(CLOCK_MONOTONIC)))
		return 0;
	if (getrandom(&unique, sizeof(unique), 0) != (ssize_t)sizeof(unique))
		return err_sys(err, "random number");
	AUTO(json_drop)
	json_t *object = kube_event_object(event, clock_ms(CLOCK_REALTIME), unique);
	json_put(&body, object);
	buf_printf(&target, "/api/v1/namespaces/%s/events", kube_event_namespace(event));
	const struct kube_request request = { .verb = KUBE_CREATE,
					      .target = buf_text(&target),
					      .body = buf_slice(&body),
					      .timeout_ms = TIMEOUT_MS };
	if (kube_client_ask(client, &request, &answer, err) == -1)
		return err_wrap(err, "an Event for %s '%s'", event->kind, event->name);
	return 0;
}
