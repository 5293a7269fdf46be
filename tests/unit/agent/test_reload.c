/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/reload.h"
#include "agent/worker_policy.h"
#include "lib/cleanup.h"
#include "lib/io.h"
#include "lib/mem.h"

#define ONE "version: 1\nnetwork_policies: {a: {endpoints: [{host: a.test, port: 1}]}}\n"
#define TWO "version: 1\nnetwork_policies: {a: {endpoints: [{host: b.test, port: 2}]}}\n"
#define BROKEN "version: 1\nnetwork_policies: {a: {endpoints: [{host: a.test}]}}\n"
#define STEADY "version: 1\nprocess: {run_as_user: 4000}\n"

static char dir[] = "/tmp/openshell-reload-XXXXXX";
static char *file, *log_path;
static struct loop *loop;
static struct log events;
static struct policy_feed feed;
static struct worker *worker;
static struct worker_policy taker;
static struct run_policy at_start;
static struct reload *reload;
static struct live_policy told; /* last */
static char told_text[256];
static size_t n_told;
static struct err err;

static void put(const char *text)
{
	ck_assert_int_eq(io_replace_file(file, 0644, slice_text(text), &err), 0);
}

static int tell(const struct live_policy *live, struct slice text, struct err *unused)
{
	(void)unused;
	told = *live;
	snprintf(told_text, sizeof(told_text), "%.*s", (int)text.n, (const char *)text.p);
	n_told++;
	return 0;
}

static void make_worker(const char *text)
{
	AUTO(policy_problems_done) struct policy_problems problems = { 0 };
	static const struct services services = { 0 };
	const struct worker_config config = {
		.loop = loop,
		.policy = policy_parse(slice_text(text), &problems),
		.log = &events,
		.services = &services,
		.control_fd = -1,
	};

	ck_assert_int_eq(policy_feed_open(&feed, &err), 0);
	ck_assert_int_eq(worker_new(&config, &worker, &err), 0);
	ck_assert_int_eq(worker_policy_start(&taker, loop, &feed, worker, config.policy, &err), 0);
}

static void start_with(const char *text, bool has_worker)
{
	const struct reload_config config = {
		.loop = loop,
		.log = &events,
		.path = file,
		.feed = has_worker ? &feed : NULL,
		.start = &at_start,
		.write = tell,
	};

	if (text != NULL)
		put(text);
	ck_assert_int_eq(run_policy_load(file, true, &at_start, &err), 0);
	if (has_worker)
		make_worker(text != NULL ? text : "version: 1\n");
	ck_assert_int_eq(reload_new(&config, &reload, &err), 0);
}

static void set_up(void)
{
	ck_assert_ptr_nonnull(mkdtemp(dir));
	ck_assert_int_eq(chmod(dir, 0755), 0);
	file = mem_printf("%s/policy.yaml", dir);
	log_path = mem_printf("%s/log", dir);
	events = (struct log){
		.level = LOG_LEVEL_INFO,
		.fd = open(log_path, O_CREAT | O_RDWR | O_CLOEXEC, 0600),
	};
	feed = (struct policy_feed)POLICY_FEED_INIT;
	ck_assert_int_eq(loop_new(&loop, &err), 0);
}

static void tear_down(void)
{
	AUTO_FREE char *command = mem_printf("rm -rf '%s'", dir);

	reload_free(reload);
	if (worker != NULL) {
		loop_fd_remove(loop, &taker.watch);
		worker_policy_done(&taker);
		worker_free(worker);
	}
	policy_feed_done(&feed);
	run_policy_done(&at_start);
	loop_free(loop);
	close(events.fd);
	free(file);
	free(log_path);
	ck_assert_int_eq(system(command), 0);
}

static void stop(void *ctx)
{
	(void)ctx;
	loop_stop(loop);
}

/* Long enough for a note, its settling and an answer; a note is never lost on a slow machine, only late. */
static void run_ms(int64_t ms)
{
	struct loop_timer timer = { .fire = stop };

	loop_timer_set(loop, &timer, ms);
	ck_assert_int_eq(loop_run(loop, &err), 0);
}

static void run_until_told(size_t n)
{
	for (int i = 0; i < 2000 && n_told < n; i++)
		run_ms(10);
	ck_assert_uint_eq(n_told, n);
}

/* What was told last has this in it. */
static void check_event(const char *text)
{
	AUTO(buf_done) struct buf all = buf_init(1 << 20);

	ck_assert_int_eq(io_read_file(log_path, &all, &err), 0);
	ck_assert_msg(strstr(buf_text(&all), text) != NULL, "no %s in %s", text, buf_text(&all));
}

static size_t count_events(void)
{
	AUTO(buf_done) struct buf all = buf_init(1 << 20);
	size_t n = 0;

	ck_assert_int_eq(io_read_file(log_path, &all, &err), 0);
	for (size_t i = 0; i < all.n; i++)
		n += all.p[i] == '\n';
	return n;
}

START_TEST(a_file_that_stays_tells_nothing)
{
	start_with(ONE, true);
	run_ms(300);
	put(ONE);
	run_ms(300);
	ck_assert_uint_eq(n_told, 0);
	ck_assert_uint_eq(count_events(), 0);
}
END_TEST

START_TEST(a_new_policy_is_in_force_once_it_is_told)
{
	start_with(ONE, true);
	put(TWO);
	run_until_told(1);
	ck_assert_uint_eq(told.generation, 2);
	ck_assert(!told.has_problem);
	ck_assert_str_eq(told_text, TWO);
	ck_assert_uint_eq(worker_counters(worker)->policies_applied, 1);
	check_event("\"event\":\"policy.reloaded\"");
	put(ONE);
	run_until_told(2);
	ck_assert_uint_eq(told.generation, 3);
	ck_assert_str_eq(told.sha256, at_start.sha256);
}
END_TEST

START_TEST(what_changed_before_the_watch_began_is_found)
{
	start_with(ONE, true);
	reload_free(reload);
	put(TWO);
	const struct reload_config config = {
		.loop = loop,
		.log = &events,
		.path = file,
		.feed = &feed,
		.start = &at_start,
		.write = tell,
	};
	ck_assert_int_eq(reload_new(&config, &reload, &err), 0);
	run_until_told(1);
	ck_assert_str_eq(told_text, TWO);
}
END_TEST

START_TEST(a_policy_with_problems_is_told_once_and_changes_nothing)
{
	start_with(ONE, true);
	put(BROKEN);
	run_until_told(1);
	ck_assert(told.has_problem);
	ck_assert_uint_eq(told.generation, 1);
	ck_assert_str_eq(told.sha256, at_start.sha256);
	ck_assert_str_eq(told_text, "");
	ck_assert_uint_eq(told.problem.line, 2);
	ck_assert_uint_eq(told.problem.column, 36);
	ck_assert_ptr_nonnull(strstr(told.problem.reason, "port"));
	ck_assert_uint_eq(worker_counters(worker)->policies_refused, 1);
	check_event("\"event\":\"policy.reload_failed\"");
	put(BROKEN);
	run_ms(300);
	ck_assert_uint_eq(count_events(), 1);
	put(ONE);
	run_until_told(2);
	ck_assert(!told.has_problem);
	check_event("\"event\":\"policy.restored\"");
}
END_TEST

START_TEST(a_file_that_is_gone_changes_nothing)
{
	start_with(ONE, true);
	ck_assert_int_eq(unlink(file), 0);
	run_until_told(1);
	ck_assert(told.has_problem);
	ck_assert_ptr_nonnull(strstr(told.problem.reason, "gone"));
	ck_assert_uint_eq(told.generation, 1);
	put(TWO);
	run_until_told(2);
	ck_assert_uint_eq(told.generation, 2);
}
END_TEST

START_TEST(what_is_no_file_or_too_long_changes_nothing)
{
	AUTO(buf_done) struct buf text = buf_init(POLICY_TEXT_MAX + 1);

	start_with(ONE, true);
	ck_assert_int_eq(unlink(file), 0);
	ck_assert_int_eq(mkfifo(file, 0644), 0);
	run_until_told(1);
	ck_assert_ptr_nonnull(strstr(told.problem.reason, "not a regular file"));
	while (text.n <= POLICY_TEXT_MAX)
		buf_put(&text, "#", 1);
	ck_assert_int_eq(io_replace_file(file, 0644, buf_slice(&text), &err), 0);
	run_until_told(2);
	ck_assert_ptr_nonnull(strstr(told.problem.reason, "more than"));
}
END_TEST

START_TEST(the_largest_text_arrives_whole)
{
	AUTO(buf_done) struct buf text = buf_init(POLICY_TEXT_MAX);

	start_with(ONE, true);
	buf_puts(&text, TWO);
	while (text.n < POLICY_TEXT_MAX)
		buf_put(&text, text.n % 100 == 0 ? "\n" : "#", 1);
	ck_assert_int_eq(io_replace_file(file, 0644, buf_slice(&text), &err), 0);
	run_until_told(1);
	ck_assert_msg(!told.has_problem, "%s", told.problem.reason);
	ck_assert_uint_eq(told.generation, 2);
}
END_TEST

START_TEST(what_a_process_is_confined_by_waits)
{
	start_with(ONE, true);
	put(STEADY);
	run_until_told(1);
	ck_assert_uint_eq(told.waits, 1u << POLICY_SECTION_PROCESS);
	check_event("\"sections\":\"process\"");
	put(ONE);
	run_until_told(2);
	ck_assert_uint_eq(told.waits, 0);
}
END_TEST

/* Of many changes in a short time the last one holds. */
START_TEST(a_file_that_changes_all_the_time_is_read_ten_times_a_second_and_the_last_one_holds)
{
	start_with(ONE, true);
	for (int i = 0; i < 100; i++) {
		put(i % 2 == 0 ? BROKEN : ONE);
		run_ms(2);
	}
	put(TWO);
	for (int i = 0; i < 2000 && told.generation < 2; i++)
		run_ms(10);
	ck_assert_str_eq(told_text, TWO);
	ck_assert_uint_lt(worker_counters(worker)->policies_refused, 20);
}
END_TEST

START_TEST(a_run_without_a_way_out_says_that_a_policy_has_to_wait)
{
	start_with(NULL, false);
	run_ms(300);
	ck_assert_uint_eq(n_told, 0);
	put(ONE);
	run_until_told(1);
	ck_assert_ptr_nonnull(strstr(told.problem.reason, "starts again"));
	ck_assert_int_eq(unlink(file), 0);
	run_until_told(2);
	ck_assert(!told.has_problem);
}
END_TEST

static bool answer_is_read(const struct policy_feed_answer *answer, size_t n)
{
	struct policy_feed_answer got;

	ck_assert_int_eq(write(feed.worker_fd, answer, n), (ssize_t)n);
	return policy_feed_read_answer(&feed, &got);
}

START_TEST(an_answer_that_makes_no_sense_is_none)
{
	struct policy_feed_answer answer = { .verdict = POLICY_FEED_APPLIED };

	ck_assert_int_eq(policy_feed_open(&feed, &err), 0);
	ck_assert(answer_is_read(&answer, sizeof(answer)));
	ck_assert(!answer_is_read(&answer, sizeof(answer) - 1));
	answer.verdict = POLICY_FEED_APPLIED + 1;
	ck_assert(!answer_is_read(&answer, sizeof(answer)));
	answer.verdict = POLICY_FEED_REFUSED;
	memset(answer.reason, 'x', sizeof(answer.reason));
	ck_assert(!answer_is_read(&answer, sizeof(answer)));
}
END_TEST

Suite *reload_suite(void);

Suite *reload_suite(void)
{
	Suite *suite = suite_create("reload");
	TCase *tc = tcase_create("changes");

	tcase_add_checked_fixture(tc, set_up, tear_down);
	tcase_add_test(tc, a_file_that_stays_tells_nothing);
	tcase_add_test(tc, a_new_policy_is_in_force_once_it_is_told);
	tcase_add_test(tc, what_changed_before_the_watch_began_is_found);
	tcase_add_test(tc, a_policy_with_problems_is_told_once_and_changes_nothing);
	tcase_add_test(tc, a_file_that_is_gone_changes_nothing);
	tcase_add_test(tc, what_is_no_file_or_too_long_changes_nothing);
	tcase_add_test(tc, the_largest_text_arrives_whole);
	tcase_add_test(tc, what_a_process_is_confined_by_waits);
	tcase_add_test(
		tc,
		a_file_that_changes_all_the_time_is_read_ten_times_a_second_and_the_last_one_holds);
	tcase_add_test(tc, a_run_without_a_way_out_says_that_a_policy_has_to_wait);
	tcase_add_test(tc, an_answer_that_makes_no_sense_is_none);
	suite_add_tcase(suite, tc);
	return suite;
}
