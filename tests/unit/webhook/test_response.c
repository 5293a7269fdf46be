/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/json.h"
#include "webhook/response.h"

static json_t *response_of(const struct buf *text)
{
	json_t *review = NULL;
	struct err err = { 0 };

	ck_assert_msg(json_parse(buf_slice(text), &review, &err) == 0, "%s", err.msg);
	json_t *response = json_incref(json_member(review, "response"));
	json_decref(review);
	return response;
}

static json_t *allow(const char *topology, const struct findings *findings)
{
	AUTO(buf_done) struct buf out = buf_init(64 << 10);
	const struct response_to to = { "u\"1", topology };
	const struct buf patch = buf_init(0);

	response_allow(&to, findings, &patch, &out);
	return response_of(&out);
}

static json_t *deny(const char *topology, const struct findings *findings)
{
	AUTO(buf_done) struct buf out = buf_init(64 << 10);
	const struct response_to to = { "u\"1", topology };

	response_deny(&to, findings, &out);
	return response_of(&out);
}

START_TEST(the_audit_log_is_told_as_what_a_pod_was_taken)
{
	struct findings findings = { 0 };
	AUTO(json_drop) json_t *response = allow("combined", &findings);
	const json_t *audit = json_member(response, "auditAnnotations");

	ck_assert_str_eq(json_member_text(response, "uid"), "u\"1");
	ck_assert_str_eq(json_member_text(audit, "topology"), "combined");
	ck_assert_uint_eq(json_object_size(audit), 1);
}
END_TEST

START_TEST(of_what_is_no_pod_it_is_told_nothing)
{
	struct findings findings = { 0 };
	AUTO(json_drop) json_t *response = allow("", &findings);

	ck_assert_ptr_null(json_member(response, "auditAnnotations"));
}
END_TEST

START_TEST(it_is_told_the_codes_of_a_refusal_each_once)
{
	struct findings findings = { 0 };

	findings_deny(&findings, DENIAL_HOST_NETWORK, "a");
	findings_deny(&findings, DENIAL_HOST_PID, "a");
	findings_deny(&findings, DENIAL_HOST_NETWORK, "b");
	findings_warn(&findings, "mind");
	for (int i = 0; i < 2; i++) {
		AUTO(json_drop) json_t *response = deny(i == 0 ? "" : "sidecar", &findings);
		const json_t *audit = json_member(response, "auditAnnotations");

		ck_assert_str_eq(json_member_text(audit, "refused"), "OSW014,OSW015");
		ck_assert_uint_eq(json_object_size(audit), i == 0 ? 1 : 2);
		ck_assert_uint_eq(json_array_size(json_member(response, "warnings")), 1);
	}
}
END_TEST

Suite *response_suite(void);
Suite *response_suite(void)
{
	Suite *suite = suite_create("response");
	TCase *each = tcase_create("response");

	tcase_add_test(each, the_audit_log_is_told_as_what_a_pod_was_taken);
	tcase_add_test(each, of_what_is_no_pod_it_is_told_nothing);
	tcase_add_test(each, it_is_told_the_codes_of_a_refusal_each_once);
	suite_add_tcase(suite, each);
	return suite;
}
