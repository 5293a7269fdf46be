/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/launch_fence.h"

#include <string.h>

#include "agent/proxy_parts.h"

/* A round is a handful of connections at other people's places, for every container of a cluster. */
enum { ROUND_EVERY_S = 30 };

static int check_filter(const struct launch_fence *fence, struct err *err)
{
	return probe_check(&fence->probe, err) == -1 ? err_wrap(err, "the fence") : 0;
}

int launch_fence_open(const struct launch_options *o, struct launch_fence *out,
		      struct buf *out_shown, struct err *err)
{
	out->by_others = o->past != NULL;
	if (out->by_others)
		return past_proxy_url(o->proxy_url, &out->round.proxy, out_shown, err) == -1 ||
				       past_proxy_places(o->past, &out->round, err) == -1
			       ? -1
			       : 0;
	buf_puts(out_shown, o->proxy_url);
	int error = probe_open(&out->probe);
	if (error != 0)
		return err_set(err, ERR_SYS, "open a socket to check the fence with: %s",
			       strerror(error));
	return check_filter(out, err);
}

static void judged(void *ctx, enum past_proxy_result result)
{
	struct launch_fence *fence = ctx;
	struct err why = { 0 };

	fence->running = false;
	if (past_proxy_judge(&fence->round, result, &why) == 0) {
		fence->silent = false;
		return;
	}
	if (result == PAST_PROXY_OPEN) {
		*fence->err = why;
		loop_stop(fence->round.loop);
		return;
	}
	/* The proxy may be on its way back; what the workload cannot reach without it, it cannot reach now either. */
	if (!fence->silent)
		log_reason(fence->log, LOG_LEVEL_WARN, "fence.unproved", why.msg);
	fence->silent = true;
}

static int begin(struct launch_fence *fence, struct err *err)
{
	if (fence->running)
		return 0;
	if (past_proxy_begin(&fence->round, err) == -1)
		return err_wrap(err, "the fence cannot be checked");
	fence->running = true;
	return 0;
}

int launch_fence_watch(struct launch_fence *fence, struct loop *loop, const struct log *log,
		       struct err *err)
{
	fence->log = log;
	fence->err = err;
	fence->round.loop = loop;
	fence->round.done = judged;
	fence->round.ctx = fence;
	return fence->by_others ? begin(fence, err) : 0;
}

int launch_fence_check(void *ctx, struct err *err)
{
	struct launch_fence *fence = ctx;

	return fence->by_others ? begin(fence, err) : check_filter(fence, err);
}

int launch_fence_check_every_s(const struct launch_fence *fence)
{
	return fence->by_others ? ROUND_EVERY_S : PROXY_CHECK_EVERY_S;
}

void launch_fence_done(struct launch_fence *fence)
{
	if (fence->running)
		past_proxy_cancel(&fence->round);
	fence->running = false;
	probe_close(&fence->probe);
}
