/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdbool.h>
#include <sys/socket.h>

#include "lib/cleanup.h"
#include "webhook/conns.h"

static struct conns conns;
static int ends[2];

static void open_pair(void)
{
	conns_init(&conns);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
}

static void close_pair(void)
{
	close(ends[0]);
	close(ends[1]);
	pthread_mutex_destroy(&conns.lock);
}

static bool has_ended(void)
{
	char byte;

	return recv(ends[1], &byte, 1, MSG_DONTWAIT) == 0;
}

START_TEST(a_connection_ends_when_its_time_is_over)
{
	struct conn *conn = conns_add(&conns, CONNS_TLS, ends[0], 1000);

	conns_sweep(&conns, 1000 + CONNS_FIRST_MS - 1);
	ck_assert(!has_ended());
	conns_sweep(&conns, 1000 + CONNS_FIRST_MS);
	ck_assert(has_ended());
	conns_remove(&conns, conn);
	ck_assert_uint_eq(conns_count(&conns), 0);
}
END_TEST

START_TEST(a_new_phase_has_its_own_time)
{
	struct conn *conn = conns_add(&conns, CONNS_TLS, ends[0], 0);

	conns_enter(&conns, conn, CONN_IDLE, 5000);
	conns_sweep(&conns, CONNS_IDLE_MS);
	ck_assert(!has_ended());
	conns_sweep(&conns, 5000 + CONNS_IDLE_MS);
	ck_assert(has_ended());
	conns_remove(&conns, conn);
}
END_TEST

START_TEST(a_removed_connection_is_not_touched)
{
	struct conn *conn = conns_add(&conns, CONNS_TLS, ends[0], 0);

	conns_remove(&conns, conn);
	conns_sweep(&conns, INT64_MAX);
	ck_assert(!has_ended());
}
END_TEST

static void add_many(size_t n, enum conns_group group, enum conn_state state, int64_t now_ms)
{
	for (size_t i = 0; i < n; i++)
		conns_enter(&conns, conns_add(&conns, group, -1, now_ms), state, now_ms);
}

static void remove_all(void)
{
	while (conns.n > 0)
		conns_remove(&conns, conns.items[0]);
}

START_TEST(a_new_one_takes_the_place_of_the_one_that_waits_for_longest)
{
	add_many(CONNS_TLS_MAX / 2, CONNS_TLS, CONN_REQUEST, 0);
	add_many(1, CONNS_TLS, CONN_IDLE, 1);
	conns_add(&conns, CONNS_TLS, ends[0], 5);
	add_many(CONNS_TLS_MAX - CONNS_TLS_MAX / 2 - 2, CONNS_TLS, CONN_FIRST, 6);
	add_many(CONNS_PLAIN_MAX, CONNS_PLAIN, CONN_FIRST, 2);
	ck_assert_msg(!has_ended(), "there was room");
	conns_add(&conns, CONNS_TLS, -1, 7);
	ck_assert(has_ended());
	remove_all();
}
END_TEST

START_TEST(idle_ones_go_when_nobody_else_waits)
{
	struct conn *conn = conns_add(&conns, CONNS_TLS, ends[0], 0);

	conns_enter(&conns, conn, CONN_IDLE, 3);
	add_many(CONNS_TLS_MAX - 1, CONNS_TLS, CONN_REQUEST, 1);
	conns_add(&conns, CONNS_TLS, -1, 4);
	ck_assert(has_ended());
	remove_all();
}
END_TEST

START_TEST(a_request_under_way_is_never_ended_for_another)
{
	struct conn *conn = conns_add(&conns, CONNS_TLS, ends[0], 0);

	conns_enter(&conns, conn, CONN_REQUEST, 0);
	add_many(CONNS_TLS_MAX, CONNS_TLS, CONN_REQUEST, 1);
	ck_assert(!has_ended());
	remove_all();
}
END_TEST

START_TEST(an_ended_one_is_ended_once)
{
	add_many(1, CONNS_PLAIN, CONN_FIRST, 0);
	conns_add(&conns, CONNS_PLAIN, ends[0], 1);
	add_many(CONNS_PLAIN_MAX - 2, CONNS_PLAIN, CONN_FIRST, 2);
	conns_add(&conns, CONNS_PLAIN, -1, 3);
	ck_assert_int_eq(conns.items[0]->state, CONN_ENDED);
	conns_enter(&conns, conns.items[0], CONN_IDLE, 4);
	ck_assert_int_eq(conns.items[0]->state, CONN_ENDED);
	ck_assert(!has_ended());
	conns_add(&conns, CONNS_PLAIN, -1, 5);
	ck_assert(has_ended());
	remove_all();
}
END_TEST

START_TEST(their_number_is_limited)
{
	add_many(CONNS_OPEN_MAX, CONNS_TLS, CONN_REQUEST, 0);
	ck_assert_ptr_null(conns_add(&conns, CONNS_TLS, -1, 0));
	conns_enter(&conns, NULL, CONN_IDLE, 0);
	conns_remove(&conns, NULL);
	remove_all();
	ck_assert_uint_eq(conns_count(&conns), 0);
}
END_TEST

Suite *conns_suite(void);
Suite *conns_suite(void)
{
	Suite *suite = suite_create("conns");
	TCase *each = tcase_create("conns");

	tcase_add_checked_fixture(each, open_pair, close_pair);
	tcase_add_test(each, a_connection_ends_when_its_time_is_over);
	tcase_add_test(each, a_new_phase_has_its_own_time);
	tcase_add_test(each, a_removed_connection_is_not_touched);
	tcase_add_test(each, a_new_one_takes_the_place_of_the_one_that_waits_for_longest);
	tcase_add_test(each, idle_ones_go_when_nobody_else_waits);
	tcase_add_test(each, a_request_under_way_is_never_ended_for_another);
	tcase_add_test(each, an_ended_one_is_ended_once);
	tcase_add_test(each, their_number_is_limited);
	suite_add_tcase(suite, each);
	return suite;
}
