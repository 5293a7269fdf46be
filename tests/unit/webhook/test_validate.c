/* SPDX-License-Identifier: Apache-2.0 */
/* Each folder of tests/golden/validate is a case: ask.yaml goes to /validate; refused.txt must come out, or
 * nothing where it is allowed, and warnings.txt where there are any. In ask.yaml
 *   operation, resource ("apps/deployments", "pods/ephemeralcontainers"), namespace ("team"), name, user, object,
 *   oldObject
 * are those of the request; `rendered: CASE` stands for the pod that came out of that case of tests/golden/webhook,
 * `kept` for what the API server added to both objects, and `patch` is what becomes of the object then. Of a CONNECT
 * `rendered` is the pod that is there. `pair: CASE` stands for the proxy of that case of tests/golden/pair, as its
 * pod, ReplicaSet or Deployment comes, `found` for what has become of its agent pod since. */
#include <check.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/mem.h"
#include "tests/support/json_patch.h"
#include "tests/support/review_text.h"
#include "tests/unit/golden.h"
#include "tests/unit/golden_pair.h"
#include "tests/unit/golden_pod.h"
#include "tests/unit/webhook_fixture.h"
#include "webhook/validate.h"

#define GOLDEN "tests/golden/validate"
#define RENDERED "tests/golden/webhook"

enum { CASES_MAX = 256, TEXT_MAX = GOLDEN_TEXT_MAX };

static char *cases[CASES_MAX], *rendered[CASES_MAX];
static int n_cases, n_rendered;

static const char *text_or(const json_t *ask, const char *key, const char *otherwise)
{
	const char *text = json_member_text(ask, key);

	return text != NULL ? text : otherwise;
}

/* A case, and the texts that its ask borrows. */
struct asked {
	json_t *file;
	char *resource;
	struct review_ask ask;
	struct pod_found found;
};

static void asked_done(struct asked *asked)
{
	json_decref(asked->file);
	json_decref(asked->ask.object);
	json_decref(asked->ask.old_object);
	pod_found_done(&asked->found);
	free(asked->resource);
}

/* "apps/deployments", "pods", "pods/exec", "networking.k8s.io/networkpolicies" */
static void split_resource(struct asked *asked)
{
	char *slash = strchr(asked->resource, '/');

	asked->ask.group = asked->ask.subresource = "";
	asked->ask.resource = asked->resource;
	if (slash == NULL)
		return;
	*slash = '\0';
	if (strcmp(asked->resource, "pods") == 0) {
		asked->ask.subresource = slash + 1;
	} else {
		asked->ask.group = asked->resource;
		asked->ask.resource = slash + 1;
	}
}

static void take_rendered(const json_t *file, struct asked *asked)
{
	const char *name = json_member_text(file, "rendered");
	struct review_ask *ask = &asked->ask;

	if (name == NULL)
		return;
	AUTO_FREE char *path = mem_printf(RENDERED "/%s/pod.json", name);
	if (strcmp(ask->operation, "CONNECT") == 0) {
		asked->found.pod = golden_object(path);
		return;
	}
	ask->object = golden_object(path);
	if (strcmp(ask->operation, "UPDATE") == 0)
		ask->old_object = json_deep_copy(ask->object);
}

static void take_pair(const json_t *file, struct asked *asked)
{
	const char *name = json_member_text(file, "pair");

	if (name == NULL)
		return;
	asked->found.pod = golden_pair_agent(name);
	asked->ask.object = golden_pair_proxy(name, asked->ask.resource);
}

static void apply(const char *name, json_t *object, const json_t *patch)
{
	struct err err = { 0 };

	if (object != NULL && json_is_array(patch))
		ck_assert_msg(json_patch_apply(object, patch, &err) == 0, "%s: %s", name, err.msg);
}

static void read_case(const char *name, struct asked *asked)
{
	AUTO_FREE char *path = mem_printf(GOLDEN "/%s/ask.yaml", name);
	json_t *file = asked->file = golden_object(path);
	asked->found.err = (struct err){ .msg = "the API server is away" };
	struct review_ask *ask = &asked->ask;

	asked->resource = mem_strdup(text_or(file, "resource", "pods"));
	split_resource(asked);
	ask->operation = text_or(file, "operation", "CREATE");
	ask->namespace_name = text_or(file, "namespace", "team");
	ask->name = text_or(file, "name", "");
	ask->user = json_member_text(file, "user");
	take_rendered(file, asked);
	take_pair(file, asked);
	if (json_member(file, "object") != NULL)
		ask->object = json_deep_copy(json_member(file, "object"));
	if (json_member(file, "oldObject") != NULL)
		ask->old_object = json_deep_copy(json_member(file, "oldObject"));
	if (ask->object == NULL)
		ask->object = json_deep_copy(ask->old_object);
	apply(name, ask->object, json_member(file, "kept"));
	apply(name, ask->old_object, json_member(file, "kept"));
	apply(name, ask->object, json_member(file, "patch"));
	apply(name, asked->found.pod, json_member(file, "found"));
	if (json_is_false(json_object_get(file, "found")))
		json_drop(&asked->found.pod);
}

static void expect_file(const char *name, const char *file, const char *have)
{
	AUTO_FREE char *path = mem_printf(GOLDEN "/%s/%s", name, file);

	golden_expect(path, have);
}

START_TEST(every_case_gives_what_its_folder_says)
{
	const char *name = cases[_i];
	AUTO(asked_done) struct asked asked = { 0 };
	const struct handler handler = { .config = &fixture_config,
					 .namespaces = &fixture_namespaces,
					 .log = &fixture_log,
					 .found = &asked.found };
	AUTO(review_answer_done) struct review_answer answer = { 0 };
	AUTO(buf_done) struct buf refused = buf_init(TEXT_MAX), warned = buf_init(TEXT_MAX);
	struct err err = { 0 };

	read_case(name, &asked);
	ck_assert_msg(review_answer(&handler, validate, &asked.ask, &answer, &err) == 0, "%s: %s",
		      name, err.msg);
	ck_assert_uint_eq(json_array_size(answer.patch), 0);
	review_answer_put_message(&answer, &refused);
	review_answer_put_warnings(&answer, &warned);
	expect_file(name, "refused.txt", answer.allowed ? NULL : buf_text(&refused));
	expect_file(name, "warnings.txt", answer.warnings != NULL ? buf_text(&warned) : NULL);
	ck_assert_msg(answer.allowed != (strncmp(name, "refused-", 8) == 0), "%s", name);
}
END_TEST

START_TEST(what_mutate_makes_of_a_pod_is_taken)
{
	const struct handler handler = { .config = &fixture_config,
					 .namespaces = &fixture_namespaces,
					 .log = &fixture_log };
	AUTO_FREE char *path = mem_printf(RENDERED "/%s/pod.json", rendered[_i]);
	struct err err = { 0 };

	if (access(path, F_OK) == -1)
		return;
	AUTO(json_drop) json_t *pod = golden_object(path);
	AUTO(review_answer_done) struct review_answer answer = { 0 };
	const struct review_ask ask = review_of_pod(pod);
	ck_assert_msg(review_answer(&handler, validate, &ask, &answer, &err) == 0, "%s", err.msg);
	ck_assert_msg(answer.allowed, "%s: %s", path, answer.message);
	ck_assert_ptr_null(answer.warnings);
}
END_TEST

static const struct {
	const char *group, *resource, *operation, *subresource;
	bool allowed;
} others[] = {
	{ "", "pods", "DELETE", "", true },
	{ "", "pods", "UPDATE", "status", true },
	{ "", "pods", "CREATE", "binding", true },
	{ "", "pods", "CREATE", "eviction", true },
	{ "", "pods", "CONNECT", "exec", false },
	{ "", "pods", "CONNECT", "attach", false },
	{ "", "pods", "CONNECT", "portforward", true },
	{ "", "pods", "CONNECT", "proxy", true },
	{ "", "pods", "UPDATE", "resize", true },
	{ "", "pods", "CREATE", "", false },
	{ "", "pods", "UPDATE", "ephemeralcontainers", false },
	{ "", "pods", "CREATE", "something-new", false },
	{ "apps", "deployments", "CREATE", "", false },
	{ "apps", "deployments", "UPDATE", "", false },
	{ "apps", "deployments", "DELETE", "", true },
	{ "apps", "deployments", "UPDATE", "scale", true },
	{ "apps", "deployments", "UPDATE", "status", true },
	{ "argoproj.io", "rollouts", "CREATE", "", true },
	{ "", "services", "CREATE", "", true },
	{ "networking.k8s.io", "networkpolicies", "CREATE", "", false },
	{ "networking.k8s.io", "networkpolicies", "DELETE", "", true },
	{ "networking.k8s.io", "networkpolicies", "UPDATE", "status", true },
	{ "metrics.k8s.io", "pods", "CREATE", "", true },
};

/* None of them has an object. */
START_TEST(what_cannot_be_judged_is_refused_where_it_could_start_something)
{
	const struct handler handler = { .config = &fixture_config,
					 .namespaces = &fixture_namespaces,
					 .log = &fixture_log };
	AUTO(review_answer_done) struct review_answer answer = { 0 };
	const struct review_ask ask = {
		.group = others[_i].group,
		.resource = others[_i].resource,
		.subresource = others[_i].subresource,
		.operation = others[_i].operation,
		.namespace_name = "team",
		.name = "",
	};
	struct err err = { 0 };

	ck_assert_msg(review_answer(&handler, validate, &ask, &answer, &err) == 0, "%s", err.msg);
	ck_assert_msg(answer.allowed == others[_i].allowed, "%s", answer.message);
}
END_TEST

START_TEST(a_body_that_is_no_review_gets_no_answer)
{
	const struct handler handler = { .config = &fixture_config,
					 .namespaces = &fixture_namespaces,
					 .log = &fixture_log };
	AUTO(buf_done) struct buf out = buf_init(TEXT_MAX);
	struct outcome outcome;
	struct err err = { 0 };

	ck_assert_int_eq(validate(&handler, slice_text("{}"), &out, &outcome, &err), -1);
	ck_assert_uint_eq(out.n, 0);
	ck_assert_int_eq(outcome.endpoint, ENDPOINT_VALIDATE);
}
END_TEST

START_TEST(there_are_cases)
{
	ck_assert_int_gt(n_cases, 20);
	ck_assert_int_gt(n_rendered, 50);
}
END_TEST

Suite *validate_suite(void);
Suite *validate_suite(void)
{
	Suite *suite = suite_create("validate");
	TCase *each = tcase_create("validate");

	n_cases = (int)golden_cases(GOLDEN, cases, CASES_MAX);
	n_rendered = (int)golden_cases(RENDERED, rendered, CASES_MAX);
	tcase_add_checked_fixture(each, fixture_load_namespaces, fixture_free_namespaces);
	tcase_add_test(each, there_are_cases);
	tcase_add_loop_test(each, every_case_gives_what_its_folder_says, 0, n_cases);
	tcase_add_loop_test(each, what_mutate_makes_of_a_pod_is_taken, 0, n_rendered);
	tcase_add_loop_test(each, what_cannot_be_judged_is_refused_where_it_could_start_something,
			    0, (int)ARRAY_LEN(others));
	tcase_add_test(each, a_body_that_is_no_review_gets_no_answer);
	suite_add_tcase(suite, each);
	return suite;
}
