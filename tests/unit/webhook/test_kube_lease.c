/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "lib/cleanup.h"
#include "webhook/kube_lease.h"

static const struct kube_lease_place place = { "webhook", "system" };

/* The stored object, and how often it was written: what an API server does with it. */
struct store {
	json_t *object;
	int version;
};

static struct kube_lease replica(const char *identity)
{
	struct kube_lease lease = { 0 };

	snprintf(lease.identity, sizeof(lease.identity), "%s", identity);
	return lease;
}

static void look(struct kube_lease *lease, const struct store *store, int64_t now_ms)
{
	struct err err = { 0 };

	ck_assert_msg(kube_lease_see(lease, store->object, now_ms, &err) == 0, "%s", err.msg);
}

/* False where the version is not the stored one's, as the API server answers 409. */
static bool put(struct store *store, json_t *object)
{
	const char *version = json_member_text(json_member(object, "metadata"), "resourceVersion");
	const char *stored =
		json_member_text(json_member(store->object, "metadata"), "resourceVersion");
	char fresh[16];

	if ((version == NULL) != (stored == NULL) ||
	    (version != NULL && strcmp(version, stored) != 0)) {
		json_decref(object);
		return false;
	}
	snprintf(fresh, sizeof(fresh), "%d", ++store->version);
	json_object_set_new(json_member(object, "metadata"), "resourceVersion", json_string(fresh));
	json_decref(store->object);
	store->object = object;
	return true;
}

static void act(struct kube_lease *lease, struct store *store, int64_t now_ms)
{
	enum kube_lease_step step = kube_lease_next(lease, now_ms);

	if (step == KUBE_LEASE_LOOK)
		return;
	bool done = put(store, kube_lease_object(lease, step, &place, now_ms * 1000));
	struct kube_answer answer = { .outcome = done ? KUBE_DONE : KUBE_CONFLICT,
				      .object = done ? store->object : NULL };
	kube_lease_wrote(lease, &answer, now_ms);
}

static void look_and_act(struct kube_lease *lease, struct store *store, int64_t now_ms)
{
	look(lease, store, now_ms);
	act(lease, store, now_ms);
}

START_TEST(who_comes_first_leads_and_the_other_waits)
{
	struct store store = { 0 };
	struct kube_lease a = replica("a"), b = replica("b");

	ck_assert_int_eq(kube_lease_next(&a, 1), KUBE_LEASE_LOOK);
	look(&a, &store, 1);
	look(&b, &store, 1);
	ck_assert_int_eq(kube_lease_next(&b, 1), KUBE_LEASE_CREATE);
	act(&a, &store, 2);
	act(&b, &store, 3);
	ck_assert(kube_lease_is_held(&a, 3) && !kube_lease_is_held(&b, 3));
	look_and_act(&b, &store, 4);
	ck_assert_int_eq(kube_lease_next(&b, 4), KUBE_LEASE_LOOK);
	json_decref(store.object);
}
END_TEST

START_TEST(a_leader_that_renews_stays_and_one_that_stops_is_followed)
{
	struct store store = { 0 };
	struct kube_lease a = replica("a"), b = replica("b");
	int64_t now = 1;

	for (; now < 100000; now += 2000) {
		look_and_act(&a, &store, now);
		look_and_act(&b, &store, now + 1);
		ck_assert(kube_lease_is_held(&a, now + 1999));
		ck_assert(!kube_lease_is_held(&b, now + 1999));
	}
	int64_t died = now - 2000;
	for (; !kube_lease_is_held(&b, now); now += 500) {
		ck_assert_int_lt(now, died + 18000);
		look_and_act(&b, &store, now);
		ck_assert(!kube_lease_is_held(&a, now) || !kube_lease_is_held(&b, now));
	}
	ck_assert_int_gt(now, died + KUBE_LEASE_S * 1000);
	ck_assert_int_eq(json_integer_value(json_member(json_member(store.object, "spec"),
							"leaseTransitions")),
			 1);
	/* Who comes back is no leader, and learns so. */
	act(&a, &store, now);
	ck_assert(!kube_lease_is_held(&a, now));
	look_and_act(&a, &store, now);
	ck_assert(!kube_lease_is_held(&a, now) && kube_lease_is_held(&b, now));
	json_decref(store.object);
}
END_TEST

START_TEST(clocks_that_are_years_apart_change_nothing)
{
	struct store store = { 0 };
	struct kube_lease a = replica("a"), b = replica("b");
	const int64_t apart = 10LL * 365 * 86400 * 1000;

	for (int64_t now = 1; now < 60000; now += 2000) {
		look_and_act(&a, &store, now);
		look_and_act(&b, &store, now + apart);
		ck_assert(kube_lease_is_held(&a, now) && !kube_lease_is_held(&b, now + apart));
	}
	json_decref(store.object);
}
END_TEST

START_TEST(a_leader_that_cannot_write_leads_no_more_before_another_may)
{
	const struct kube_answer lost = { .outcome = KUBE_UNREACHED };
	struct store store = { 0 };
	struct kube_lease a = replica("a"), b = replica("b");

	look_and_act(&a, &store, 1000);
	look(&b, &store, 1000);
	for (int64_t now = 3000; now < 12000; now += 2000)
		kube_lease_wrote(&a, &lost, now);
	ck_assert(kube_lease_is_held(&a, 10999));
	ck_assert(!kube_lease_is_held(&a, 11000));
	ck_assert_int_eq(kube_lease_next(&b, 16000), KUBE_LEASE_LOOK);
	ck_assert_int_eq(kube_lease_next(&b, 16001), KUBE_LEASE_CLAIM);
	ck_assert_int_eq(kube_lease_next(&a, 12000), KUBE_LEASE_LOOK);
	json_decref(store.object);
}
END_TEST

START_TEST(of_two_that_claim_at_once_one_leads)
{
	struct store store = { 0 };
	struct kube_lease dead = replica("dead"), a = replica("a"), b = replica("b");

	look_and_act(&dead, &store, 1);
	look(&a, &store, 2);
	look(&b, &store, 2);
	ck_assert_int_eq(kube_lease_next(&a, 20000), KUBE_LEASE_CLAIM);
	ck_assert_int_eq(kube_lease_next(&b, 20000), KUBE_LEASE_CLAIM);
	act(&a, &store, 20000);
	act(&b, &store, 20000);
	ck_assert(kube_lease_is_held(&a, 20000) && !kube_lease_is_held(&b, 20000));
	json_decref(store.object);
}
END_TEST

START_TEST(what_is_given_up_is_taken_at_once)
{
	struct store store = { 0 };
	struct kube_lease a = replica("a"), b = replica("b");

	look_and_act(&a, &store, 1);
	look(&b, &store, 2);
	ck_assert_ptr_null(kube_lease_release(&b, &place, 0));
	ck_assert(put(&store, kube_lease_release(&a, &place, 0)));
	look_and_act(&b, &store, 3);
	ck_assert(kube_lease_is_held(&b, 3));
	json_decref(store.object);
}
END_TEST

START_TEST(a_lease_that_was_deleted_is_made_again)
{
	struct store store = { 0 }, empty = { 0 };
	struct kube_lease a = replica("a");

	look_and_act(&a, &store, 1);
	look(&a, &empty, 5);
	ck_assert_int_eq(kube_lease_next(&a, 5), KUBE_LEASE_CREATE);
	ck_assert(!kube_lease_is_held(&a, 5));
	json_decref(store.object);
}
END_TEST

START_TEST(its_times_are_those_that_kubernetes_reads)
{
	struct kube_lease a = replica("a");
	AUTO(json_drop)
	json_t *object = kube_lease_object(&a, KUBE_LEASE_CREATE, &place, 1769860800000042);

	ck_assert_str_eq(json_member_text(json_member(object, "spec"), "renewTime"),
			 "2026-01-31T12:00:00.000042Z");
}
END_TEST

static const struct {
	const char *text, *want;
} bad_cases[] = {
	{ "[]", "kind is not Lease" },
	{ "{\"kind\": \"Secret\"}", "kind is not Lease" },
	{ "{\"kind\": \"Lease\"}", "resourceVersion is missing" },
	{ "{\"kind\": \"Lease\", \"metadata\": {\"resourceVersion\": \"\"}}",
	  "resourceVersion is missing" },
	{ "{\"kind\": \"Lease\", \"metadata\": {\"resourceVersion\": 1}}", "is not a string" },
	{ "{\"kind\": \"Lease\", \"metadata\": {\"resourceVersion\": \"1\"},"
	  " \"spec\": {\"holderIdentity\": []}}",
	  "spec.holderIdentity is not a string" },
	{ "{\"kind\": \"Lease\", \"metadata\": {\"resourceVersion\": \"1\"},"
	  " \"spec\": {\"acquireTime\":"
	  " \"0123456789012345678901234567890123456789012345678901234567890123\"}}",
	  "too long" },
};

START_TEST(what_is_no_lease_is_refused_and_changes_nothing)
{
	struct kube_lease a = replica("a");
	AUTO(json_drop) json_t *object = NULL;
	struct err err = { 0 };

	ck_assert_int_eq(json_parse(slice_text(bad_cases[_i].text), &object, &err), 0);
	ck_assert_int_eq(kube_lease_see(&a, object, 1, &err), -1);
	ck_assert_msg(strstr(err.msg, bad_cases[_i].want) != NULL, "%s", err.msg);
	ck_assert(!a.known);
}
END_TEST

static const struct {
	const char *duration;
	int64_t want_ms;
} duration_cases[] = {
	{ "15", 15000 },   { "1", 1000 },           { "60", 60000 },  { "61", 60000 },
	{ "0", 15000 },    { "-1", 15000 },         { "1e9", 15000 }, { "\"5\"", 15000 },
	{ "null", 15000 }, { "2147483647", 60000 },
};

START_TEST(a_duration_of_others_is_bounded)
{
	AUTO(buf_done) struct buf text = buf_init(500);
	struct kube_lease a = replica("a");
	AUTO(json_drop) json_t *object = NULL;
	struct err err = { 0 };

	buf_printf(&text,
		   "{\"kind\": \"Lease\", \"metadata\": {\"resourceVersion\": \"1\"},"
		   " \"spec\": {\"holderIdentity\": \"x\", \"leaseDurationSeconds\": %s}}",
		   duration_cases[_i].duration);
	ck_assert_int_eq(json_parse(buf_slice(&text), &object, &err), 0);
	ck_assert_int_eq(kube_lease_see(&a, object, 100, &err), 0);
	ck_assert_int_eq(kube_lease_next(&a, 100 + duration_cases[_i].want_ms), KUBE_LEASE_LOOK);
	ck_assert_int_eq(kube_lease_next(&a, 101 + duration_cases[_i].want_ms), KUBE_LEASE_CLAIM);
}
END_TEST

Suite *kube_lease_suite(void);
Suite *kube_lease_suite(void)
{
	Suite *suite = suite_create("kube_lease");
	TCase *each = tcase_create("kube_lease");

	tcase_add_test(each, who_comes_first_leads_and_the_other_waits);
	tcase_add_test(each, a_leader_that_renews_stays_and_one_that_stops_is_followed);
	tcase_add_test(each, clocks_that_are_years_apart_change_nothing);
	tcase_add_test(each, a_leader_that_cannot_write_leads_no_more_before_another_may);
	tcase_add_test(each, of_two_that_claim_at_once_one_leads);
	tcase_add_test(each, what_is_given_up_is_taken_at_once);
	tcase_add_test(each, a_lease_that_was_deleted_is_made_again);
	tcase_add_test(each, its_times_are_those_that_kubernetes_reads);
	tcase_add_loop_test(each, what_is_no_lease_is_refused_and_changes_nothing, 0,
			    ARRAY_LEN(bad_cases));
	tcase_add_loop_test(each, a_duration_of_others_is_bounded, 0, ARRAY_LEN(duration_cases));
	suite_add_tcase(suite, each);
	return suite;
}
