/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as the body of a review, and, where they are JSON, as the object of a well-formed one. What
 * must hold: an answer is one that an API server takes, echoes the uid, and either refuses with a
 * code or allows with a patch that applies; the patched pod, given again, needs no patch, and is valid; a
 * template is refused where its pod would be, and an update that changes nothing never is: in each topology
 * that a pod may have by default. An exec that is allowed in a sandboxed pod starts the agent. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "tests/support/json_patch.h"
#include "tests/support/review_text.h"
#include "webhook/names.h"
#include "webhook/validate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char namespaces_text[] =
	"{\"kind\":\"List\",\"items\":["
	"{\"kind\":\"Namespace\",\"metadata\":{\"name\":\"team\",\"labels\":{"
	"\"openshell.io/injection\":\"enabled\",\"openshell.io/"
	"allowed\":\"combined.sidecar.none\"}}},"
	"{\"kind\":\"Namespace\",\"metadata\":{\"name\":\"annotated\",\"labels\":{"
	"\"openshell.io/injection\":\"annotated\"},\"annotations\":{"
	"\"openshell.io/policy\":\"p\",\"openshell.io/locked\":\"openshell.io/policy\"}}}]}";

static const struct webhook_config config = { .agent_image = "registry.example/agent:1",
					      .default_topology = TOPOLOGY_COMBINED,
					      .kubernetes = { 1, 34 } };
static const struct webhook_config sidecar_config = { .agent_image = "registry.example/agent:1",
						      .default_topology = TOPOLOGY_SIDECAR,
						      .kubernetes = { 1, 34 } };
static const struct log quiet = { .level = LOG_LEVEL_ERROR };
static struct namespaces namespaces;

static void require(bool holds, const char *what, const char *detail)
{
	if (holds)
		return;
	fprintf(stderr, "%s: %s\n", what, detail);
	abort();
}

static struct handler make_handler(const struct webhook_config *with)
{
	struct err err;

	if (namespaces.owner == NULL)
		require(namespaces_parse(slice_text(namespaces_text), &namespaces, &err) == 0,
			"namespaces", err.msg);
	return (struct handler){ .config = with, .namespaces = &namespaces, .log = &quiet };
}

static void check_refusal(const struct review_answer *answer)
{
	require(strncmp(answer->message, "[OSW0", 5) == 0, "a refusal without code",
		answer->message);
	require(json_array_size(answer->patch) == 0, "a refusal with a patch", answer->message);
}

static void as_body(const struct handler *handler, review_function *ask, struct slice body)
{
	AUTO(buf_done) struct buf out = buf_init(HANDLER_ANSWER_MAX);
	AUTO(review_answer_done) struct review_answer answer = { 0 };
	AUTO(json_drop) json_t *asked = NULL;
	struct outcome outcome;
	struct err err = { 0 };

	if (ask(handler, body, &out, &outcome, &err) == -1) {
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

/* `otherwise` where there is no answer: the object is at the limits of depth or size. */
static bool is_valid(const struct handler *handler, const struct review_ask *ask, bool otherwise)
{
	AUTO(review_answer_done) struct review_answer answer = { 0 };
	struct err err = { 0 };

	if (review_answer(handler, validate, ask, &answer, &err) == -1)
		return otherwise;
	require(json_array_size(answer.patch) == 0, "/validate patches", "");
	if (!answer.allowed)
		check_refusal(&answer);
	return answer.allowed;
}

static void as_template(const struct handler *handler, json_t *template, bool is_fine)
{
	AUTO(json_drop) json_t *object = json_pack("{s:{s:O}}", "spec", "template", template);
	struct review_ask ask = review_of_pod(template);

	/* A null there is none. */
	if (json_member(json_member(object, "spec"), "template") == NULL)
		return;
	ask.group = "apps";
	ask.resource = "deployments";
	ask.object = object;
	if (namespaces_find(&namespaces, ask.namespace_name) != NULL)
		require(is_valid(handler, &ask, is_fine) == is_fine,
			"a template is judged otherwise", "");
	ask.old_object = object;
	ask.operation = "UPDATE";
	require(is_valid(handler, &ask, true), "an update of nothing is refused", "");
}

/* As a pod that exists. */
static void as_update(const struct handler *handler, json_t *pod)
{
	struct review_ask ask = review_of_pod(pod);

	ask.operation = "UPDATE";
	ask.old_object = pod;
	require(is_valid(handler, &ask, true), "an update of nothing is refused", "");
	ask.old_object = NULL;
	is_valid(handler, &ask, true);
	ask.subresource = "ephemeralcontainers";
	is_valid(handler, &ask, true);
}

static void as_pod(const struct handler *handler, json_t *pod)
{
	AUTO(review_answer_done) struct review_answer first = { 0 }, second = { 0 };
	struct review_ask ask = review_of_pod(pod);
	struct err err = { 0 };

	if (review_pod(handler, pod, &first, &err) == -1)
		return;
	require(strcmp(first.uid, REVIEW_UID) == 0, "uid", first.uid);
	as_template(handler, pod, first.allowed);
	as_update(handler, pod);
	if (!first.allowed) {
		check_refusal(&first);
		require(!is_valid(handler, &ask, false), "a pod that is refused is valid",
			first.message);
		return;
	}
	require(json_patch_apply(pod, first.patch, &err) == 0, "patch", err.msg);
	require(review_pod(handler, pod, &second, &err) == 0, "second answer", err.msg);
	require(second.allowed, "its own result is refused", second.message);
	require(json_array_size(second.patch) == 0, "its own result is patched", "");
	require(is_valid(handler, &ask, true), "its own result is not valid", "");
}

static const char sandboxed_text[] =
	"{\"spec\":{\"initContainers\":[{\"name\":\"openshell-supervisor-install\"}],"
	"\"containers\":[{\"name\":\"app\"}]}}";

/* As the options of an exec in a sandboxed pod: what is allowed starts the agent. */
static void as_exec(const struct handler *with, json_t *options)
{
	AUTO(pod_found_done) struct pod_found found = { 0 };
	AUTO(review_answer_done) struct review_answer first = { 0 }, second = { 0 };
	struct review_ask ask = { .group = "",
				  .resource = "pods",
				  .subresource = "exec",
				  .operation = "CONNECT",
				  .namespace_name = "team",
				  .name = "work",
				  .object = options };
	struct handler handler = *with;
	struct err err = { 0 };

	require(json_parse(slice_text(sandboxed_text), &found.pod, &err) == 0, "pod", err.msg);
	handler.found = &found;
	if (review_answer(&handler, handler_mutate, &ask, &first, &err) == -1)
		return;
	if (!first.allowed) {
		check_refusal(&first);
		require(!is_valid(&handler, &ask, false), "an exec that is refused is valid", "");
		return;
	}
	require(json_patch_apply(options, first.patch, &err) == 0, "patch", err.msg);
	const char *program = json_string_value(json_array_get(json_member(options, "command"), 0));
	require(program != NULL && strcmp(program, PATH_AGENT) == 0, "another program starts", "");
	require(review_answer(&handler, handler_mutate, &ask, &second, &err) == 0, "second",
		err.msg);
	require(second.allowed && json_array_size(second.patch) == 0, "patched again", "");
	require(is_valid(&handler, &ask, true), "its own result is not valid", "");
}

/* As the pod that is there. */
static void as_found(const struct handler *with, json_t *pod)
{
	AUTO(json_drop) json_t *options = json_pack("{s:[s]}", "command", "ls");
	const struct pod_found found = { .pod = pod };
	const struct review_ask ask = { .group = "",
					.resource = "pods",
					.subresource = "exec",
					.operation = "CONNECT",
					.namespace_name = "team",
					.name = "work",
					.object = options };
	struct handler handler = *with;

	handler.found = &found;
	is_valid(&handler, &ask, true);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct handler handler = make_handler(&config);
	const struct handler sidecar = make_handler(&sidecar_config);
	const struct slice body = { data, size };
	AUTO(json_drop) json_t *object = NULL;
	struct err err;

	as_body(&handler, handler_mutate, body);
	as_body(&handler, validate, body);
	if (json_parse(body, &object, &err) == -1 || !json_is_object(object))
		return 0;
	AUTO(json_drop) json_t *again = json_deep_copy(object), *options = json_deep_copy(object);
	as_found(&handler, object);
	as_exec(&handler, options);
	as_pod(&handler, object);
	as_pod(&sidecar, again);
	return 0;
}
