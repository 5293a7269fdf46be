/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "lib/err.h"
#include "webhook/lookups.h"

/* Jobs that end when the gate opens. */
struct gate {
	pthread_mutex_t lock;
	pthread_cond_t opened;
	bool is_open;
	atomic_int done;
};

static void pass(void *job, bool late)
{
	struct gate *gate = job;

	(void)late;
	pthread_mutex_lock(&gate->lock);
	while (!gate->is_open)
		pthread_cond_wait(&gate->opened, &gate->lock);
	pthread_mutex_unlock(&gate->lock);
	atomic_fetch_add(&gate->done, 1);
}

static void open_gate(struct gate *gate)
{
	pthread_mutex_lock(&gate->lock);
	gate->is_open = true;
	pthread_cond_broadcast(&gate->opened);
	pthread_mutex_unlock(&gate->lock);
}

START_TEST(places_are_bounded_and_every_job_that_has_one_is_done)
{
	struct gate gate = { .lock = PTHREAD_MUTEX_INITIALIZER,
			     .opened = PTHREAD_COND_INITIALIZER };
	struct lookups *lookups = NULL;
	struct err err = { 0 };

	ck_assert_msg(lookups_start(pass, &lookups, &err) == 0, "%s", err.msg);
	for (int i = 0; i < LOOKUPS_MAX; i++) {
		ck_assert(lookups_reserve(lookups));
		lookups_put(lookups, &gate);
	}
	ck_assert(!lookups_reserve(lookups));
	open_gate(&gate);
	lookups_stop(lookups);
	ck_assert_int_eq(gate.done, LOOKUPS_MAX);
	/* Who comes then is told so, as long as anybody may come. */
	ck_assert(!lookups_reserve(lookups));
	lookups_free(lookups);
}
END_TEST

START_TEST(places_are_given_back)
{
	struct gate gate = { .lock = PTHREAD_MUTEX_INITIALIZER,
			     .opened = PTHREAD_COND_INITIALIZER,
			     .is_open = true };
	struct lookups *lookups = NULL;
	struct err err = { 0 };

	ck_assert(lookups_start(pass, &lookups, &err) == 0);
	for (int i = 0; i < 3 * LOOKUPS_MAX; i++) {
		while (!lookups_reserve(lookups))
			sched_yield();
		lookups_put(lookups, &gate);
	}
	lookups_free(lookups);
	ck_assert_int_eq(gate.done, 3 * LOOKUPS_MAX);
}
END_TEST

Suite *lookups_suite(void);
Suite *lookups_suite(void)
{
	Suite *suite = suite_create("lookups");
	TCase *each = tcase_create("lookups");

	tcase_add_test(each, places_are_bounded_and_every_job_that_has_one_is_done);
	tcase_add_test(each, places_are_given_back);
	suite_add_tcase(suite, each);
	return suite;
}
