/* SPDX-License-Identifier: Apache-2.0 */
/* What serve and inject are told; most of it is tested with them (tests/e2e/test_webhook.py, test_inject.py). */
#include "webhook/config.h"

#include <check.h>
#include <string.h>

#include "lib/cleanup.h"

static const struct {
	const char *user;
	bool valid;
} users[] = {
	{ "system:serviceaccount:openshell-system:openshell-webhook", true },
	{ "system:serviceaccount:a:b.c", true },
	{ "", false },
	{ "admin", false },
	{ "system:serviceaccount:", false },
	{ "system:serviceaccount:openshell-system", false },
	{ "system:serviceaccount::openshell-webhook", false },
	{ "system:serviceaccount:openshell-system:", false },
	{ "system:serviceaccount:openshell-system:Webhook", false },
	{ "system:serviceaccount:openshell-system:a:b", false },
	{ "xsystem:serviceaccount:openshell-system:a", false },
};

START_TEST(our_account_is_named_as_reviews_name_it)
{
	const struct config_text text = { .agent_image = "x", .own_user = users[_i].user };
	struct webhook_config config = { 0 };
	struct err err = { 0 };

	ck_assert_int_eq(config_parse(&text, &config, &err), users[_i].valid ? 0 : -1);
	if (users[_i].valid)
		ck_assert_str_eq(config.own_user, users[_i].user);
	else
		ck_assert_ptr_nonnull(strstr(err.msg, "--service-account-user"));
}
END_TEST

#define PLACE "10.96.0.1:443"
#define LONG "[1111:1111:1111:1111:1111:1111:111.111.111.111]:65535"

static const struct {
	const char *places;
	bool valid;
} places[] = {
	{ PLACE, true },
	{ "[10.96.0.1]:443", true },
	{ "[fd00::1]:6443,169.254.169.254:80", true },
	{ LONG "," LONG, true },
	{ PLACE "," PLACE "," PLACE "," PLACE "," PLACE "," PLACE "," PLACE "," PLACE "," PLACE,
	  true },
	{ PLACE "," PLACE "," PLACE "," PLACE "," PLACE "," PLACE "," PLACE "," PLACE "," PLACE
		"," PLACE,
	  false },
	{ "", false },
	{ ",", false },
	{ PLACE ",", false },
	{ "," PLACE, false },
	{ PLACE " " PLACE, false },
	{ PLACE ", " PLACE, false },
	{ PLACE ",metadata:80", false },
	{ PLACE ",169.254.169.254", false },
	{ PLACE ",169.254.169.254:0", false },
	{ PLACE ",169.254.169.254:65536", false },
	{ PLACE ",fd00::1:80", false },
	{ "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]:1", false },
};

START_TEST(places_that_no_agent_pod_may_reach_are_addresses_with_ports)
{
	const struct config_text text = { .agent_image = "x", .proxy_pod_api = places[_i].places };
	struct webhook_config config = { 0 };
	struct err err = { 0 };

	ck_assert_int_eq(config_parse(&text, &config, &err), places[_i].valid ? 0 : -1);
	if (places[_i].valid)
		ck_assert_str_eq(config.proxy_pod_api, places[_i].places);
	else
		ck_assert_ptr_nonnull(strstr(err.msg, "--proxy-pod-api"));
}
END_TEST

static const struct {
	const char *image;
	bool valid;
} kept[] = {
	{ "old.example/openshell/agent:1", true },
	{ "old.example/openshell/agent:", false },
	{ "", false },
};

START_TEST(images_that_are_kept_are_images)
{
	const struct config_text text = {
		.agent_image = "x",
		.agent_images_kept = { .items = { "agent:1", kept[_i].image }, .n = 2 },
	};
	struct webhook_config config = { 0 };
	struct err err = { 0 };

	ck_assert_int_eq(config_parse(&text, &config, &err), kept[_i].valid ? 0 : -1);
	if (kept[_i].valid)
		ck_assert_str_eq(config.agent_images_kept.items[1], kept[_i].image);
	else
		ck_assert_ptr_nonnull(strstr(err.msg, "--agent-image-kept"));
}
END_TEST

Suite *config_suite(void);
Suite *config_suite(void)
{
	Suite *suite = suite_create("config");
	TCase *each = tcase_create("config");

	tcase_add_loop_test(each, our_account_is_named_as_reviews_name_it, 0,
			    (int)ARRAY_LEN(users));
	tcase_add_loop_test(each, places_that_no_agent_pod_may_reach_are_addresses_with_ports, 0,
			    (int)ARRAY_LEN(places));
	tcase_add_loop_test(each, images_that_are_kept_are_images, 0, (int)ARRAY_LEN(kept));
	suite_add_tcase(suite, each);
	return suite;
}
