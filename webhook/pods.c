/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/pods.h"

#include "lib/cleanup.h"
#include "webhook/choices.h"

enum { TARGET_MAX = 1024 };

void pod_found_done(struct pod_found *found)
{
	json_decref(found->pod);
	*found = (struct pod_found){ 0 };
}

static int put_target(struct slice body, struct buf *out, struct err *err)
{
	AUTO(review_done) struct review review = { 0 };

	if (review_decode(body, &review, err) == -1)
		return -1;
	/* Such names need no escaping, and others no pod has. */
	if (!choices_is_object_name(review.namespace_name) || !choices_is_object_name(review.name))
		return err_set(err, ERR_INVALID, "no pod has that name");
	buf_printf(out, "/api/v1/namespaces/%s/pods/%s", review.namespace_name, review.name);
	return 0;
}

void pods_find(const struct kube_client *client, struct slice body, struct pod_found *out)
{
	AUTO(buf_done) struct buf target = buf_init(TARGET_MAX);
	AUTO(kube_answer_done) struct kube_answer answer = { 0 };

	*out = (struct pod_found){ 0 };
	if (client == NULL) {
		err_set(&out->err, ERR_SYS, "there is none to ask");
		return;
	}
	if (put_target(body, &target, &out->err) == -1)
		return;
	const struct kube_request request = { .verb = KUBE_GET,
					      .target = buf_text(&target),
					      .timeout_ms = PODS_TIMEOUT_MS };
	if (kube_client_ask(client, &request, &answer, &out->err) == 0)
		out->pod = STEAL(answer.object);
}
