/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/pair_table_fixture.h"

#include <check.h>

struct pair_table *fixture_table;

void fixture_make_table(void)
{
	fixture_table = pair_table_new();
}

void fixture_free_table(void)
{
	pair_table_free(fixture_table);
}

struct pair_sight fixture_pod_of(const char *uid, bool is_bound)
{
	return (struct pair_sight){ "shop", uid, "web-1", 1, is_bound };
}

void fixture_see_pod(const char *uid, bool is_bound, int64_t now_ms)
{
	struct pair_sight sight = fixture_pod_of(uid, is_bound);

	pair_table_set(fixture_table, PAIR_SOURCE_POD, &sight, now_ms);
}

void fixture_see(int source, uint64_t mark, int64_t now_ms)
{
	struct pair_sight sight = { "shop", UID, "web-1", mark, false };

	pair_table_set(fixture_table, source, &sight, now_ms);
}

void fixture_lose(int source, int64_t now_ms)
{
	struct pair_sight sight = { "shop", UID, "web-1", 1, false };

	pair_table_deleted(fixture_table, source, &sight, now_ms);
}

bool fixture_is_due(int64_t now_ms)
{
	return pair_table_wait_ms(fixture_table, now_ms) == 0;
}

void fixture_finish(struct pair_job *job, int64_t now_ms)
{
	for (int i = 0; i < PAIR_KINDS; i++)
		job->right[i] = job->seen[i] != 0 ? job->seen[i] : 100 + (uint64_t)i;
	pair_table_put_back(fixture_table, job, PAIR_NEXT_EVENT, 0, now_ms);
	pair_job_done(job);
}

void fixture_take(int64_t now_ms, struct pair_job *out)
{
	ck_assert(pair_table_take(fixture_table, now_ms, out));
}

void fixture_make_pair(void)
{
	struct pair_job job;

	fixture_see_pod(UID, false, 0);
	fixture_take(0, &job);
	job.is_bound = true;
	fixture_finish(&job, 0);
	for (int i = 0; i < PAIR_KINDS; i++)
		fixture_see(i, 100 + (uint64_t)i, 1);
	fixture_see_pod(UID, true, 1);
	while (pair_table_take(fixture_table, 1, &job))
		fixture_finish(&job, 1);
	ck_assert_int_eq(pair_table_wait_ms(fixture_table, 1), -1);
}
