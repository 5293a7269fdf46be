/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/worker_policy.h"

#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>

#include "agent/run_policy.h"
#include "lib/cleanup.h"

static uint32_t find_waiting(const struct worker_policy *w, const struct policy *policy)
{
	uint32_t waits = 0;

	for (int i = 0; i < POLICY_SECTIONS; i++) {
		AUTO(buf_done) struct buf now = buf_init(POLICY_SECTION_MAX);

		policy_put_section(policy, (enum policy_section)i, &now);
		if (now.n != w->sections[i].n ||
		    (now.n > 0 && memcmp(now.p, w->sections[i].p, now.n) != 0))
			waits |= 1u << i;
	}
	return waits;
}

static void tell_problem(const struct policy_problems *problems, struct policy_feed_answer *answer)
{
	const struct policy_problem *first = &problems->items[0];

	answer->n_problems = (uint32_t)(problems->n + problems->left_off);
	answer->line = first->line;
	answer->column = first->column;
	snprintf(answer->reason, sizeof(answer->reason), "%s%s%s", first->place,
		 first->place[0] != '\0' ? ": " : "", first->text);
}

static bool is_refused(struct worker_policy *w, const struct policy *policy,
		       struct policy_feed_answer *answer)
{
	struct err err;

	if (!w->refuse_binaries || run_policy_refuse_binaries(policy, &err) == 0)
		return false;
	answer->n_problems = 1;
	snprintf(answer->reason, sizeof(answer->reason), "%s", err.msg);
	return true;
}

/* The old policy holds until the new one is whole; then the new one for every decision. */
static void replace(struct worker_policy *w, struct slice text, struct policy_feed_answer *answer)
{
	AUTO(policy_problems_done) struct policy_problems problems = { 0 };
	struct policy *policy = policy_parse(text, &problems);

	if (policy == NULL) {
		tell_problem(&problems, answer);
		worker_note_refused_policy(w->worker);
		return;
	}
	if (is_refused(w, policy, answer)) {
		policy_free(policy);
		worker_note_refused_policy(w->worker);
		return;
	}
	answer->verdict = POLICY_FEED_APPLIED;
	answer->n_network_policies = (uint32_t)policy->n_network_policies;
	answer->n_endpoints = (uint32_t)policy->n_endpoints;
	answer->n_warnings = (uint32_t)(policy->warnings.n + policy->warnings.left_off);
	answer->waits = find_waiting(w, policy);
	worker_set_policy(w->worker, policy);
}

static void ready(void *ctx, uint32_t events)
{
	struct worker_policy *w = ctx;
	struct policy_feed_answer answer = { 0 };
	struct slice text;

	/* PID 1 is gone, and everything with it. */
	if ((events & EPOLLHUP) != 0)
		loop_fd_remove(w->loop, &w->watch);
	if (!policy_feed_take(w->feed, &answer.number, &text))
		return;
	replace(w, text, &answer);
	policy_feed_answer(w->feed, &answer);
}

int worker_policy_start(struct worker_policy *out, struct loop *loop,
			const struct policy_feed *feed, struct worker *worker,
			const struct policy *start, struct err *err)
{
	*out = (struct worker_policy){
		.loop = loop,
		.feed = feed,
		.worker = worker,
		.watch = { .fd = feed->worker_fd, .ready = ready, .ctx = out },
	};
	for (int i = 0; i < POLICY_SECTIONS; i++) {
		out->sections[i] = buf_init(POLICY_SECTION_MAX);
		policy_put_section(start, (enum policy_section)i, &out->sections[i]);
	}
	return loop_fd_add(loop, &out->watch, EPOLLIN, err);
}

void worker_policy_done(struct worker_policy *policy)
{
	for (int i = 0; i < POLICY_SECTIONS; i++)
		buf_done(&policy->sections[i]);
}
