/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/json.h"
#include "lib/mem.h"
#include "webhook/pair_size.h"

static const struct {
	struct pair_size size;
	const char *reason; /* NULL: taken */
} checks[] = {
	{ { NULL, NULL, NULL, NULL }, NULL },
	{ { "1", "64Mi", "1", "64Mi" }, NULL },
	{ { "250m", "1Gi", "1500m", "1025Mi" }, NULL },
	{ { "999999m", "999999Mi", "999999", "999999Gi" }, NULL },
	{ { "2", NULL, NULL, NULL }, "--proxy-pod-cpu '2' is more" },
	{ { NULL, "1Gi", NULL, NULL }, "--proxy-pod-memory '1Gi' is more" },
	{ { NULL, NULL, "49m", NULL }, "more than --proxy-pod-cpu-limit '49m'" },
	{ { "1000m", NULL, "2", NULL }, "--proxy-pod-cpu and" },
	{ { NULL, NULL, "2000m", NULL }, "--proxy-pod-cpu and" },
	{ { NULL, "1024Mi", NULL, "2Gi" }, "--proxy-pod-memory and" },
	{ { "", NULL, NULL, NULL }, "--proxy-pod-cpu and" },
	{ { "0", NULL, NULL, NULL }, "--proxy-pod-cpu and" },
	{ { "050m", NULL, NULL, NULL }, "--proxy-pod-cpu and" },
	{ { "0.5", NULL, NULL, NULL }, "--proxy-pod-cpu and" },
	{ { "-1", NULL, NULL, NULL }, "--proxy-pod-cpu and" },
	{ { " 1", NULL, NULL, NULL }, "--proxy-pod-cpu and" },
	{ { "50mm", NULL, NULL, NULL }, "--proxy-pod-cpu and" },
	{ { "1000001", NULL, "1000001", NULL }, "--proxy-pod-cpu and" },
	{ { NULL, "64", NULL, NULL }, "--proxy-pod-memory and" },
	{ { NULL, "64M", NULL, NULL }, "--proxy-pod-memory and" },
	{ { NULL, "1Ti", NULL, NULL }, "--proxy-pod-memory and" },
};

START_TEST(only_amounts_as_the_api_server_writes_them_are_taken)
{
	struct err err = { 0 };
	int result = pair_size_check(&checks[_i].size, &err);

	ck_assert_int_eq(result, checks[_i].reason == NULL ? 0 : -1);
	if (checks[_i].reason != NULL)
		ck_assert_msg(strstr(err.msg, checks[_i].reason) != NULL, "%s", err.msg);
}
END_TEST

START_TEST(what_is_not_said_has_its_default)
{
	const struct pair_size size = { .cpu = "100m", .memory_limit = "1Gi" };
	AUTO(json_drop) json_t *made = pair_size_resources(&size);
	AUTO(json_drop)
	json_t *wanted = json_pack("{s:{s:s, s:s}, s:{s:s, s:s}}", "requests", "cpu", "100m",
				   "memory", "64Mi", "limits", "cpu", "1", "memory", "1Gi");

	ck_assert(json_equal(made, wanted));
}
END_TEST

Suite *pair_size_suite(void);
Suite *pair_size_suite(void)
{
	Suite *s = suite_create("pair_size");
	TCase *tc = tcase_create("pair_size");

	tcase_add_loop_test(tc, only_amounts_as_the_api_server_writes_them_are_taken, 0,
			    (int)ARRAY_LEN(checks));
	tcase_add_test(tc, what_is_not_said_has_its_default);
	suite_add_tcase(s, tc);
	return s;
}
