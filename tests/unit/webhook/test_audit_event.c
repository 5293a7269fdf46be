/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>

#include "lib/cleanup.h"
#include "webhook/audit_event.h"

enum { MESSAGE_MAX = 4096 };

static const struct audit_verdict open_pod = { AUDIT_UNSANDBOXED, "[OSW020] no command" };

static json_t *owned_by(const char *kind, bool is_controller)
{
	return json_pack("{s:{s:s, s:[{s:s, s:s, s:s, s:s, s:b}]}}", "metadata", "uid", "u-1",
			 "ownerReferences", "apiVersion", "apps/v1", "kind", kind, "name", "web",
			 "uid", "u-2", "controller", is_controller);
}

START_TEST(a_pod_is_told_with_code_detail_and_remedy)
{
	AUTO(buf_done) struct buf message = buf_init(MESSAGE_MAX);
	AUTO(json_drop) json_t *pod = owned_by("ReplicaSet", true);
	const struct audit_found found = { "team", "web-1", pod, &open_pod };
	struct kube_event event;

	audit_event_of_pod(&found, &message, &event);
	ck_assert_str_eq(event.kind, "Pod");
	ck_assert_str_eq(event.name, "web-1");
	ck_assert_str_eq(event.namespace_name, "team");
	ck_assert_str_eq(event.uid, "u-1");
	ck_assert(event.is_warning);
	ck_assert_str_eq(event.message,
			 "[OSW060] unsandboxed: [OSW020] no command: delete the pod, or "
			 "restart what made it, so that it is created anew");
}
END_TEST

START_TEST(an_owner_is_told_the_same_for_each_of_its_pods)
{
	AUTO(buf_done) struct buf first = buf_init(MESSAGE_MAX), second = buf_init(MESSAGE_MAX);
	AUTO(json_drop) json_t *pod = owned_by("ReplicaSet", true);
	const struct audit_verdict otherwise = { AUDIT_UNSANDBOXED, "another detail" };
	const struct audit_found one = { "team", "web-1", pod, &open_pod };
	const struct audit_found two = { "team", "web-2", pod, &otherwise };
	struct kube_event_limit limit = { 0 };
	struct kube_event event;

	ck_assert(audit_event_of_owner(&one, &first, &event));
	ck_assert_str_eq(event.api_version, "apps/v1");
	ck_assert_str_eq(event.kind, "ReplicaSet");
	ck_assert_str_eq(event.name, "web");
	ck_assert_str_eq(event.uid, "u-2");
	ck_assert(kube_event_admit(&limit, &event, 1000));
	ck_assert(audit_event_of_owner(&two, &second, &event));
	ck_assert(!kube_event_admit(&limit, &event, 1001));
}
END_TEST

START_TEST(what_nothing_in_the_namespace_made_has_no_owner_to_tell)
{
	AUTO(buf_done) struct buf message = buf_init(MESSAGE_MAX);
	json_t *pods[] = { owned_by("Node", true), owned_by("ReplicaSet", false), json_object() };

	for (size_t i = 0; i < ARRAY_LEN(pods); i++) {
		const struct audit_found found = { "team", "web-1", pods[i], &open_pod };
		struct kube_event event;

		ck_assert(!audit_event_of_owner(&found, &message, &event));
		json_decref(pods[i]);
	}
}
END_TEST

START_TEST(a_pod_that_only_waits_for_its_restart_is_no_event)
{
	ck_assert(!audit_is_told(AUDIT_NONE));
	ck_assert(!audit_is_told(AUDIT_OUTDATED));
	ck_assert(audit_is_told(AUDIT_UNSANDBOXED));
	ck_assert(audit_is_told(AUDIT_NAMESPACE));
}
END_TEST

Suite *audit_event_suite(void);
Suite *audit_event_suite(void)
{
	Suite *suite = suite_create("audit_event");
	TCase *each = tcase_create("audit_event");

	tcase_add_test(each, a_pod_is_told_with_code_detail_and_remedy);
	tcase_add_test(each, an_owner_is_told_the_same_for_each_of_its_pods);
	tcase_add_test(each, what_nothing_in_the_namespace_made_has_no_owner_to_tell);
	tcase_add_test(each, a_pod_that_only_waits_for_its_restart_is_no_event);
	suite_add_tcase(suite, each);
	return suite;
}
