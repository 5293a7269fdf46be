/* SPDX-License-Identifier: Apache-2.0 */
/* pair_table_fixture: a table, and what watches and workers do with it. The pair is that of agent pod `web-1` in
 * namespace `shop`. */
#ifndef TESTS_UNIT_PAIR_TABLE_FIXTURE_H
#define TESTS_UNIT_PAIR_TABLE_FIXTURE_H

#include "webhook/pair_table.h"

#define UID "0d6a2c0e-5f0b-4a51-9a6e-3f1f5a4b7c01"

extern struct pair_table *fixture_table;

void fixture_make_table(void);
void fixture_free_table(void);

struct pair_sight fixture_pod_of(const char *uid, bool is_bound);
void fixture_see_pod(const char *uid, bool is_bound, int64_t now_ms);

/* What `source` tells of the pair. */
void fixture_see(int source, uint64_t mark, int64_t now_ms);
void fixture_lose(int source, int64_t now_ms);

bool fixture_is_due(int64_t now_ms);
void fixture_take(int64_t now_ms, struct pair_job *out);

/* Everything is found right, as it is after a whole look. */
void fixture_finish(struct pair_job *job, int64_t now_ms);

/* A pair that is bound and whole. */
void fixture_make_pair(void);

#endif
