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
	struct conn *conn = conns_add(&conns, ends[0], 1000);

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
	struct conn *conn = conns_add(&conns, ends[0], 0);

	conns_allow(&conns, conn, 5000, CONNS_IDLE_MS);
	conns_sweep(&conns, CONNS_IDLE_MS);
	ck_assert(!has_ended());
	conns_sweep(&conns, 5000 + CONNS_IDLE_MS);
	ck_assert(has_ended());
	conns_remove(&conns, conn);
}
END_TEST

START_TEST(a_removed_connection_is_not_touched)
{
	struct conn *conn = conns_add(&conns, ends[0], 0);

	conns_remove(&conns, conn);
	conns_sweep(&conns, INT64_MAX);
	ck_assert(!has_ended());
}
END_TEST

START_TEST(their_number_is_limited)
{
	struct conn *all[CONNS_MAX];

	for (size_t i = 0; i < CONNS_MAX; i++) {
		all[i] = conns_add(&conns, -1, 0);
		ck_assert_ptr_nonnull(all[i]);
	}
	ck_assert_ptr_null(conns_add(&conns, -1, 0));
	conns_allow(&conns, NULL, 0, 0);
	conns_remove(&conns, NULL);
	for (size_t i = 0; i < CONNS_MAX; i++)
		conns_remove(&conns, all[i]);
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
	tcase_add_test(each, their_number_is_limited);
	suite_add_tcase(suite, each);
	return suite;
}
