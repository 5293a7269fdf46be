/* SPDX-License-Identifier: Apache-2.0 */
/* The nameserver is the test's own and on the same loop: it answers when `serve` runs. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/worker_names.h"
#include "lib/cleanup.h"
#include "tests/support/dns_play.h"

enum { CALLS = RESOLVE_ASKS_MAX + 100 };

static struct loop *loop;
static struct worker_names *names;
static struct resolve_call calls[CALLS];
static int told[CALLS];
static size_t found[CALLS];
static int in_all;
static void (*meanwhile)(struct resolve_call *told_one);

static void remember(struct resolve_call *call, const struct address *addresses, size_t n,
		     const char *error)
{
	size_t i = (size_t)(call - calls);

	(void)addresses;
	ck_assert_int_eq(n == 0, error != NULL);
	told[i]++;
	found[i] = n;
	in_all++;
	if (meanwhile != NULL)
		meanwhile(call);
}

static void setup(void)
{
	struct err err = { 0 };

	dns_play_start();
	const struct resolve_config config = {
		.resolv_conf = slice_text("nameserver 127.0.0.1\n"),
		.hosts = slice_text("192.0.2.9 known.example.com\n"),
		.port = dns_play.port,
	};
	ck_assert_int_eq(loop_new(&loop, &err), 0);
	ck_assert_int_eq(worker_names_new(loop, &config, &names, &err), 0);
	memset(calls, 0, sizeof(calls));
	memset(told, 0, sizeof(told));
	in_all = 0;
	meanwhile = NULL;
}

static void teardown(void)
{
	worker_names_free(names);
	loop_free(loop);
	dns_play_stop();
}

static void ask(size_t i, const char *host)
{
	calls[i].host = host;
	calls[i].done = remember;
	worker_names_resolve(names, &calls[i]);
}

static void stop(void *ctx)
{
	(void)ctx;
	loop_stop(loop);
}

/* Answers what was asked, and lets the worker hear it. */
static void serve(void)
{
	struct loop_timer soon = { .fire = stop };
	struct err err = { 0 };

	for (int i = 0; i < 8; i++)
		dns_play_serve_udp();
	loop_timer_set(loop, &soon, 20);
	ck_assert_int_eq(loop_run(loop, &err), 0);
}

START_TEST(all_who_wait_for_one_host_wait_for_one_question)
{
	for (size_t i = 0; i < CALLS; i++)
		ask(i, "one.example.com");
	ck_assert_int_eq(in_all, 0);
	serve();
	ck_assert_int_eq(dns_play.n_udp, 1);
	ck_assert_int_eq(in_all, CALLS);
	for (size_t i = 0; i < CALLS; i++)
		ck_assert(told[i] == 1 && found[i] > 0);
}
END_TEST

START_TEST(what_needs_no_question_is_answered_at_once)
{
	ask(0, "known.example.com");
	ck_assert(in_all == 1 && found[0] == 1);
}
END_TEST

START_TEST(more_hosts_than_can_be_asked_for_are_told_that_it_is_full)
{
	static char hosts[RESOLVE_QUERIES_MAX + 1][32];

	for (size_t i = 0; i <= RESOLVE_QUERIES_MAX; i++) {
		snprintf(hosts[i], sizeof(hosts[i]), "silent%zu.example.com", i);
		ask(i, hosts[i]);
	}
	ck_assert_int_eq(in_all, 1);
	ck_assert(told[RESOLVE_QUERIES_MAX] == 1 && calls[RESOLVE_QUERIES_MAX].is_full);
	/* Who joins takes no room. */
	ask(RESOLVE_QUERIES_MAX + 1, hosts[0]);
	ck_assert_int_eq(in_all, 1);
	ck_assert(!calls[RESOLVE_QUERIES_MAX + 1].is_full);
}
END_TEST

START_TEST(who_cancels_is_not_told_and_the_others_are)
{
	for (size_t i = 0; i < 3; i++)
		ask(i, "one.example.com");
	worker_names_cancel(names, &calls[0]);
	worker_names_cancel(names, &calls[2]);
	serve();
	ck_assert(told[0] == 0 && told[1] == 1 && told[2] == 0);
	/* What is not waiting is ignored. */
	worker_names_cancel(names, &calls[1]);
}
END_TEST

START_TEST(the_last_to_cancel_gives_the_question_up)
{
	ask(0, "one.example.com");
	ask(1, "one.example.com");
	worker_names_cancel(names, &calls[0]);
	worker_names_cancel(names, &calls[1]);
	serve();
	ck_assert_int_eq(in_all, 0);
	ask(0, "one.example.com");
	serve();
	ck_assert_int_eq(told[0], 1);
}
END_TEST

static void cancel_the_next(struct resolve_call *call)
{
	if (call == &calls[0])
		worker_names_cancel(names, &calls[1]);
}

START_TEST(who_is_told_may_cancel_another_that_waits)
{
	meanwhile = cancel_the_next;
	for (size_t i = 0; i < 3; i++)
		ask(i, "one.example.com");
	serve();
	ck_assert(told[0] == 1 && told[1] == 0 && told[2] == 1);
}
END_TEST

static void ask_again(struct resolve_call *call)
{
	if (call == &calls[0])
		ask(5, "one.example.com");
}

START_TEST(who_is_told_may_ask_again)
{
	meanwhile = ask_again;
	ask(0, "one.example.com");
	ask(1, "one.example.com");
	serve();
	ck_assert(told[0] == 1 && told[1] == 1 && told[5] == 1);
}
END_TEST

START_TEST(what_waits_at_the_end_is_not_told)
{
	for (size_t i = 0; i < 3; i++)
		ask(i, "silent.example.com");
	worker_names_free(names);
	names = NULL;
	ck_assert_int_eq(in_all, 0);
}
END_TEST

Suite *worker_names_suite(void);
Suite *worker_names_suite(void)
{
	Suite *s = suite_create("worker_names");
	TCase *tc = tcase_create("worker_names");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, all_who_wait_for_one_host_wait_for_one_question);
	tcase_add_test(tc, what_needs_no_question_is_answered_at_once);
	tcase_add_test(tc, more_hosts_than_can_be_asked_for_are_told_that_it_is_full);
	tcase_add_test(tc, who_cancels_is_not_told_and_the_others_are);
	tcase_add_test(tc, the_last_to_cancel_gives_the_question_up);
	tcase_add_test(tc, who_is_told_may_cancel_another_that_waits);
	tcase_add_test(tc, who_is_told_may_ask_again);
	tcase_add_test(tc, what_waits_at_the_end_is_not_told);
	suite_add_tcase(s, tc);
	return s;
}
