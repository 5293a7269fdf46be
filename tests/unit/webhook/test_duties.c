/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <string.h>

#include "lib/cleanup.h"
#include "webhook/duties.h"

#define LONG "a23456789012345678901234567890123456789012345678901234567890123"

static const struct {
	struct duties_text text;
	bool is_certified;
	const char *refusal; /* part of it; NULL: taken */
} cases[] = {
	{ { "a.b", "c", NULL, NULL, NULL }, false, NULL },
	{ { LONG "." LONG, LONG, "397", NULL, NULL }, false, NULL },
	{ { NULL, NULL, NULL, NULL, NULL }, true, NULL },
	{ { "a.b", NULL, NULL, NULL, NULL }, true, NULL },
	{ { NULL, NULL, NULL, NULL, NULL },
	  false,
	  "--service and --webhook-configuration are needed" },
	{ { "a.b", NULL, NULL, NULL, NULL }, false, "--webhook-configuration are needed" },
	{ { "a.b", "c", NULL, NULL, NULL }, true, "do not go with --tls-cert" },
	{ { "a.b", NULL, "90", NULL, NULL }, true, "do not go with --tls-cert" },
	{ { "a", "c", NULL, NULL, NULL }, false, "is not NAME.NAMESPACE" },
	{ { ".b", "c", NULL, NULL, NULL }, false, "is not NAME.NAMESPACE" },
	{ { "a.", "c", NULL, NULL, NULL }, false, "is not NAME.NAMESPACE" },
	{ { "a.b.svc", "c", NULL, NULL, NULL }, false, "is not NAME.NAMESPACE" },
	{ { "a/../x.b", "c", NULL, NULL, NULL }, false, "is not NAME.NAMESPACE" },
	{ { "A.b", "c", NULL, NULL, NULL }, false, "is not NAME.NAMESPACE" },
	{ { "-a.b", "c", NULL, NULL, NULL }, false, "is not NAME.NAMESPACE" },
	{ { LONG "4.b", "c", NULL, NULL, NULL }, false, "is not NAME.NAMESPACE" },
	{ { "a.b", "c?d", NULL, NULL, NULL }, false, "is not a name" },
	{ { "a.b", "", NULL, NULL, NULL }, false, "is not a name" },
	{ { "a.b", "c", "0", NULL, NULL }, false, "is not in 1..398" },
	{ { "a.b", "c", "399", NULL, NULL }, false, "is not in 1..398" },
	{ { "a.b", "c", "9x", NULL, NULL }, false, "is not in 1..398" },
	{ { "a.b", "c", NULL, "0", NULL }, false, NULL },
	{ { "a.b", NULL, NULL, "86400", NULL }, true, NULL },
	{ { "a.b", "c", NULL, "86401", NULL },
	  false,
	  "--audit-seconds '86401' is not in 0..86400" },
	{ { "a.b", "c", NULL, "1s", NULL }, false, "--audit-seconds '1s'" },
	{ { NULL, NULL, NULL, "60", NULL }, true, "need --service" },
	{ { "a.b", NULL, NULL, NULL, "version: 1" }, true, NULL },
	{ { NULL, NULL, NULL, NULL, "version: 1" }, true, "need --service" },
	{ { "a.b", "c", NULL, NULL, "version: 2" }, false, "--default-policy: line 1" },
};

START_TEST(what_is_asked_for_is_taken_or_refused_by_the_table)
{
	struct duties_plan plan;
	struct err err = { 0 };

	int result = duties_parse(&cases[_i].text, cases[_i].is_certified, &plan, &err);
	ck_assert_msg(result == (cases[_i].refusal != NULL ? -1 : 0), "%s", err.msg);
	if (cases[_i].refusal != NULL)
		ck_assert_msg(strstr(err.msg, cases[_i].refusal) != NULL, "%s", err.msg);
}
END_TEST

START_TEST(all_names_follow_from_the_service)
{
	const struct duties_text text = { "webhook.system", "conf", "30", NULL, NULL };
	struct duties_plan plan;
	struct err err;

	ck_assert_int_eq(duties_parse(&text, false, &plan, &err), 0);
	ck_assert_str_eq(plan.service, "webhook");
	ck_assert_str_eq(plan.namespace_name, "system");
	ck_assert_str_eq(plan.secret, "webhook-certificate");
	ck_assert_str_eq(plan.host, "webhook.system.svc");
	ck_assert_int_eq(plan.life_s, 30 * 86400);
	ck_assert_uint_eq(plan.audit_s, 600);
}
END_TEST

Suite *duties_suite(void);
Suite *duties_suite(void)
{
	Suite *suite = suite_create("duties");
	TCase *each = tcase_create("duties");

	tcase_add_loop_test(each, what_is_asked_for_is_taken_or_refused_by_the_table, 0,
			    ARRAY_LEN(cases));
	tcase_add_test(each, all_names_follow_from_the_service);
	suite_add_tcase(suite, each);
	return suite;
}
