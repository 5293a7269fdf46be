/* SPDX-License-Identifier: Apache-2.0 */
/* Each folder of tests/golden/inject is a case: in.yaml goes in; out.yaml, and what was said of its objects
 * (said.txt), must come out. */
#include <check.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/mem.h"
#include "tests/unit/golden.h"
#include "webhook/inject.h"
#include "webhook/manifest.h"

#define GOLDEN "tests/golden/inject"
#define NAMESPACES "tests/golden/webhook/namespaces.yaml"

enum { CASES_MAX = 64 };

static char *cases[CASES_MAX];
static int n_cases;

static const struct webhook_config config = { .agent_image =
						      "registry.example/openshell/agent:1.0.0",
					      .default_topology = TOPOLOGY_COMBINED,
					      .kubernetes = { 1, 34 } };
static const struct log quiet = { .level = LOG_LEVEL_ERROR };

/* KIND NAME: WHAT, a line each. */
static void say(void *ctx, const json_t *object, bool is_known, const struct outcome *outcome)
{
	static const char *const results[] = { "refused", "untouched", "rewritten" };
	const char *name = json_member_text(json_member(object, "metadata"), "name");
	struct buf *said = ctx;

	buf_printf(said, "%s %s: %s%s", json_member_text(object, "kind"), name != NULL ? name : "-",
		   results[outcome->result], is_known ? "" : ", not known");
	if (findings_denied(&outcome->findings)) {
		buf_puts(said, ": ");
		findings_message(&outcome->findings, said);
	}
	buf_puts(said, "\n");
}

static void inject(struct manifest *manifest, struct buf *said)
{
	AUTO(namespaces_done) struct namespaces namespaces = { 0 };
	const struct handler handler = { .config = &config,
					 .namespaces = &namespaces,
					 .log = &quiet };
	const struct inject with = {
		.handler = &handler, .namespace_name = "team", .report = say, .ctx = said
	};
	struct err err = { 0 };

	ck_assert_msg(namespaces_load(NAMESPACES, &namespaces, &err) == 0, "%s", err.msg);
	for (size_t i = 0; i < json_array_size(manifest->documents); i++)
		ck_assert_msg(inject_object(&with, json_array_get(manifest->documents, i), &err) ==
				      0,
			      "%s", err.msg);
}

static void write_out(const struct manifest *manifest, struct buf *out)
{
	struct err err = { 0 };

	ck_assert_msg(manifest_write(manifest, out, &err) == 0, "%s", err.msg);
}

START_TEST(every_case_gives_what_its_folder_says)
{
	AUTO_FREE char *in = mem_printf(GOLDEN "/%s/in.yaml", cases[_i]);
	AUTO_FREE char *out = mem_printf(GOLDEN "/%s/out.yaml", cases[_i]);
	AUTO_FREE char *told = mem_printf(GOLDEN "/%s/said.txt", cases[_i]);
	AUTO(buf_done) struct buf text = buf_init(GOLDEN_TEXT_MAX);
	AUTO(buf_done) struct buf said = buf_init(GOLDEN_TEXT_MAX);
	AUTO(buf_done) struct buf once = buf_init(GOLDEN_TEXT_MAX);
	AUTO(buf_done) struct buf twice = buf_init(GOLDEN_TEXT_MAX);
	AUTO(buf_done) struct buf ignored = buf_init(GOLDEN_TEXT_MAX);
	AUTO(manifest_done) struct manifest manifest = { 0 };
	AUTO(manifest_done) struct manifest again = { 0 };
	struct err err = { 0 };

	golden_read(in, &text);
	ck_assert_msg(manifest_read(buf_slice(&text), &manifest, &err) == 0, "%s", err.msg);
	inject(&manifest, &said);
	write_out(&manifest, &once);
	golden_expect(out, buf_text(&once));
	golden_expect(told, buf_text(&said));

	ck_assert_msg(manifest_read(buf_slice(&once), &again, &err) == 0, "%s", err.msg);
	inject(&again, &ignored);
	write_out(&again, &twice);
	ck_assert_str_eq(buf_text(&twice), buf_text(&once));
}
END_TEST

START_TEST(there_are_cases)
{
	ck_assert_int_gt(n_cases, 3);
}
END_TEST

Suite *inject_suite(void);
Suite *inject_suite(void)
{
	Suite *suite = suite_create("inject");
	TCase *each = tcase_create("inject");

	n_cases = (int)golden_cases(GOLDEN, cases, CASES_MAX);
	tcase_add_test(each, there_are_cases);
	tcase_add_loop_test(each, every_case_gives_what_its_folder_says, 0, n_cases);
	suite_add_tcase(suite, each);
	return suite;
}
