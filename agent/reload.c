/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/reload.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "agent/policy_watch.h"
#include "lib/cleanup.h"
#include "lib/io.h"
#include "lib/mem.h"

enum {
	/* From a note of the kernel to reading: a change often comes as several. Also the shortest time
	 * between two readings, so that whoever writes the file in a loop gets ten policies a second. */
	SETTLE_MS = 100,
	/* Between looks without a note, as notes can be lost; and where there are none. */
	LOOK_MS = 10000,
	LOOK_ALONE_MS = 1000,
	/* Where a change may have been too close to the last one to be seen. */
	LOOK_FRESH_MS = 3000,
	/* Parsing the largest policy takes a tenth of this on a slow machine. */
	ANSWER_MS = 10000,
};

struct reload {
	struct reload_config config;
	struct policy_watch watch;
	struct loop_fd note, answer;
	struct loop_timer look, late;
	struct live_policy live;
	uint32_t number; /* of the last offer */
	bool waiting; /* for the worker's answer to it */
	bool soon; /* something was noted that was not looked at yet */
	struct buf offered;
	char offered_sha256[DIGEST_HEX_SIZE];
	char seen_sha256[DIGEST_HEX_SIZE]; /* of the text that was read last; "" for none */
};

/* --- telling ------------------------------------------------------------------------------------- */

static void write_live(struct reload *r, struct slice text)
{
	struct err err = { 0 };

	if (r->config.write != NULL && r->config.write(&r->live, text, &err) == -1)
		log_reason(r->config.log, LOG_LEVEL_WARN, "policy.not_told", err.msg);
}

/* The file says nothing that could hold: the same thing is told once. */
static void refuse(struct reload *r, const struct live_policy_problem *problem)
{
	struct live_policy *live = &r->live;

	if (live->has_problem && live->problem.line == problem->line &&
	    strcmp(live->problem.sha256, problem->sha256) == 0 &&
	    strcmp(live->problem.reason, problem->reason) == 0)
		return;
	live->has_problem = true;
	live->problem = *problem;
	struct log_line line = log_begin(r->config.log, LOG_LEVEL_ERROR, "policy.reload_failed");
	log_str(&line, "policy", r->config.path);
	if (problem->line > 0) {
		log_int(&line, "line", problem->line);
		log_int(&line, "column", problem->column);
	}
	log_str(&line, "reason", problem->reason);
	log_str(&line, "policy_sha256", live->sha256);
	log_int(&line, "generation", live->generation);
	log_end(&line);
	write_live(r, (struct slice){ 0 });
}

static void refuse_unread(struct reload *r, const char *reason)
{
	struct live_policy_problem problem = { 0 };

	r->seen_sha256[0] = '\0';
	snprintf(problem.reason, sizeof(problem.reason), "%s; the policy before stays in force",
		 reason);
	refuse(r, &problem);
}

static void tell_waiting(struct reload *r, uint32_t waits)
{
	AUTO(buf_done) struct buf names = buf_init(128);

	for (unsigned i = 0; i < POLICY_SECTIONS; i++)
		if ((waits & 1u << i) != 0)
			buf_printf(&names, "%s%s", names.n > 0 ? ", " : "",
				   policy_section_name((enum policy_section)i));
	struct log_line line =
		log_begin(r->config.log, LOG_LEVEL_WARN, "policy.takes_effect_at_next_start");
	log_str(&line, "sections", buf_text(&names));
	log_str(&line, "reason", "what a process is confined by does not change while it runs");
	log_end(&line);
}

static void tell_applied(struct reload *r, const struct policy_feed_answer *answer)
{
	struct log_line line = log_begin(r->config.log, LOG_LEVEL_INFO, "policy.reloaded");

	log_str(&line, "policy", r->config.path);
	log_str(&line, "policy_sha256", r->live.sha256);
	log_int(&line, "generation", r->live.generation);
	log_int(&line, "network_policies", answer->n_network_policies);
	log_int(&line, "endpoints", answer->n_endpoints);
	log_int(&line, "warnings", answer->n_warnings);
	log_end(&line);
	if (answer->waits != 0)
		tell_waiting(r, answer->waits);
}

/* --- answers ------------------------------------------------------------------------------------- */

static void apply(struct reload *r, const struct policy_feed_answer *answer)
{
	r->live.generation++;
	r->live.has_problem = false;
	r->live.waits = answer->waits;
	r->live.source = r->config.path;
	memcpy(r->live.sha256, r->offered_sha256, sizeof(r->live.sha256));
	tell_applied(r, answer);
	write_live(r, buf_slice(&r->offered));
}

static void refuse_offer(struct reload *r, const struct policy_feed_answer *answer)
{
	struct live_policy_problem problem = { .line = answer->line, .column = answer->column };
	char more[48] = "";

	if (answer->n_problems > 1)
		snprintf(more, sizeof(more), "%u problems, the first: ", answer->n_problems);
	snprintf(problem.reason, sizeof(problem.reason), "%s%s", more, answer->reason);
	memcpy(problem.sha256, r->offered_sha256, sizeof(problem.sha256));
	refuse(r, &problem);
}

static void answered(void *ctx, uint32_t events)
{
	struct reload *r = ctx;
	struct policy_feed_answer answer;

	/* The worker is gone; supervise() ends the run. */
	if ((events & EPOLLHUP) != 0)
		loop_fd_remove(r->config.loop, &r->answer);
	if (!policy_feed_read_answer(r->config.feed, &answer) || !r->waiting ||
	    answer.number != r->number)
		return;
	r->waiting = false;
	loop_timer_cancel(r->config.loop, &r->late);
	if (answer.verdict == POLICY_FEED_APPLIED)
		apply(r, &answer);
	else
		refuse_offer(r, &answer);
	buf_done(&r->offered);
	if (r->soon)
		loop_timer_set(r->config.loop, &r->look, SETTLE_MS);
}

static void answer_is_late(void *ctx)
{
	refuse_unread(ctx, "the proxy has not answered for ten seconds");
}

/* --- the file ------------------------------------------------------------------------------------ */

static int offer(struct reload *r, struct buf *text, struct err *err)
{
	if (r->config.feed == NULL)
		return err_set(err, ERR_DENIED,
			       "a run that started without a policy and without inbound ports has "
			       "no way out; it takes effect when the container starts again");
	if (policy_feed_offer(r->config.feed, r->number + 1, buf_slice(text), err) == -1)
		return -1;
	r->number++;
	r->waiting = true;
	r->offered = *text;
	*text = (struct buf){ 0 };
	memcpy(r->offered_sha256, r->seen_sha256, sizeof(r->offered_sha256));
	loop_timer_set(r->config.loop, &r->late, ANSWER_MS);
	return 0;
}

/* The file says again what is in force. */
static void note_unchanged(struct reload *r)
{
	if (!r->live.has_problem)
		return;
	r->live.has_problem = false;
	struct log_line line = log_begin(r->config.log, LOG_LEVEL_INFO, "policy.restored");
	log_str(&line, "policy", r->config.path);
	log_str(&line, "policy_sha256", r->live.sha256);
	log_int(&line, "generation", r->live.generation);
	log_end(&line);
	write_live(r, (struct slice){ 0 });
}

static int read_file(struct reload *r, struct err *err)
{
	AUTO(buf_done) struct buf text = buf_init(POLICY_TEXT_MAX);
	char sha256[DIGEST_HEX_SIZE];

	if (io_read_file(r->config.path, &text, err) == -1 ||
	    digest_sha256(buf_slice(&text), sha256, err) == -1)
		return -1;
	if (strcmp(sha256, r->seen_sha256) == 0)
		return 0;
	memcpy(r->seen_sha256, sha256, sizeof(sha256));
	if (strcmp(sha256, r->live.sha256) != 0)
		return offer(r, &text, err);
	note_unchanged(r);
	return 0;
}

static void look(void *ctx)
{
	struct reload *r = ctx;
	struct err err = { 0 };

	loop_timer_set(r->config.loop, &r->look, r->watch.fd != -1 ? LOOK_MS : LOOK_ALONE_MS);
	if (r->waiting)
		return;
	r->soon = false;
	bool is_other = policy_watch_look(&r->watch);
	/* It is read once more when its stamp is old enough to tell. */
	if (policy_watch_is_fresh(&r->watch)) {
		policy_watch_forget(&r->watch);
		loop_timer_set(r->config.loop, &r->look, LOOK_FRESH_MS);
	}
	if (!is_other)
		return;
	/* The built-in policy is the one that holds where there is no file. */
	if (!policy_watch_is_present(&r->watch) && r->live.sha256[0] == '\0') {
		note_unchanged(r);
	} else if (!policy_watch_is_present(&r->watch)) {
		refuse_unread(r, "the file is gone");
	} else if (read_file(r, &err) == -1) {
		refuse_unread(r, err.msg);
		policy_watch_forget(&r->watch);
	}
}

/* A second note does not put off what the first one asks for. */
static void noted(void *ctx, uint32_t events)
{
	struct reload *r = ctx;

	(void)events;
	policy_watch_drain(&r->watch);
	if (!r->soon && !r->waiting)
		loop_timer_set(r->config.loop, &r->look, SETTLE_MS);
	r->soon = true;
}

/* --- life ---------------------------------------------------------------------------------------- */

static int watch(struct reload *r, struct err *err)
{
	struct loop *loop = r->config.loop;

	policy_watch_start(&r->watch, r->config.path);
	r->note = (struct loop_fd){ .fd = r->watch.fd, .ready = noted, .ctx = r };
	if (r->watch.fd != -1 && loop_fd_add(loop, &r->note, EPOLLIN, err) == -1)
		return -1;
	if (r->config.feed == NULL)
		return 0;
	r->answer = (struct loop_fd){ .fd = r->config.feed->init_fd, .ready = answered, .ctx = r };
	return loop_fd_add(loop, &r->answer, EPOLLIN, err);
}

int reload_new(const struct reload_config *config, struct reload **out, struct err *err)
{
	struct reload *r = mem_calloc(1, sizeof(*r));

	r->config = *config;
	r->look = (struct loop_timer){ .fire = look, .ctx = r };
	r->late = (struct loop_timer){ .fire = answer_is_late, .ctx = r };
	live_policy_start(&r->live, config->start);
	memcpy(r->seen_sha256, config->start->sha256, sizeof(r->seen_sha256));
	if (watch(r, err) == -1) {
		reload_free(r);
		return -1;
	}
	/* It may have changed since it was read. */
	loop_timer_set(config->loop, &r->look, 0);
	*out = r;
	return 0;
}

void reload_free(struct reload *reload)
{
	if (reload == NULL)
		return;
	loop_fd_remove(reload->config.loop, &reload->note);
	loop_fd_remove(reload->config.loop, &reload->answer);
	loop_timer_cancel(reload->config.loop, &reload->look);
	loop_timer_cancel(reload->config.loop, &reload->late);
	policy_watch_done(&reload->watch);
	buf_done(&reload->offered);
	free(reload);
}
