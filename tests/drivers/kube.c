/* SPDX-License-Identifier: Apache-2.0 */
/* driver_kube: one request to an API server, and what came of it as a line of JSON:
 *   driver_kube SERVER ACCOUNT VERB TARGET TIMEOUT_MS [BODY]
 * VERB: get, create, replace, strategic, merge, apply, offer, delete. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "webhook/kube_client.h"

static const char *const verbs[KUBE_VERB_COUNT] = {
	[KUBE_GET] = "get",           [KUBE_CREATE] = "create",
	[KUBE_REPLACE] = "replace",   [KUBE_PATCH_STRATEGIC] = "strategic",
	[KUBE_PATCH_MERGE] = "merge", [KUBE_APPLY] = "apply",
	[KUBE_OFFER] = "offer",       [KUBE_DELETE] = "delete",
};

static enum kube_verb verb_of(const char *name)
{
	enum kube_verb verb = KUBE_GET;

	while (verb < KUBE_VERB_COUNT && strcmp(verbs[verb], name) != 0)
		verb++;
	return verb;
}

int main(int argc, char **argv)
{
	struct kube_answer answer;
	struct err err = { 0 };

	if (argc < 6 || verb_of(argv[3]) == KUBE_VERB_COUNT || kube_client_init(&err) == -1)
		return 2;
	const struct kube_client client = { .server = argv[1], .account = argv[2] };
	const struct kube_request request = {
		.verb = verb_of(argv[3]),
		.target = argv[4],
		.timeout_ms = atol(argv[5]),
		.body = argc > 6 ? slice_text(argv[6]) : (struct slice){ 0 },
	};
	int result = kube_client_ask(&client, &request, &answer, &err);

	json_t *told =
		json_pack("{s:i, s:s, s:I, s:I, s:s, s:O?}", "result", result, "outcome",
			  kube_outcome_name(answer.outcome), "status", (json_int_t)answer.status,
			  "retry_after_ms", (json_int_t)answer.retry_after_ms, "reason",
			  result == -1 ? err.msg : "", "object", answer.object);
	json_dumpf(told, stdout, 0);
	json_decref(told);
	kube_object_wipe(&answer.object);
	kube_answer_done(&answer);
	return 0;
}
