/* SPDX-License-Identifier: Apache-2.0 */
#include "certs/rotation.h"

#include <check.h>
#include <string.h>

#include "lib/cleanup.h"

#define HOST "webhook.system.svc"

enum { DAY_S = 86400 };

/* 2026-01-31T12:00:00Z */
static const int64_t now_s = 1769860800;

static void take(enum rotation_step step, int64_t at_s, struct rotation_set *set)
{
	const struct rotation_options options = { HOST, at_s, ROTATION_LIFE_S };
	struct err err = { 0 };

	ck_assert_msg(rotation_take(step, &options, set, &err) == 0, "%s", err.msg);
}

static struct rotation_facts facts_of(const struct rotation_set *set, int64_t at_s)
{
	struct rotation_facts facts;
	struct err why = { 0 };

	rotation_inspect(set, HOST, at_s, &facts, &why);
	ck_assert(facts.usable == (why.code == ERR_NONE));
	return facts;
}

static const struct {
	const char *what;
	struct rotation_facts facts;
	int64_t published_ms;
	enum rotation_step want;
} step_cases[] = {
	{ "nothing", { 0 }, -1, ROTATION_CREATE },
	{ "nothing that is any good, though it is published", { 0 }, 1000000, ROTATION_CREATE },
	{ "a good one", { .usable = true, .due_s = 1001 }, 0, ROTATION_REST },
	{ "a good one that is not published",
	  { .usable = true, .due_s = 1001 },
	  -1,
	  ROTATION_REST },
	{ "one that is due", { .usable = true, .due_s = 1000 }, 0, ROTATION_PREPARE },
	{ "one that is due and not published",
	  { .usable = true, .due_s = 1 },
	  -1,
	  ROTATION_PREPARE },
	{ "a next one that is not published",
	  { .usable = true, .prepared = true, .due_s = 1 },
	  -1,
	  ROTATION_REST },
	{ "a next one that is just published",
	  { .usable = true, .prepared = true, .due_s = 1 },
	  ROTATION_SETTLE_MS - 1,
	  ROTATION_REST },
	{ "a next one that everybody knows",
	  { .usable = true, .prepared = true, .due_s = 1 },
	  ROTATION_SETTLE_MS,
	  ROTATION_SWITCH },
	{ "the same, and not due any more",
	  { .usable = true, .prepared = true, .due_s = 5000 },
	  ROTATION_SETTLE_MS,
	  ROTATION_SWITCH },
};

START_TEST(the_next_step_follows_the_table)
{
	ck_assert_msg(rotation_next(&step_cases[_i].facts, 1000, step_cases[_i].published_ms) ==
			      step_cases[_i].want,
		      "%s", step_cases[_i].what);
}
END_TEST

START_TEST(each_generation_is_trusted_before_it_is_served_and_after)
{
	AUTO(rotation_set_done) struct rotation_set set = rotation_set_init();
	AUTO(buf_done) struct buf old = buf_init(ROTATION_PEM_MAX);
	int64_t at = now_s;

	ck_assert(!facts_of(&set, at).usable);
	take(ROTATION_CREATE, at, &set);
	for (int round = 0; round < 5; round++) {
		struct rotation_facts facts = facts_of(&set, at);

		ck_assert(facts.usable && !facts.prepared);
		ck_assert_int_eq(facts.expires_s, at + ROTATION_LIFE_S);
		ck_assert_int_ge(facts.due_s, at + 59 * DAY_S);
		ck_assert_int_le(facts.due_s, at + 64 * DAY_S);
		at = facts.due_s;
		buf_clear(&old);
		buf_put(&old, set.cert.p, set.cert.n);
		take(ROTATION_PREPARE, at, &set);
		ck_assert_str_eq(buf_text(&old), buf_text(&set.cert));
		ck_assert(facts_of(&set, at).usable && facts_of(&set, at).prepared);
		take(ROTATION_SWITCH, at, &set);
		ck_assert_str_ne(buf_text(&old), buf_text(&set.cert));
		ck_assert_uint_eq(set.next_key.n, 0);
		/* A replica that has not heard yet. */
		ck_assert(rotation_trusts(buf_slice(&set.bundle), buf_slice(&old), HOST, at));
		/* Two authorities, however often. */
		ck_assert_uint_lt(set.bundle.n, 2000);
	}
}
END_TEST

START_TEST(a_rotation_that_was_begun_anew_keeps_what_is_served_trusted)
{
	AUTO(rotation_set_done) struct rotation_set set = rotation_set_init();

	take(ROTATION_CREATE, now_s, &set);
	for (int i = 0; i < 3; i++)
		take(ROTATION_PREPARE, now_s, &set);
	ck_assert(facts_of(&set, now_s).usable && facts_of(&set, now_s).prepared);
	ck_assert_uint_lt(set.bundle.n, 2000);
}
END_TEST

START_TEST(who_asks_gets_it_renewed_now_and_once)
{
	AUTO(rotation_set_done) struct rotation_set set = rotation_set_init();

	take(ROTATION_CREATE, now_s, &set);
	set.asked = true;
	struct rotation_facts facts = facts_of(&set, now_s);
	ck_assert_int_eq(rotation_next(&facts, now_s, 0), ROTATION_PREPARE);
	take(ROTATION_PREPARE, now_s, &set);
	ck_assert(!set.asked);
}
END_TEST

static const struct {
	const char *what, *host;
	int64_t days;
	bool want;
} trust_cases[] = {
	{ "now", HOST, 0, true },
	{ "the day before its end", HOST, 89, true },
	{ "after its end", HOST, 91, false },
	{ "before it was made", HOST, -1, false },
	{ "another host", "other.system.svc", 0, false },
	{ "a host below", "a." HOST, 0, false },
};

START_TEST(a_certificate_is_good_for_its_host_and_time_alone)
{
	AUTO(rotation_set_done) struct rotation_set set = rotation_set_init();
	struct rotation_facts facts;
	struct err why;

	take(ROTATION_CREATE, now_s, &set);
	rotation_inspect(&set, trust_cases[_i].host, now_s + trust_cases[_i].days * DAY_S, &facts,
			 &why);
	ck_assert_msg(facts.usable == trust_cases[_i].want, "%s", trust_cases[_i].what);
	ck_assert_int_eq(rotation_trusts(buf_slice(&set.bundle), buf_slice(&set.cert),
					 trust_cases[_i].host,
					 now_s + trust_cases[_i].days * DAY_S),
			 trust_cases[_i].want);
}
END_TEST

START_TEST(parts_of_two_sets_are_no_set)
{
	AUTO(rotation_set_done) struct rotation_set ours = rotation_set_init();
	AUTO(rotation_set_done) struct rotation_set other = rotation_set_init();
	struct buf *mine[] = { &ours.cert, &ours.key, &ours.bundle };
	struct buf *foreign[] = { &other.cert, &other.key, &other.bundle };
	struct buf kept = *mine[_i];

	take(ROTATION_CREATE, now_s, &ours);
	take(ROTATION_CREATE, now_s, &other);
	kept = *mine[_i];
	*mine[_i] = *foreign[_i];
	ck_assert(!facts_of(&ours, now_s).usable);
	*mine[_i] = kept;
	ck_assert(facts_of(&ours, now_s).usable);
}
END_TEST

/* Cut anywhere, a text is either refused or good: never half of it served. */
START_TEST(a_text_that_is_cut_is_not_usable)
{
	AUTO(rotation_set_done) struct rotation_set set = rotation_set_init();
	struct buf *texts[] = { &set.cert, &set.key, &set.bundle };

	take(ROTATION_CREATE, now_s, &set);
	size_t whole = texts[_i]->n;
	for (size_t n = 0; n < whole - 1; n += 7) {
		texts[_i]->n = n;
		ck_assert_msg(!facts_of(&set, now_s).usable, "cut at %zu of %zu", n, whole);
	}
	texts[_i]->n = whole;
	ck_assert(facts_of(&set, now_s).usable);
}
END_TEST

static const char *const no_certificates[] = {
	"",
	"\n",
	"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
	"-----BEGIN CERTIFICATE-----",
	"text",
};

START_TEST(what_is_no_certificate_is_trusted_by_nobody)
{
	AUTO(rotation_set_done) struct rotation_set set = rotation_set_init();
	struct slice text = slice_text(no_certificates[_i]);

	take(ROTATION_CREATE, now_s, &set);
	ck_assert(!rotation_trusts(buf_slice(&set.bundle), text, HOST, now_s));
	ck_assert(!rotation_trusts(text, buf_slice(&set.cert), HOST, now_s));
}
END_TEST

START_TEST(a_bundle_of_very_many_is_refused)
{
	AUTO(rotation_set_done) struct rotation_set set = rotation_set_init();
	AUTO(buf_done) struct buf many = buf_init(ROTATION_PEM_MAX);

	take(ROTATION_CREATE, now_s, &set);
	for (int i = 0; i < 16; i++)
		buf_put(&many, set.bundle.p, set.bundle.n);
	ck_assert(rotation_trusts(buf_slice(&many), buf_slice(&set.cert), HOST, now_s));
	buf_put(&many, set.bundle.p, set.bundle.n);
	ck_assert(!rotation_trusts(buf_slice(&many), buf_slice(&set.cert), HOST, now_s));
}
END_TEST

START_TEST(a_life_that_is_too_short_or_too_long_is_refused)
{
	static const int64_t lives[] = { 0, DAY_S - 1, 400LL * DAY_S, -5 };
	AUTO(rotation_set_done) struct rotation_set set = rotation_set_init();

	for (size_t i = 0; i < ARRAY_LEN(lives); i++) {
		const struct rotation_options options = { HOST, now_s, lives[i] };
		struct err err = { 0 };

		ck_assert_int_eq(rotation_take(ROTATION_CREATE, &options, &set, &err), -1);
		ck_assert_uint_eq(set.cert.n, 0);
	}
}
END_TEST

Suite *rotation_suite(void);
Suite *rotation_suite(void)
{
	Suite *suite = suite_create("rotation");
	TCase *each = tcase_create("rotation");

	tcase_add_loop_test(each, the_next_step_follows_the_table, 0, ARRAY_LEN(step_cases));
	tcase_add_test(each, each_generation_is_trusted_before_it_is_served_and_after);
	tcase_add_test(each, a_rotation_that_was_begun_anew_keeps_what_is_served_trusted);
	tcase_add_test(each, who_asks_gets_it_renewed_now_and_once);
	tcase_add_loop_test(each, a_certificate_is_good_for_its_host_and_time_alone, 0,
			    ARRAY_LEN(trust_cases));
	tcase_add_loop_test(each, parts_of_two_sets_are_no_set, 0, 3);
	tcase_add_loop_test(each, a_text_that_is_cut_is_not_usable, 0, 3);
	tcase_add_loop_test(each, what_is_no_certificate_is_trusted_by_nobody, 0,
			    ARRAY_LEN(no_certificates));
	tcase_add_test(each, a_bundle_of_very_many_is_refused);
	tcase_add_test(each, a_life_that_is_too_short_or_too_long_is_refused);
	suite_add_tcase(suite, each);
	return suite;
}
