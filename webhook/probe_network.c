/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/probe_network.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "lib/cleanup.h"
#include "lib/mem.h"
#include "webhook/check_enforcement.h"
#include "webhook/pod.h"

enum {
	/* An image to be pulled, on a node that is busy. */
	WAIT_S = 120,
	POLL_MS = 500,
	TIMEOUT_MS = 10000,
	TARGET_MAX = 1024,
	BODY_MAX = 64 << 10,
	WHY_MAX = 512,
	NODE_MAX = 253,
};

struct probing {
	const struct kube_client *client;
	struct probe_from from;
	sigset_t signals;
	json_t *made[PROBE_OBJECTS]; /* as the API server has them; NULL: not made */
	char node[NODE_MAX + 1]; /* of the one that ended last */
	struct buf why; /* it found nothing */
};

static void put_target(const struct probing *p, enum probe_object which, bool is_folder,
		       struct buf *out)
{
	probe_objects_folder(p->from.namespace_name, which, out);
	if (!is_folder)
		buf_printf(out, "/%s", probe_objects_name(which));
}

static int ask(const struct probing *p, enum kube_verb verb, enum probe_object which, json_t *body,
	       struct kube_answer *out, struct err *err)
{
	AUTO(buf_done) struct buf target = buf_init(TARGET_MAX);
	AUTO(buf_done) struct buf text = buf_init(BODY_MAX);

	put_target(p, which, verb == KUBE_CREATE, &target);
	if (body != NULL)
		json_put(&text, body);
	const struct kube_request request = { .verb = verb,
					      .target = buf_text(&target),
					      .body = buf_slice(&text),
					      .timeout_ms = TIMEOUT_MS };
	return kube_client_ask(p->client, &request, out, err);
}

/* --- making and taking away ------------------------------------------------------------------- */

static bool make(struct probing *p, enum probe_object which)
{
	AUTO(kube_answer_done) struct kube_answer answer = { 0 };
	AUTO(json_drop) json_t *object = probe_objects_make(&p->from, which);
	struct err err;

	if (ask(p, KUBE_CREATE, which, object, &answer, &err) == 0) {
		p->made[which] = STEAL(answer.object);
		return true;
	}
	if (answer.outcome == KUBE_EXISTS)
		buf_printf(&p->why,
			   "%s is there already, of another probe that runs, or of one that was "
			   "killed: kubectl delete pods,networkpolicies -l " PROBE_LABEL,
			   probe_objects_name(which));
	else
		buf_printf(&p->why, "%s cannot be made: %s", probe_objects_name(which), err.msg);
	return false;
}

/* That one, and none that somebody made in its place. */
static void take_away(struct probing *p, enum probe_object which, struct check_report *report)
{
	AUTO(kube_answer_done) struct kube_answer answer = { 0 };
	const char *uid = json_member_text(json_member(p->made[which], "metadata"), "uid");
	AUTO(json_drop)
	json_t *options =
		json_pack("{s:s, s:s, s:i, s:{s:s}}", "apiVersion", "v1", "kind", "DeleteOptions",
			  "gracePeriodSeconds", 0, "preconditions", "uid", uid != NULL ? uid : "");
	struct err err;

	if (p->made[which] == NULL)
		return;
	if (ask(p, KUBE_DELETE, which, options, &answer, &err) == -1 &&
	    answer.outcome != KUBE_ABSENT)
		check_add(report, CHECK_UNKNOWN, "probe",
			  "kubectl delete pods,networkpolicies -l " PROBE_LABEL,
			  "%s was not taken away: %s", probe_objects_name(which), err.msg);
	json_decref(p->made[which]);
	p->made[which] = NULL;
}

/* --- waiting ---------------------------------------------------------------------------------- */

static int64_t now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

/* Of the first condition that has one: the scheduler's, while no node takes it. */
static const char *complaint(const json_t *status)
{
	const json_t *conditions = json_member(status, "conditions");
	const char *text = NULL;

	for (size_t i = 0; text == NULL && i < json_array_size(conditions); i++)
		text = json_member_text(json_array_get(conditions, i), "message");
	return text;
}

/* What keeps it from its result, in whoever's words there are. */
static const char *reason_of(const json_t *pod)
{
	const json_t *status = json_member(pod, "status");
	const json_t *state = json_member(pod_find_named(json_member(status, "containerStatuses"),
							 PROBE_CONTAINER),
					  "state");
	const char *const words[] = {
		json_member_text(json_member(state, "waiting"), "reason"),
		json_member_text(json_member(state, "terminated"), "reason"),
		complaint(status),
		json_member_text(status, "phase"),
	};

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (words[i] != NULL)
			return words[i];
	return "it has no status";
}

static bool is_over(const json_t *pod)
{
	const char *phase = json_member_text(json_member(pod, "status"), "phase");

	return phase != NULL && (strcmp(phase, "Succeeded") == 0 || strcmp(phase, "Failed") == 0);
}

/* True where a signal asks to end. */
static bool pause_or_end(const struct probing *p)
{
	const struct timespec poll = { .tv_nsec = POLL_MS * 1000000L };

	return sigtimedwait(&p->signals, NULL, &poll) > 0;
}

static void keep_node(struct probing *p, const json_t *pod)
{
	const char *node = json_member_text(json_member(pod, "spec"), "nodeName");

	snprintf(p->node, sizeof(p->node), "%s", node != NULL ? node : "");
}

/* UNKNOWN has its reason in `why`. */
static enum check_fence result_of(struct probing *p, enum probe_object which)
{
	const char *name = probe_objects_name(which);
	int64_t until = now_s() + WAIT_S;
	struct err err;

	for (;;) {
		AUTO(kube_answer_done) struct kube_answer answer = { 0 };

		if (ask(p, KUBE_GET, which, NULL, &answer, &err) == -1) {
			buf_printf(&p->why, "%s cannot be looked at: %s", name, err.msg);
			return CHECK_FENCE_UNKNOWN;
		}
		enum check_fence found = check_fence_of(answer.object, PROBE_CONTAINER);
		if (found == CHECK_FENCE_UNKNOWN && now_s() < until && !is_over(answer.object)) {
			if (!pause_or_end(p))
				continue;
			buf_printf(&p->why, "it was told to end before %s had ended", name);
			return CHECK_FENCE_UNKNOWN;
		}
		if (found == CHECK_FENCE_UNKNOWN)
			buf_printf(&p->why, "%s found nothing: %.200s", name,
				   reason_of(answer.object));
		keep_node(p, answer.object);
		return found;
	}
}

/* --- all of it -------------------------------------------------------------------------------- */

/* The policy comes before the pod that it closes, as those of agent pods do. */
static void find_out(struct probing *p, struct check_probe *found)
{
	if (!make(p, PROBE_POLICY) || !make(p, PROBE_OPEN))
		return;
	found->without_policy = result_of(p, PROBE_OPEN);
	if (found->without_policy == CHECK_FENCE_UNKNOWN)
		return;
	p->from.node = p->node[0] != '\0' ? p->node : NULL;
	if (found->without_policy == CHECK_FENCE_OPEN && make(p, PROBE_CLOSED))
		found->with_policy = result_of(p, PROBE_CLOSED);
}

void probe_network(const struct kube_client *client, const struct probe_from *from,
		   struct check_report *report)
{
	struct probing p = { .client = client, .from = *from, .why = buf_init(WHY_MAX) };
	struct check_probe found = { 0 };
	sigset_t before;

	sigemptyset(&p.signals);
	sigaddset(&p.signals, SIGINT);
	sigaddset(&p.signals, SIGTERM);
	sigaddset(&p.signals, SIGHUP);
	sigprocmask(SIG_BLOCK, &p.signals, &before);
	find_out(&p, &found);
	found.node = p.from.node != NULL ? p.from.node : "?";
	found.why = buf_text(&p.why);
	check_probe_report(&found, report);
	/* The policy last: while its pod is there, that stays closed. */
	take_away(&p, PROBE_CLOSED, report);
	take_away(&p, PROBE_OPEN, report);
	take_away(&p, PROBE_POLICY, report);
	sigprocmask(SIG_SETMASK, &before, NULL);
	buf_done(&p.why);
}
