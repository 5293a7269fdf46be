/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <string.h>

#include "lib/cleanup.h"
#include "tests/support/json_patch.h"
#include "tests/support/review_text.h"
#include "webhook/names.h"
#include "webhook/validate.h"

#define AGENT "\"" PATH_AGENT "\""
#define FOR_PEOPLE "\"/opt/openshell/openshell-agent\""
#define INSIDE(words) "[" AGENT ",\"exec\",\"--\"," words "]"

/* Only names matter: who is ours, and whom we confine. */
#define SANDBOXED                                                                               \
	"{\"spec\":{\"initContainers\":[{\"name\":\"openshell-supervisor-install\"},{\"name\":" \
	"\"first\"}],\"containers\":[{\"name\":\"app\"},{\"name\":\"second\"}],"                \
	"\"ephemeralContainers\":[{\"name\":\"debug\"}]}}"
/* Of an agent pod of topology proxy-pod. */
#define PROXY "{\"spec\":{\"containers\":[{\"name\":\"openshell-supervisor-network\"}]}}"
#define PLAIN "{\"spec\":{\"containers\":[{\"name\":\"app\"}]}}"

static const struct webhook_config config = { .agent_image = "registry.example/agent:1",
					      .default_topology = TOPOLOGY_COMBINED };
static const struct log quiet = { .level = LOG_LEVEL_ERROR };
static const struct namespaces nothing;

static json_t *parse(const char *text)
{
	json_t *value = NULL;
	struct err err = { 0 };

	ck_assert_msg(json_parse(slice_text(text), &value, &err) == 0, "%s: %s", text, err.msg);
	return value;
}

/* A CONNECT to `subresource` of `pod`; the object stays the caller's. */
static void ask(review_function *way, const char *subresource, json_t *pod, json_t *options,
		struct review_answer *out)
{
	const struct pod_found found = { .pod = pod, .err = { .msg = "the API server is away" } };
	const struct handler handler = {
		.config = &config, .namespaces = &nothing, .log = &quiet, .found = &found
	};
	const struct review_ask review = {
		.group = "",
		.resource = "pods",
		.subresource = subresource,
		.operation = "CONNECT",
		.namespace_name = "team",
		.name = "work",
		.object = options,
	};
	struct err err = { 0 };

	ck_assert_msg(review_answer(&handler, way, &review, out, &err) == 0, "%s", err.msg);
}

static const struct {
	const char *command, *becomes;
} commands[] = {
	{ "[\"ls\"]", INSIDE("\"ls\"") },
	{ "[\"sh\",\"-c\",\"id; echo $HOME\"]", INSIDE("\"sh\",\"-c\",\"id; echo $HOME\"") },
	{ "[\"tar\",\"xmf\",\"-\"]", INSIDE("\"tar\",\"xmf\",\"-\"") },
	{ "[\"exec\",\"--\",\"ls\"]", INSIDE("\"exec\",\"--\",\"ls\"") },
	/* What goes inside, or tells, stays, and is started from where no mount can lie over it. */
	{ "[" FOR_PEOPLE ",\"exec\",\"--\",\"ls\",\"-l\"]", INSIDE("\"ls\",\"-l\"") },
	{ "[" AGENT ",\"exec\",\"--\",\"ls\"]", INSIDE("\"ls\"") },
	{ "[" FOR_PEOPLE ",\"exec\",\"--wait-ready\",\"--\",\"ls\"]",
	  "[" AGENT ",\"exec\",\"--wait-ready\",\"--\",\"ls\"]" },
	{ "[" FOR_PEOPLE ",\"shell\"]", "[" AGENT ",\"shell\"]" },
	{ "[" FOR_PEOPLE ",\"status\",\"--wait-ready\"]",
	  "[" AGENT ",\"status\",\"--wait-ready\"]" },
	{ "[" FOR_PEOPLE ",\"policy\",\"explain\",\"--live\",\"--host\",\"a\"]",
	  "[" AGENT ",\"policy\",\"explain\",\"--live\",\"--host\",\"a\"]" },
	/* All else of the agent would do as it is told, with the container's rights. */
	{ "[" FOR_PEOPLE "]", INSIDE(FOR_PEOPLE) },
	{ "[" AGENT ",\"exec\"]", INSIDE(AGENT ",\"exec\"") },
	{ "[" AGENT ",\"exec\",\"--\"]", INSIDE(AGENT ",\"exec\",\"--\"") },
	{ "[" AGENT ",\"exec\",\"ls\",\"--\"]", INSIDE(AGENT ",\"exec\",\"ls\",\"--\"") },
	{ "[" AGENT ",\"exec\",\"--wait-ready\",\"ls\",\"--\"]",
	  INSIDE(AGENT ",\"exec\",\"--wait-ready\",\"ls\",\"--\"") },
	{ "[" AGENT ",\"shell\",\"x\"]", INSIDE(AGENT ",\"shell\",\"x\"") },
	{ "[" AGENT ",\"run\",\"--\",\"sh\"]", INSIDE(AGENT ",\"run\",\"--\",\"sh\"") },
	{ "[" AGENT ",\"install\",\"/x\"]", INSIDE(AGENT ",\"install\",\"/x\"") },
	{ "[" AGENT ",\"policy\",\"check\",\"/x\"]", INSIDE(AGENT ",\"policy\",\"check\",\"/x\"") },
	{ "[" AGENT ",\"policy\",\"explain\",\"/x\",\"--live\"]",
	  INSIDE(AGENT ",\"policy\",\"explain\",\"/x\",\"--live\"") },
	{ "[\"/opt/openshell/../openshell/openshell-agent\",\"status\"]",
	  INSIDE("\"/opt/openshell/../openshell/openshell-agent\",\"status\"") },
};

static const char *const containers[] = { NULL, "", "app", "second", "first" };

static json_t *options_of(const char *command, const char *container)
{
	json_t *options =
		json_pack("{s:s, s:b, s:b}", "kind", "PodExecOptions", "stdin", 1, "tty", 1);

	if (command != NULL)
		json_object_set_new(options, "command", parse(command));
	if (container != NULL)
		json_object_set_new(options, "container", json_string(container));
	return options;
}

/* /mutate makes it so, /validate takes that, and nothing else. */
START_TEST(a_command_is_taken_into_the_sandbox)
{
	for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
		AUTO(json_drop) json_t *pod = parse(SANDBOXED);
		AUTO(json_drop) json_t *options = options_of(commands[i].command, containers[_i]);
		AUTO(json_drop) json_t *wanted = options_of(commands[i].becomes, containers[_i]);
		AUTO(review_answer_done)
		struct review_answer before = { 0 }, made = { 0 }, again = { 0 }, after = { 0 };
		struct err err = { 0 };

		ask(validate, "exec", pod, options, &before);
		ck_assert_msg(before.allowed == json_equal(options, wanted), "%s",
			      commands[i].command);
		ask(handler_mutate, "exec", pod, options, &made);
		ck_assert_msg(made.allowed, "%s", made.message);
		ck_assert(json_patch_apply(options, made.patch, &err) == 0);
		ck_assert_msg(json_equal(options, wanted), "%s", commands[i].command);
		ask(handler_mutate, "exec", pod, options, &again);
		ck_assert_uint_eq(json_array_size(again.patch), 0);
		ask(validate, "exec", pod, options, &after);
		ck_assert_msg(after.allowed, "%s", after.message);
	}
}
END_TEST

static const struct {
	const char *pod, *options, *code;
} refused[] = {
	{ NULL, "{\"command\":[\"ls\"]}", "OSW055" },
	{ "[]", "{\"command\":[\"ls\"]}", "OSW055" },
	{ "{}", "{\"command\":[\"ls\"]}", "OSW055" },
	{ "{\"spec\":{\"initContainers\":[{}],\"containers\":[{\"name\":\"a\"}]}}",
	  "{\"command\":[\"ls\"]}", "OSW055" },
	{ SANDBOXED, NULL, "OSW012" },
	{ SANDBOXED, "{\"command\":\"ls\"}", "OSW012" },
	{ SANDBOXED, "{\"command\":[1]}", "OSW012" },
	{ SANDBOXED, "{\"command\":[\"ls\",null]}", "OSW012" },
	{ SANDBOXED, "{\"command\":[\"ls\"],\"container\":1}", "OSW012" },
	{ SANDBOXED, "{}", "OSW038" },
	{ SANDBOXED, "{\"command\":[]}", "OSW038" },
	{ SANDBOXED, "{\"command\":[\"\"]}", "OSW038" },
	{ SANDBOXED, "{\"command\":[\"ls\"],\"container\":\"openshell-supervisor-install\"}",
	  "OSW053" },
	{ SANDBOXED, "{\"command\":[" AGENT ",\"status\"],\"container\":\"openshell-any\"}",
	  "OSW053" },
	{ SANDBOXED, "{\"command\":[\"ls\"],\"container\":\"debug\"}", "OSW053" },
	{ PROXY, "{\"command\":[\"ls\"]}", "OSW053" },
	{ PROXY, "{\"command\":[\"ls\"],\"container\":\"\"}", "OSW053" },
	{ SANDBOXED, "{\"command\":[\"ls\"],\"container\":\"nowhere\"}", "OSW053" },
};

START_TEST(what_cannot_be_taken_in_is_refused_with_its_reason)
{
	review_function *const ways[] = { handler_mutate, validate };

	for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
		AUTO(json_drop)
		json_t *pod = refused[_i].pod != NULL ? parse(refused[_i].pod) : NULL;
		AUTO(json_drop)
		json_t *options = refused[_i].options != NULL ? parse(refused[_i].options) : NULL;
		AUTO(review_answer_done) struct review_answer answer = { 0 };

		ask(ways[i], "exec", pod, options, &answer);
		ck_assert(!answer.allowed);
		ck_assert_msg(strstr(answer.message, refused[_i].code) != NULL, "%s",
			      answer.message);
	}
}
END_TEST

/* "" where it is allowed. */
static const struct {
	const char *pod, *options, *code;
} attached[] = {
	{ SANDBOXED, "{}", "" },
	{ SANDBOXED, "{\"container\":\"app\",\"tty\":true}", "" },
	{ SANDBOXED, "{\"container\":\"first\"}", "" },
	{ SANDBOXED, "{\"container\":\"openshell-supervisor-install\"}", "OSW053" },
	{ SANDBOXED, "{\"container\":\"debug\"}", "OSW053" },
	{ PROXY, "{}", "OSW053" },
	{ SANDBOXED, "{\"container\":[]}", "OSW012" },
	{ SANDBOXED, NULL, "OSW012" },
	{ NULL, "{}", "OSW055" },
	{ PLAIN, "{\"container\":\"openshell-any\"}", "" },
};

START_TEST(attach_reaches_the_containers_of_the_user_alone)
{
	AUTO(json_drop) json_t *pod = attached[_i].pod != NULL ? parse(attached[_i].pod) : NULL;
	AUTO(json_drop)
	json_t *options = attached[_i].options != NULL ? parse(attached[_i].options) : NULL;
	AUTO(review_answer_done) struct review_answer answer = { 0 };

	ask(validate, "attach", pod, options, &answer);
	ck_assert_msg(answer.allowed == (attached[_i].code[0] == '\0'), "%s", answer.message);
	ck_assert_msg(strstr(answer.message, attached[_i].code) != NULL, "%s", answer.message);
}
END_TEST

START_TEST(a_pod_without_a_sandbox_is_left_alone)
{
	AUTO(json_drop) json_t *pod = parse(PLAIN);
	AUTO(json_drop) json_t *options = parse("{\"command\":[\"\"],\"container\":\"x\"}");
	AUTO(review_answer_done) struct review_answer made = { 0 }, valid = { 0 };

	ask(handler_mutate, "exec", pod, options, &made);
	ask(validate, "exec", pod, options, &valid);
	ck_assert(made.allowed && valid.allowed);
	ck_assert_uint_eq(json_array_size(made.patch), 0);
}
END_TEST

/* As on a path where nobody asks for the pod. */
START_TEST(a_pod_that_was_not_asked_for_is_unknown)
{
	static const char *const subresources[] = { "exec", "attach" };
	const struct handler handler = { .config = &config, .namespaces = &nothing, .log = &quiet };
	AUTO(json_drop) json_t *options = parse("{\"command\":[\"ls\"]}");
	struct err err = { 0 };

	for (size_t i = 0; i < ARRAY_LEN(subresources); i++) {
		AUTO(review_answer_done) struct review_answer answer = { 0 };
		const struct review_ask review = { "",        "pods", subresources[i],
						   "CONNECT", "team", "work",
						   options,   NULL,   NULL };

		ck_assert(review_answer(&handler, validate, &review, &answer, &err) == 0);
		ck_assert_msg(strstr(answer.message, "OSW055") != NULL, "%s", answer.message);
	}
}
END_TEST

Suite *exec_suite(void);
Suite *exec_suite(void)
{
	Suite *suite = suite_create("exec");
	TCase *each = tcase_create("exec");

	tcase_add_loop_test(each, a_command_is_taken_into_the_sandbox, 0,
			    (int)ARRAY_LEN(containers));
	tcase_add_loop_test(each, what_cannot_be_taken_in_is_refused_with_its_reason, 0,
			    (int)ARRAY_LEN(refused));
	tcase_add_loop_test(each, attach_reaches_the_containers_of_the_user_alone, 0,
			    (int)ARRAY_LEN(attached));
	tcase_add_test(each, a_pod_without_a_sandbox_is_left_alone);
	tcase_add_test(each, a_pod_that_was_not_asked_for_is_unknown);
	suite_add_tcase(suite, each);
	return suite;
}
