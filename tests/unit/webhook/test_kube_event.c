/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "webhook/kube_event.h"

static struct kube_event event(const char *name, const char *message)
{
	return (struct kube_event){ .api_version = "v1",
				    .kind = "Secret",
				    .name = name,
				    .namespace_name = "system",
				    .uid = "u-1",
				    .is_warning = true,
				    .reason = "Failed",
				    .message = message };
}

START_TEST(the_same_is_not_said_twice_in_a_while)
{
	struct kube_event_limit limit = { 0 };
	struct kube_event first = event("a", "x"), other = event("b", "x"), more = event("a", "y");

	ck_assert(kube_event_admit(&limit, &first, 1000));
	ck_assert(!kube_event_admit(&limit, &first, 1001));
	ck_assert(kube_event_admit(&limit, &other, 1002));
	ck_assert(kube_event_admit(&limit, &more, 1003));
	ck_assert(!kube_event_admit(&limit, &first, 999 + KUBE_EVENT_AGAIN_MS));
	ck_assert(kube_event_admit(&limit, &first, 1000 + KUBE_EVENT_AGAIN_MS));
}
END_TEST

START_TEST(however_much_there_is_to_tell_no_more_than_so_many_are_sent)
{
	struct kube_event_limit limit = { 0 };
	const int64_t ms = 1000000;
	int sent = 0;

	for (int i = 0; i < ms / 100; i++) {
		char text[32];
		snprintf(text, sizeof(text), "%d", i);
		struct kube_event one = event("a", text);

		sent += kube_event_admit(&limit, &one, 1 + i * 100);
		if (i == 99)
			ck_assert_int_eq(sent, KUBE_EVENT_BURST);
	}
	ck_assert_int_ge(sent, ms / KUBE_EVENT_EVERY_MS);
	ck_assert_int_le(sent, KUBE_EVENT_BURST + ms / KUBE_EVENT_EVERY_MS);
}
END_TEST

START_TEST(what_is_told_in_one_namespace_keeps_nobody_from_being_told_in_another)
{
	static struct kube_event_limits limits;
	char text[32];
	int sent = 0;

	for (int i = 0; i < 100; i++) {
		snprintf(text, sizeof(text), "%d", i);
		struct kube_event one = event("a", text);
		sent += kube_event_admit(kube_event_limit_of(&limits, "crowd", 1), &one, 1);
	}
	ck_assert_int_eq(sent, KUBE_EVENT_BURST);
	struct kube_event one = event("a", "x");
	ck_assert(kube_event_admit(kube_event_limit_of(&limits, "shop", 1), &one, 1));
	ck_assert(!kube_event_admit(kube_event_limit_of(&limits, "shop", 2), &one, 2));
}
END_TEST

START_TEST(no_namespace_gets_a_new_budget_by_having_others_told_of)
{
	static struct kube_event_limits limits;
	struct kube_event one = event("a", "x");
	char name[32];

	for (int i = 0; i < 2 * KUBE_EVENT_NAMESPACES; i++) {
		snprintf(name, sizeof(name), "crowd-%d", i);
		struct kube_event_limit *limit = kube_event_limit_of(&limits, name, 1);
		ck_assert((limit == &limits.others) == (i >= KUBE_EVENT_NAMESPACES));
		kube_event_admit(limit, &one, 1);
	}
	ck_assert(!kube_event_admit(kube_event_limit_of(&limits, "crowd-0", 2), &one, 2));
	/* What has nothing left to remember makes room. */
	const int64_t later_ms = 1 + KUBE_EVENT_AGAIN_MS;
	ck_assert_ptr_ne(kube_event_limit_of(&limits, "shop", later_ms), &limits.others);
	ck_assert(kube_event_admit(kube_event_limit_of(&limits, "shop", later_ms), &one, later_ms));
}
END_TEST

START_TEST(it_has_what_an_api_server_asks_for)
{
	struct kube_event one = event("a", "it failed");
	AUTO(json_drop) json_t *object = kube_event_object(&one, 1769860800123, 0xabc);
	const json_t *about = json_member(object, "involvedObject");

	ck_assert_str_eq(json_member_text(json_member(object, "metadata"), "name"),
			 "a.0000000000000abc");
	ck_assert_str_eq(json_member_text(json_member(object, "metadata"), "namespace"), "system");
	ck_assert_str_eq(json_member_text(about, "uid"), "u-1");
	ck_assert_str_eq(json_member_text(object, "type"), "Warning");
	ck_assert_str_eq(json_member_text(object, "firstTimestamp"), "2026-01-31T12:00:00Z");
}
END_TEST

START_TEST(of_what_is_in_no_namespace_it_is_told_in_the_default_one)
{
	struct kube_event one = event("a", "x");

	one.namespace_name = one.uid = NULL;
	AUTO(json_drop) json_t *object = kube_event_object(&one, 0, 1);
	ck_assert_str_eq(kube_event_namespace(&one), "default");
	ck_assert_ptr_null(json_member(json_member(object, "involvedObject"), "namespace"));
	ck_assert_ptr_null(json_member(json_member(object, "involvedObject"), "uid"));
}
END_TEST

START_TEST(a_long_message_is_cut_between_characters)
{
	char text[KUBE_EVENT_MESSAGE_MAX + 10];

	for (size_t shift = 0; shift < 3; shift++) {
		memset(text, 'x', sizeof(text));
		text[sizeof(text) - 1] = '\0';
		for (size_t i = shift; i + 2 < sizeof(text) - 1; i += 3)
			memcpy(text + i, "\xe2\x82\xac", 3);
		struct kube_event one = event("a", text);
		AUTO(json_drop) json_t *object = kube_event_object(&one, 0, 1);
		size_t n = strlen(json_member_text(object, "message"));

		ck_assert_uint_le(n, KUBE_EVENT_MESSAGE_MAX);
		ck_assert_uint_ge(n, KUBE_EVENT_MESSAGE_MAX - 2);
	}
}
END_TEST

START_TEST(a_message_that_is_no_text_is_told_as_such)
{
	struct kube_event one = event("a", "\xff\xfe");
	AUTO(json_drop) json_t *object = kube_event_object(&one, 0, 1);

	ck_assert_str_eq(json_member_text(object, "message"), "(not UTF-8)");
}
END_TEST

Suite *kube_event_suite(void);
Suite *kube_event_suite(void)
{
	Suite *suite = suite_create("kube_event");
	TCase *each = tcase_create("kube_event");

	tcase_add_test(each, the_same_is_not_said_twice_in_a_while);
	tcase_add_test(each, however_much_there_is_to_tell_no_more_than_so_many_are_sent);
	tcase_add_test(each, what_is_told_in_one_namespace_keeps_nobody_from_being_told_in_another);
	tcase_add_test(each, no_namespace_gets_a_new_budget_by_having_others_told_of);
	tcase_add_test(each, it_has_what_an_api_server_asks_for);
	tcase_add_test(each, of_what_is_in_no_namespace_it_is_told_in_the_default_one);
	tcase_add_test(each, a_long_message_is_cut_between_characters);
	tcase_add_test(each, a_message_that_is_no_text_is_told_as_such);
	suite_add_tcase(suite, each);
	return suite;
}
