/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_fence_check: the first container of a pod whose proxy is in another pod: installs the agent, writes down whom
 * programs trust, and waits until the pod reaches its proxy and nothing past it. Until then nothing else of the pod
 * runs. It has no privilege. */
#include <stdio.h>
#include <string.h>

#include "agent/cmds.h"
#include "agent/fence_step.h"
#include "agent/install.h"
#include "agent/past_proxy.h"
#include "agent/words.h"
#include "certs/bundle.h"
#include "certs/ca.h"
#include "certs/store.h"
#include "lib/cleanup.h"
#include "lib/io.h"

enum {
	/* Rounds in a row that find the pod closed: an enforcer that is being programmed may change its mind. */
	ROUNDS = 2,
	PAUSE_MS = 200,
	WAIT_S = 60,
	WAIT_MAX_S = 600,
};

struct fence_check {
	const char *install, *tls_dir, *ca, *proxy, *past, *wait;
	struct cmd_list upstream_ca;
	unsigned long wait_s;
	bool alone;
	bool reached; /* found: something past the proxy */
};

struct waiting {
	struct loop *loop;
	struct past_proxy round;
	struct loop_timer pause, end;
	enum past_proxy_result last;
	int closed; /* rounds in a row */
	struct err failed; /* no round could be begun */
};

/* --- whom to trust ------------------------------------------------------------------------------- */

static int write_trust(const struct fence_check *o, struct err *err)
{
	AUTO(buf_done) struct buf ca = buf_init(CA_PEM_MAX);
	AUTO(buf_done) struct buf roots = buf_init(BUNDLE_MAX);

	if (io_read_file(o->ca, &ca, err) == -1)
		return err_wrap(err, "--ca");
	if (io_read_file("/ca-bundle.pem", &roots, err) == -1)
		return err_wrap(err, "trusted roots");
	for (size_t i = 0; i < o->upstream_ca.n; i++)
		if (io_read_file(o->upstream_ca.items[i], &roots, err) == -1)
			return err_wrap(err, "--upstream-ca");
	return store_write_trust_pem(o->tls_dir, buf_slice(&ca), buf_slice(&roots), err) == -1
		       ? err_wrap(err, "--ca")
		       : 0;
}

/* --- waiting ------------------------------------------------------------------------------------- */

static void begin(void *ctx)
{
	struct waiting *w = ctx;

	if (past_proxy_begin(&w->round, &w->failed) == -1)
		loop_stop(w->loop);
}

static void judged(void *ctx, enum past_proxy_result result)
{
	struct waiting *w = ctx;

	w->last = result;
	w->closed = result == PAST_PROXY_CLOSED ? w->closed + 1 : 0;
	if (w->closed == ROUNDS)
		loop_stop(w->loop);
	else
		loop_timer_set(w->loop, &w->pause, PAUSE_MS);
}

static void give_up(void *ctx)
{
	struct waiting *w = ctx;

	past_proxy_cancel(&w->round);
	loop_stop(w->loop);
}

static int conclude(const struct waiting *w, struct err *err)
{
	if (w->closed == ROUNDS)
		return 0;
	if (w->failed.code != 0) {
		*err = w->failed;
		return -1;
	}
	if (past_proxy_judge(&w->round, w->last, err) == 0)
		return err_set(err, ERR_DENIED, "the pod was not closed twice in a row");
	return -1;
}

static int read_places(const struct fence_check *o, struct past_proxy *out, struct err *err)
{
	AUTO(buf_done) struct buf shown = buf_init(PAST_PROXY_URL_MAX);

	out->alone = o->alone;
	if (!o->alone && past_proxy_url(o->proxy, &out->proxy, &shown, err) == -1)
		return -1;
	return past_proxy_places(o->past, out, err);
}

static int wait_closed(const struct fence_check *o, struct waiting *w, struct err *err)
{
	if (read_places(o, &w->round, err) == -1 || loop_new(&w->loop, err) == -1)
		return -1;
	w->round.loop = w->loop;
	w->round.done = judged;
	w->round.ctx = w;
	w->last = PAST_PROXY_SILENT;
	w->pause = (struct loop_timer){ .fire = begin, .ctx = w };
	w->end = (struct loop_timer){ .fire = give_up, .ctx = w };
	loop_timer_set(w->loop, &w->end, (int64_t)o->wait_s * 1000);
	loop_timer_set(w->loop, &w->pause, 0);
	if (loop_run(w->loop, err) == -1)
		return -1;
	return conclude(w, err);
}

static int prepare(void *ctx, struct err *err)
{
	struct fence_check *o = ctx;
	struct waiting waiting = { 0 };

	if ((o->install != NULL && install_agent(o->install, err) == -1) ||
	    (o->tls_dir != NULL && write_trust(o, err) == -1))
		return -1;
	int result = wait_closed(o, &waiting, err);
	o->reached = waiting.last == PAST_PROXY_OPEN;
	loop_free(waiting.loop);
	return result;
}

/* --- argv ---------------------------------------------------------------------------------------- */

static int check(void *ctx, struct err *err)
{
	struct fence_check *o = ctx;

	o->wait_s = WAIT_S;
	if (o->wait != NULL && words_number(o->wait, 1, WAIT_MAX_S, &o->wait_s, err) == -1)
		return err_wrap(err, "--wait");
	if (o->past == NULL || (o->proxy == NULL) != o->alone)
		return err_set(err, ERR_INVALID,
			       "--past is needed, and one of --proxy and --alone");
	if ((o->tls_dir == NULL) != (o->ca == NULL))
		return err_set(err, ERR_INVALID, "--tls-dir and --ca need each other");
	return 0;
}

static void tell(void *ctx, struct log_line *line)
{
	const struct fence_check *o = ctx;

	log_str(line, "past", o->past);
}

int cmd_fence_check(int argc, char **argv)
{
	struct fence_check o = { 0 };
	const struct cmd_option options[] = {
		{ "--proxy", CMD_TEXT, &o.proxy, "URL",
		  "http://[USER:PASSWORD@]ADDRESS:PORT, which has to answer" },
		{ "--alone", CMD_FLAG, &o.alone, NULL,
		  "no proxy: whoever asks compares with a pod that is not closed" },
		{ "--past", CMD_TEXT, &o.past, "ADDRESS:PORT,...",
		  "what must not be reached: the API server's, which every pod could, and others" },
		{ "--wait", CMD_TEXT, &o.wait, "SECONDS", "how long for both (default 60)" },
		{ "--install", CMD_TEXT, &o.install, "DIRECTORY",
		  "where to copy the agent to, for the workloads" },
		{ "--tls-dir", CMD_TEXT, &o.tls_dir, "DIRECTORY",
		  "where workloads read whom to trust" },
		{ "--ca", CMD_TEXT, &o.ca, "FILE", "the certificate of the proxy's authority" },
		{ "--upstream-ca", CMD_REPEATED, &o.upstream_ca, "FILE",
		  "roots that upstream servers may have besides the well-known ones" },
	};
	const struct fence_step step = {
		.synopsis = "openshell-agent fence-check [OPTIONS]",
		.options = options,
		.n_options = ARRAY_LEN(options),
		.check = check,
		.work = prepare,
		.tell = tell,
		.ctx = &o,
	};

	int status = fence_step_run(argc, argv, &step);
	return status == EXIT_NO_SANDBOX && o.reached ? EXIT_NOT_CLOSED : status;
}
