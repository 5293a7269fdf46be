/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <string.h>
#include <time.h>

#include "lib/cleanup.h"
#include "webhook/cert_objects.h"
#include "webhook/kube_request.h"

#define HOST "webhook.system.svc"

static const struct cert_place place = { "webhook", "system", "webhook-certificate", NULL };

static json_t *parse(const char *text)
{
	json_t *value = NULL;
	struct err err = { 0 };

	ck_assert_msg(json_parse(slice_text(text), &value, &err) == 0, "%s", err.msg);
	return value;
}

static struct rotation_set made(void)
{
	const struct rotation_options options = { HOST, time(NULL), ROTATION_LIFE_S };
	struct rotation_set set = rotation_set_init();
	struct err err;

	ck_assert_int_eq(rotation_take(ROTATION_CREATE, &options, &set, &err), 0);
	ck_assert_int_eq(rotation_take(ROTATION_PREPARE, &options, &set, &err), 0);
	return set;
}

START_TEST(what_is_written_is_read_again)
{
	AUTO(rotation_set_done) struct rotation_set set = made();
	AUTO(rotation_set_done) struct rotation_set back = rotation_set_init();
	AUTO(kube_object_wipe) json_t *secret = cert_objects_secret(&place, &set, "12");
	const json_t *meta = json_member(secret, "metadata");
	struct err err = { 0 };

	ck_assert_str_eq(json_member_text(meta, "name"), "webhook-certificate");
	ck_assert_str_eq(json_member_text(meta, "resourceVersion"), "12");
	ck_assert_ptr_null(json_member(meta, "ownerReferences"));
	ck_assert_int_eq(cert_objects_read(secret, &back, &err), 0);
	ck_assert_str_eq(buf_text(&back.cert), buf_text(&set.cert));
	ck_assert_str_eq(buf_text(&back.key), buf_text(&set.key));
	ck_assert_str_eq(buf_text(&back.bundle), buf_text(&set.bundle));
	ck_assert_str_eq(buf_text(&back.next_cert), buf_text(&set.next_cert));
	ck_assert_str_eq(buf_text(&back.next_key), buf_text(&set.next_key));
	ck_assert(!back.asked);
}
END_TEST

START_TEST(a_new_secret_names_its_owner_and_no_version)
{
	const struct cert_place owned = { "webhook", "system", "webhook-certificate", "u-1" };
	AUTO(rotation_set_done) struct rotation_set set = rotation_set_init();
	AUTO(kube_object_wipe) json_t *secret = cert_objects_secret(&owned, &set, NULL);
	const json_t *meta = json_member(secret, "metadata");
	const json_t *owner = json_array_get(json_member(meta, "ownerReferences"), 0);

	ck_assert_ptr_null(json_member(meta, "resourceVersion"));
	ck_assert_str_eq(json_member_text(owner, "uid"), "u-1");
	ck_assert_uint_eq(json_object_size(json_member(secret, "data")), 0);
}
END_TEST

START_TEST(a_note_on_the_secret_asks_for_a_renewal)
{
	AUTO(rotation_set_done) struct rotation_set set = rotation_set_init();
	AUTO(json_drop)
	json_t *secret = parse("{\"metadata\": {\"annotations\": {\"" KEY_ROTATE "\": \"\"}}}");
	struct err err;

	ck_assert_int_eq(cert_objects_read(secret, &set, &err), 0);
	ck_assert(set.asked);
	ck_assert_uint_eq(set.cert.n, 0);
}
END_TEST

static const char *const bad_secrets[] = {
	"{\"data\": {\"tls.crt\": \"-\"}}",
	"{\"data\": {\"tls.crt\": \"AAAA\", \"ca.crt\": \"AAA\"}}",
	"{\"data\": {\"next.key\": \"A A=\"}}",
};

START_TEST(a_secret_that_is_not_base64_is_refused)
{
	AUTO(rotation_set_done) struct rotation_set set = rotation_set_init();
	AUTO(json_drop) json_t *secret = parse(bad_secrets[_i]);
	struct err err = { 0 };

	ck_assert_int_eq(cert_objects_read(secret, &set, &err), -1);
	ck_assert_msg(strncmp(err.msg, "data.", 5) == 0, "%s", err.msg);
}
END_TEST

/* Of any shape: what is not a webhook that leads to us is none of ours. */
static const struct {
	const char *configuration;
	size_t want;
} ours_cases[] = {
	{ "{}", 0 },
	{ "[]", 0 },
	{ "{\"webhooks\": {}}", 0 },
	{ "{\"webhooks\": [1, null, {}, {\"name\": \"a\"}]}", 0 },
	{ "{\"webhooks\": [{\"name\": \"a\", \"clientConfig\": {\"url\": \"https://x\"}}]}", 0 },
	{ "{\"webhooks\": [{\"name\": \"a\", \"clientConfig\": {\"service\":"
	  " {\"name\": \"webhook\", \"namespace\": \"other\"}}}]}",
	  0 },
	{ "{\"webhooks\": [{\"clientConfig\": {\"service\":"
	  " {\"name\": \"webhook\", \"namespace\": \"system\"}}}]}",
	  0 },
	{ "{\"webhooks\": [{\"name\": \"a\", \"clientConfig\": {\"service\":"
	  " {\"name\": \"webhook\", \"namespace\": \"system\"}}},"
	  " {\"name\": \"b\", \"clientConfig\": {\"service\":"
	  " {\"name\": \"webhook\", \"namespace\": \"system\"}}}]}",
	  2 },
};

START_TEST(webhooks_that_lead_to_our_service_are_ours)
{
	AUTO(json_drop) json_t *configuration = parse(ours_cases[_i].configuration);
	AUTO(json_drop) json_t *ours = cert_objects_ours(configuration, &place);

	ck_assert_uint_eq(json_array_size(ours), ours_cases[_i].want);
}
END_TEST

START_TEST(what_is_applied_is_published_and_trusted)
{
	AUTO(rotation_set_done) struct rotation_set set = made();
	AUTO(json_drop) json_t *bare = parse(ours_cases[ARRAY_LEN(ours_cases) - 1].configuration);
	AUTO(json_drop) json_t *ours = cert_objects_ours(bare, &place);
	struct slice bundle = buf_slice(&set.bundle), cert = buf_slice(&set.cert);

	ck_assert(!cert_objects_publish(ours, bundle));
	ck_assert(!cert_objects_trust(ours, cert, HOST, time(NULL)));
	AUTO(json_drop) json_t *applied = cert_objects_configuration("K", "n", ours, bundle);
	json_t *webhooks = json_member(applied, "webhooks");
	ck_assert_uint_eq(json_array_size(webhooks), 2);
	ck_assert_uint_eq(json_object_size(json_array_get(webhooks, 0)), 2);
	ck_assert(cert_objects_publish(webhooks, bundle));
	ck_assert(cert_objects_trust(webhooks, cert, HOST, time(NULL)));
	/* One that differs is enough. */
	json_object_set_new(json_member(json_array_get(webhooks, 1), "clientConfig"), "caBundle",
			    json_string("AAAA"));
	ck_assert(!cert_objects_publish(webhooks, bundle));
	ck_assert(!cert_objects_trust(webhooks, cert, HOST, time(NULL)));
}
END_TEST

Suite *cert_objects_suite(void);
Suite *cert_objects_suite(void)
{
	Suite *suite = suite_create("cert_objects");
	TCase *each = tcase_create("cert_objects");

	tcase_add_test(each, what_is_written_is_read_again);
	tcase_add_test(each, a_new_secret_names_its_owner_and_no_version);
	tcase_add_test(each, a_note_on_the_secret_asks_for_a_renewal);
	tcase_add_loop_test(each, a_secret_that_is_not_base64_is_refused, 0,
			    ARRAY_LEN(bad_secrets));
	tcase_add_loop_test(each, webhooks_that_lead_to_our_service_are_ours, 0,
			    ARRAY_LEN(ours_cases));
	tcase_add_test(each, what_is_applied_is_published_and_trusted);
	suite_add_tcase(suite, each);
	return suite;
}
