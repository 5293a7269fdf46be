/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>

#include "lib/cleanup.h"
#include "tests/support/review_text.h"

static const char namespaces_text[] =
	"{\"kind\":\"Namespace\",\"metadata\":{\"name\":\"team\",\"labels\":{"
	"\"openshell.io/injection\":\"enabled\"}}}";

static const struct webhook_config config = { .agent_image = "registry.example/agent:1",
					      .default_topology = TOPOLOGY_COMBINED,
					      .kubernetes = { 1, 34 } };
static const struct log quiet = { .level = LOG_LEVEL_ERROR };

/* A review of `resource`, with `more` members behind it. */
static void run(const char *group, const char *resource, const char *operation,
		const char *subresource, const char *more, struct review_answer *out)
{
	AUTO(namespaces_done) struct namespaces namespaces = { 0 };
	AUTO(buf_done) struct buf body = buf_init(4096), answer = buf_init(4096);
	struct outcome outcome;
	struct err err = { 0 };

	ck_assert(namespaces_parse(slice_text(namespaces_text), &namespaces, &err) == 0);
	const struct handler handler = { .config = &config,
					 .namespaces = &namespaces,
					 .log = &quiet };
	buf_printf(
		&body,
		"{\"apiVersion\":\"admission.k8s.io/v1\",\"kind\":\"AdmissionReview\",\"request\":{"
		"\"uid\":\"u\",\"resource\":{\"group\":\"%s\",\"version\":\"v1\",\"resource\":\"%"
		"s\"},"
		"\"operation\":\"%s\",\"subResource\":\"%s\",\"namespace\":\"team\"%s}}",
		group, resource, operation, subresource, more);
	ck_assert_msg(handler_mutate(&handler, buf_slice(&body), &answer, &outcome, &err) == 0,
		      "%s", err.msg);
	ck_assert_msg(review_answer_parse(buf_slice(&answer), out, &err) == 0, "%s", err.msg);
}

#define POD ",\"object\":{\"spec\":{\"containers\":[{\"name\":\"a\",\"command\":[\"/a\"]}]}}"

static const struct {
	const char *group, *resource, *operation, *subresource, *more;
	bool allowed, patched;
} cases[] = {
	{ "", "pods", "CREATE", "", POD, true, true },
	{ "", "pods", "CREATE", "", "", false, false },
	{ "", "pods", "CREATE", "", ",\"object\":{}", false, false },
	{ "", "pods", "UPDATE", "", POD, true, false },
	{ "", "pods", "DELETE", "", ",\"object\":null", true, false },
	{ "", "pods", "UPDATE", "status", POD, true, false },
	{ "", "pods", "CREATE", "binding", "", true, false },
	{ "", "pods", "CREATE", "eviction", "", true, false },
	{ "", "pods", "CONNECT", "attach", "", true, false },
	{ "", "pods", "UPDATE", "ephemeralcontainers", POD, true, false },
	{ "apps", "deployments", "CREATE", "", ",\"object\":{}", true, false },
	{ "", "configmaps", "CREATE", "", "", true, false },
	{ "metrics.k8s.io", "pods", "CREATE", "", "", true, false },
};

START_TEST(what_is_no_new_pod_is_left_alone)
{
	AUTO(review_answer_done) struct review_answer answer = { 0 };

	run(cases[_i].group, cases[_i].resource, cases[_i].operation, cases[_i].subresource,
	    cases[_i].more, &answer);
	ck_assert_msg(answer.allowed == cases[_i].allowed, "%s", answer.message);
	ck_assert_int_eq(json_array_size(answer.patch) > 0, cases[_i].patched);
}
END_TEST

#define MIRROR                                                                                 \
	",\"object\":{\"metadata\":{\"annotations\":{\"kubernetes.io/config.mirror\":\"x\"}}," \
	"\"spec\":{\"hostNetwork\":true,\"containers\":[{\"name\":\"a\"}]}}"

START_TEST(a_mirror_pod_is_left_alone_only_where_a_node_reports_it)
{
	AUTO(review_answer_done) struct review_answer by_node = { 0 }, by_user = { 0 };

	run("", "pods", "CREATE", "", ",\"userInfo\":{\"username\":\"system:node:n1\"}" MIRROR,
	    &by_node);
	ck_assert(by_node.allowed);
	ck_assert_uint_eq(json_array_size(by_node.patch), 0);
	ck_assert_uint_eq(json_array_size(by_node.warnings), 1);
	run("", "pods", "CREATE", "", ",\"userInfo\":{\"username\":\"jo\"}" MIRROR, &by_user);
	ck_assert(!by_user.allowed);
}
END_TEST

/* Every '$' of the annotation is doubled, so the patch can be larger than what came. */
START_TEST(a_patch_that_is_too_large_refuses_the_pod)
{
	AUTO(namespaces_done) struct namespaces namespaces = { 0 };
	AUTO(review_answer_done) struct review_answer answer = { 0 };
	AUTO(buf_done) struct buf command = buf_init(HANDLER_PATCH_MAX);
	struct err err = { 0 };

	ck_assert(namespaces_parse(slice_text(namespaces_text), &namespaces, &err) == 0);
	const struct handler handler = { .config = &config,
					 .namespaces = &namespaces,
					 .log = &quiet };
	buf_puts(&command, "[\"/a");
	for (size_t i = 0; i < HANDLER_PATCH_MAX / 2; i++)
		buf_put(&command, "$", 1);
	buf_puts(&command, "\"]");
	AUTO(json_drop)
	json_t *pod = json_pack("{s:{s:s, s:{s:s}}, s:{s:[{s:s}]}}", "metadata", "namespace",
				"team", "annotations", "openshell.io/command", buf_text(&command),
				"spec", "containers", "name", "a");
	ck_assert_msg(review_pod(&handler, pod, &answer, &err) == 0, "%s", err.msg);
	ck_assert(!answer.allowed);
	ck_assert_msg(strstr(answer.message, "OSW040") != NULL, "%s", answer.message);
}
END_TEST

/* 512 problems: the message must stay one that a person can read. */
START_TEST(a_pod_with_very_many_problems_gets_a_bounded_answer)
{
	AUTO(namespaces_done) struct namespaces namespaces = { 0 };
	AUTO(review_answer_done) struct review_answer answer = { 0 };
	AUTO(json_drop)
	json_t *pod =
		json_pack("{s:{s:s}, s:{s:[{s:s, s:[s]}], s:[]}}", "metadata", "namespace", "team",
			  "spec", "containers", "name", "a", "command", "/a", "volumes");
	json_t *volumes = json_member(json_member(pod, "spec"), "volumes");
	struct err err = { 0 };

	for (int i = 0; i < 512; i++)
		json_array_append_new(volumes,
				      json_pack("{s:o, s:{s:s}}", "name", json_sprintf("v%d", i),
						"hostPath", "path", "/"));
	ck_assert(namespaces_parse(slice_text(namespaces_text), &namespaces, &err) == 0);
	const struct handler handler = { .config = &config,
					 .namespaces = &namespaces,
					 .log = &quiet };
	ck_assert_msg(review_pod(&handler, pod, &answer, &err) == 0, "%s", err.msg);
	ck_assert(!answer.allowed);
	ck_assert_msg(strstr(answer.message, "; and 496 more") != NULL, "%s", answer.message);
}
END_TEST

Suite *handler_suite(void);
Suite *handler_suite(void)
{
	Suite *suite = suite_create("handler");
	TCase *each = tcase_create("handler");

	tcase_add_loop_test(each, what_is_no_new_pod_is_left_alone, 0, (int)ARRAY_LEN(cases));
	tcase_add_test(each, a_mirror_pod_is_left_alone_only_where_a_node_reports_it);
	tcase_add_test(each, a_patch_that_is_too_large_refuses_the_pod);
	tcase_add_test(each, a_pod_with_very_many_problems_gets_a_bounded_answer);
	suite_add_tcase(suite, each);
	return suite;
}
