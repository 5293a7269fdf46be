/* SPDX-License-Identifier: Apache-2.0 */
/* A page of a list of pods, as an API server says it. What must hold: a refusal gives a reason, each pod gets a
 * verdict, a pod without a sandbox is never as it should be where its namespace asks for one, and a page that is
 * passed over goes on where one that is read does. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "webhook/audit.h"
#include "webhook/kube_page.h"
#include "webhook/pod.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char namespace_text[] =
	"{\"kind\":\"Namespace\",\"metadata\":{\"name\":\"team\",\"labels\":"
	"{\"openshell.io/injection\":\"enabled\"}}}";

static void require(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "%s\n", what);
	abort();
}

static bool runs_open(json_t *pod)
{
	const char *phase = json_member_text(json_member(pod, "status"), "phase");
	struct err err;

	if (phase != NULL && (strcmp(phase, "Succeeded") == 0 || strcmp(phase, "Failed") == 0))
		return false;
	return pod_check(pod, &err) == -1 || !pod_is_sandboxed(pod);
}

static void judge(json_t *pod)
{
	static const struct webhook_config config = { .agent_image = "agent:1",
						      .default_topology = TOPOLOGY_COMBINED };
	const struct log quiet = { .level = LOG_LEVEL_ERROR };
	AUTO(namespaces_done) struct namespaces namespaces = { 0 };
	struct audit_verdict verdict;
	struct err err;

	require(namespaces_parse(slice_text(namespace_text), &namespaces, &err) == 0, "namespaces");
	const struct handler handler = { .config = &config,
					 .namespaces = &namespaces,
					 .log = &quiet };
	audit_judge(&handler, pod, "team", &verdict);
	require(verdict.reason < AUDIT_REASON_COUNT, "no reason");
	require(!runs_open(pod) || verdict.reason != AUDIT_NONE, "an open pod is not told");
	audit_judge(&handler, pod, "other", &verdict);
	require(verdict.reason == AUDIT_NONE || verdict.reason == AUDIT_UNLABELLED, "unlabelled");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AUTO(kube_page_done) struct kube_page page = { 0 };
	char more[KUBE_MORE_MAX];
	struct err err = { 0 };

	if (kube_page_parse((struct slice){ data, size }, "PodList", &page, &err) == -1) {
		require(err.msg[0] != '\0', "no reason of a refusal");
		return 0;
	}
	for (size_t i = 0; i < json_array_size(page.items); i++)
		judge(json_array_get(page.items, i));
	if (kube_page_skip((struct slice){ data, size }, "PodList", more, &err) == 0)
		require(strcmp(more, page.more) == 0, "another page");
	return 0;
}
