/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/pods.h"

#include <string.h>

#include "lib/cleanup.h"
#include "webhook/choices.h"
#include "webhook/kinds.h"
#include "webhook/pair_supervisor.h"

enum { TARGET_MAX = 1024 };

void pod_found_done(struct pod_found *found)
{
	json_decref(found->pod);
	*found = (struct pod_found){ 0 };
}

static const char *name_of(const struct review *review)
{
	const struct kind *kind = kind_of_resource(review->group, review->resource);

	if (strcmp(review->operation, "CONNECT") == 0)
		return review->name;
	const char *name =
		kind != NULL ? pair_supervisor_agent(kind_template(kind, review->object)) : NULL;
	return name != NULL ? name : "";
}

void pods_find_named(const struct kube_client *client, const char *namespace_name, const char *name,
		     struct pod_found *out)
{
	AUTO(buf_done) struct buf target = buf_init(TARGET_MAX);
	AUTO(kube_answer_done) struct kube_answer answer = { 0 };

	*out = (struct pod_found){ 0 };
	if (client == NULL) {
		err_set(&out->err, ERR_SYS, "there is none to ask");
		return;
	}
	/* Such names need no escaping, and others no pod has. */
	if (!choices_is_object_name(namespace_name) || !choices_is_object_name(name)) {
		err_set(&out->err, ERR_INVALID, "no pod has that name");
		return;
	}
	buf_printf(&target, "/api/v1/namespaces/%s/pods/%s", namespace_name, name);
	const struct kube_request request = { .verb = KUBE_GET,
					      .target = buf_text(&target),
					      .timeout_ms = PODS_TIMEOUT_MS };
	if (kube_client_ask(client, &request, &answer, &out->err) == 0)
		out->pod = STEAL(answer.object);
}

void pods_find(const struct kube_client *client, struct slice body, struct pod_found *out)
{
	AUTO(review_done) struct review review = { 0 };

	*out = (struct pod_found){ 0 };
	if (review_decode(body, &review, &out->err) == 0)
		pods_find_named(client, review.namespace_name, name_of(&review), out);
}
