/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as the body of a review, and, where they are JSON, as the pod of a well-formed one. What
 * must hold: an answer is one that an API server takes, echoes the uid, and either refuses with a
 * code or allows with a patch that applies; and the patched pod, given again, needs no patch. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "tests/support/json_patch.h"
#include "tests/support/review_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char namespaces_text[] =
	"{\"kind\":\"List\",\"items\":["
	"{\"kind\":\"Namespace\",\"metadata\":{\"name\":\"team\",\"labels\":{"
	"\"openshell.io/injection\":\"enabled\",\"openshell.io/allowed\":\"combined.none\"}}},"
	"{\"kind\":\"Namespace\",\"metadata\":{\"name\":\"annotated\",\"labels\":{"
	"\"openshell.io/injection\":\"annotated\"},\"annotations\":{"
	"\"openshell.io/policy\":\"p\",\"openshell.io/locked\":\"openshell.io/policy\"}}}]}";

static const struct webhook_config config = { "registry.example/agent:1", TOPOLOGY_COMBINED, NULL };
static const struct log quiet = { .level = LOG_LEVEL_ERROR };
static struct namespaces namespaces;

static void require(bool holds, const char *what, const char *detail)
{
	if (holds)
		return;
	fprintf(stderr, "%s: %s\n", what, detail);
	abort();
}

static struct handler make_handler(void)
{
	struct err err;

	if (namespaces.owner == NULL)
		require(namespaces_parse(slice_text(namespaces_text), &namespaces, &err) == 0,
			"namespaces", err.msg);
	return (struct handler){ &config, &namespaces, &quiet };
}

static void check_refusal(const struct review_answer *answer)
{
	require(strncmp(answer->message, "[OSW0", 5) == 0, "a refusal without code",
		answer->message);
	require(json_array_size(answer->patch) == 0, "a refusal with a patch", answer->message);
}

static void as_body(const struct handler *handler, struct slice body)
{
	AUTO(buf_done) struct buf out = buf_init(HANDLER_ANSWER_MAX);
	AUTO(review_answer_done) struct review_answer answer = { 0 };
	AUTO(json_drop) json_t *asked = NULL;
	struct outcome outcome;
	struct err err = { 0 };

	if (handler_mutate(handler, body, &out, &outcome, &err) == -1) {
		require(err.msg[0] != '\0', "no reason", "");
		return;
	}
	require(review_answer_parse(buf_slice(&out), &answer, &err) == 0, "answer", err.msg);
	require(json_parse(body, &asked, &err) == 0, "body", err.msg);
	const char *uid = json_member_text(json_member(asked, "request"), "uid");
	require(uid != NULL && strcmp(uid, answer.uid) == 0, "uid", answer.uid);
	require(answer.allowed != (outcome.result == OUTCOME_REFUSED), "outcome", answer.message);
	if (!answer.allowed)
		check_refusal(&answer);
}

static void as_pod(const struct handler *handler, struct slice text)
{
	AUTO(json_drop) json_t *pod = NULL;
	AUTO(review_answer_done) struct review_answer first = { 0 }, second = { 0 };
	struct err err = { 0 };

	if (json_parse(text, &pod, &err) == -1 || !json_is_object(pod))
		return;
	if (review_pod(handler, pod, &first, &err) == -1)
		return;
	require(strcmp(first.uid, REVIEW_UID) == 0, "uid", first.uid);
	if (!first.allowed) {
		check_refusal(&first);
		return;
	}
	require(json_patch_apply(pod, first.patch, &err) == 0, "patch", err.msg);
	require(review_pod(handler, pod, &second, &err) == 0, "second answer", err.msg);
	require(second.allowed, "its own result is refused", second.message);
	require(json_array_size(second.patch) == 0, "its own result is patched", "");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct handler handler = make_handler();

	as_body(&handler, (struct slice){ data, size });
	as_pod(&handler, (struct slice){ data, size });
	return 0;
}
