/* SPDX-License-Identifier: Apache-2.0 */
/* How long the worker does nothing else while it takes a new policy of 5,000 endpoints: it parses the text,
 * decides by it and frees the one before. Prints one line a figure: NAME VALUE UNIT. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "agent/worker_policy.h"
#include "lib/cleanup.h"
#include "tests/bench/many_endpoints.h"

enum { ENDPOINTS = 5000, ROUNDS = 21, GATE_MS = 25 };

static double now_ms(void)
{
	struct timespec t;

	/* Of this process: other load on the machine counts less. */
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int compare(const void *left, const void *right)
{
	const double *a = left, *b = right;

	return *a < *b ? -1 : *a > *b;
}

static void must(int result, const struct err *err)
{
	if (result == 0)
		return;
	fprintf(stderr, "reload: %s\n", err->msg);
	exit(1);
}

static void stop(void *ctx)
{
	loop_stop(ctx);
}

/* One turn of the worker's loop, in which the new policy waits for it. */
static double reload(struct loop *loop, struct policy_feed *feed, uint32_t number)
{
	AUTO(buf_done) struct buf text = many_endpoints_text(ENDPOINTS);
	struct loop_task task = { .run = stop, .ctx = loop };
	struct policy_feed_answer answer;
	struct err err = { 0 };

	must(policy_feed_offer(feed, number, buf_slice(&text), &err), &err);
	loop_task_queue(loop, &task);
	double start = now_ms();
	must(loop_run(loop, &err), &err);
	double took = now_ms() - start;
	if (!policy_feed_read_answer(feed, &answer) || answer.verdict != POLICY_FEED_APPLIED ||
	    answer.n_endpoints != ENDPOINTS) {
		fprintf(stderr, "reload: the policy was not taken\n");
		exit(1);
	}
	return took;
}

int main(void)
{
	static const struct services services = { 0 };
	const struct log log = { .level = LOG_LEVEL_ERROR };
	struct policy_feed feed = POLICY_FEED_INIT;
	struct worker_policy taker;
	struct worker *worker;
	struct loop *loop;
	struct err err = { 0 };
	double times[ROUNDS];

	must(loop_new(&loop, &err), &err);
	must(policy_feed_open(&feed, &err), &err);
	struct policy *start = policy_default();
	const struct worker_config config = {
		.loop = loop,
		.policy = start,
		.log = &log,
		.services = &services,
		.control_fd = -1,
	};
	must(worker_new(&config, &worker, &err), &err);
	must(worker_policy_start(&taker, loop, &feed, worker, start, &err), &err);
	for (uint32_t i = 0; i < ROUNDS; i++)
		times[i] = reload(loop, &feed, i + 1);
	/* The first one frees only the built-in policy. */
	qsort(times + 1, ROUNDS - 1, sizeof(*times), compare);
	double median = times[1 + (ROUNDS - 1) / 2];
	printf("reload_5000_endpoints %.1f ms  %s (<= %d)\n", median,
	       median <= GATE_MS ? "PASS" : "FAIL", GATE_MS);
	return 0;
}
