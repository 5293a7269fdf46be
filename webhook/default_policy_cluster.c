/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/default_policy_cluster.h"

#include <stdio.h>

#include "lib/cleanup.h"
#include "webhook/names.h"

enum {
	REQUEST_MS = 5000,
	TARGET_MAX = 512,
	/* Each byte of the policy may take six in JSON. */
	BODY_MAX = 8 * DEFAULT_POLICY_MAX,
};

#define CONFIGURATIONS "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/%s"
#define MAP "/api/v1/namespaces/%s/configmaps/" NAME_DEFAULT_POLICY

/* `object` is dropped; NULL: there is no body. */
static int ask(const struct kube_client *client, enum kube_verb verb, const char *target,
	       json_t *object, struct kube_answer *out, struct err *err)
{
	AUTO(buf_done) struct buf body = buf_init(BODY_MAX);

	if (object != NULL)
		json_put(&body, object);
	json_decref(object);
	const struct kube_request request = {
		.verb = verb, .target = target, .body = buf_slice(&body), .timeout_ms = REQUEST_MS
	};
	return kube_client_ask(client, &request, out, err);
}

static void copy_uid(const json_t *object, char out[DEFAULT_POLICY_UID_MAX])
{
	const char *uid = json_member_text(json_member(object, "metadata"), "uid");

	snprintf(out, DEFAULT_POLICY_UID_MAX, "%s", uid != NULL ? uid : "");
}

int default_policy_read_owner(const struct kube_client *client, const char *name,
			      char out[DEFAULT_POLICY_UID_MAX], struct err *err)
{
	AUTO(buf_done) struct buf target = buf_init(TARGET_MAX);
	AUTO(kube_answer_done) struct kube_answer answer = { 0 };

	buf_printf(&target, CONFIGURATIONS, name);
	if (ask(client, KUBE_GET, buf_text(&target), NULL, &answer, err) == -1)
		return err_wrap(err, "MutatingWebhookConfiguration '%s'", name);
	copy_uid(answer.object, out);
	if (*out == '\0')
		return err_set(err, ERR_INVALID, "MutatingWebhookConfiguration '%s' has no UID",
			       name);
	return 0;
}

int default_policy_look(const struct kube_client *client, const char *namespace_name,
			bool *out_is_there, char out_uid[DEFAULT_POLICY_UID_MAX], struct err *err)
{
	AUTO(buf_done) struct buf target = buf_init(TARGET_MAX);
	AUTO(kube_answer_done) struct kube_answer answer = { 0 };

	buf_printf(&target, MAP, namespace_name);
	int result = ask(client, KUBE_GET, buf_text(&target), NULL, &answer, err);
	bool is_found = kube_outcome_of(answer.status, NULL) == KUBE_DONE;
	/* One that is too large to be read is there as well. */
	*out_is_there = answer.outcome == KUBE_DONE || (answer.outcome == KUBE_FAILED && is_found);
	copy_uid(answer.object, out_uid);
	return *out_is_there || answer.outcome == KUBE_ABSENT ? 0 : result;
}

int default_policy_put(const struct kube_client *client, const struct default_policy *policy,
		       const char *namespace_name, const char *uid, struct err *err)
{
	AUTO(buf_done) struct buf target = buf_init(TARGET_MAX);
	AUTO(kube_answer_done) struct kube_answer answer = { 0 };

	buf_printf(&target, MAP, namespace_name);
	return ask(client, uid != NULL ? KUBE_APPLY : KUBE_OFFER, buf_text(&target),
		   default_policy_object(policy, namespace_name, uid), &answer, err);
}

int default_policy_remove(const struct kube_client *client, const char *namespace_name,
			  const char *uid, struct err *err)
{
	AUTO(buf_done) struct buf target = buf_init(TARGET_MAX);
	AUTO(kube_answer_done) struct kube_answer answer = { 0 };

	buf_printf(&target, MAP, namespace_name);
	int result = ask(client, KUBE_DELETE, buf_text(&target), default_policy_removal(uid),
			 &answer, err);
	return result == 0 || answer.outcome == KUBE_ABSENT || answer.outcome == KUBE_CONFLICT ? 0
											       : -1;
}
