/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <unistd.h>

#include "agent/cmd_policy.h"
#include "agent/policy_question.h"
#include "agent/run_state.h"
#include "lib/cleanup.h"

enum { SUGGESTION_MAX = 64 << 10 };

/* Everything that is told. */
struct explanation {
	struct policy_question_answer answer;
	struct policy_near near[POLICY_NEAR_MAX];
	size_t n_near;
	bool is_granted; /* nothing has to be added */
	bool has_suggestion;
	struct buf suggestion; /* or why there is none */
};

/* What the run of this container decides by: the policy's file, and whether it looks at programs. */
static int find_live(struct policy_question *q, struct err *err)
{
	AUTO(run_state_free) json_t *state = NULL;
	int identity = 1;

	if (run_state_read(&state, err) == -1)
		return -1;
	json_unpack(state, "{s:{s:b}}", "network", "binary_identity", &identity);
	q->relaxed |= identity == 0;
	q->file =
		access(RUN_STATE_LIVE_POLICY, F_OK) == 0 ? RUN_STATE_LIVE_POLICY : RUN_STATE_POLICY;
	return 0;
}

/* Under the built-in policy there is no file. */
static struct policy *load(struct policy_question *q, struct buf *out_text)
{
	struct err err = { 0 };

	if (q->live && find_live(q, &err) == -1) {
		fprintf(stderr, "openshell-agent policy explain: %s\n", err.msg);
		return NULL;
	}
	if (!q->live || access(q->file, F_OK) == 0)
		return cmd_policy_load_text(q->file, stderr, out_text);
	*out_text = buf_init(POLICY_TEXT_MAX);
	buf_puts(out_text, "version: 1\n");
	return policy_default();
}

static void explain(const struct policy *policy, const struct policy_question *q, struct slice text,
		    struct explanation *out)
{
	const struct policy_decision *d = &out->answer.decision;

	policy_question_ask(policy, q, &out->answer);
	out->n_near = policy_find_near(policy, &out->answer.request, out->near);
	out->suggestion = buf_init(SUGGESTION_MAX);
	out->is_granted = d->verdict == POLICY_ALLOW && !d->audited;
	if (d->reason == POLICY_REASON_BAD_REQUEST && out->answer.request.method.n == 0)
		buf_puts(&out->suggestion, "no policy allows a malformed request");
	else if (!out->is_granted)
		out->has_suggestion =
			policy_suggest(policy, text, &out->answer.request, &out->suggestion);
}

static void explanation_done(struct explanation *explanation)
{
	policy_question_answer_done(&explanation->answer);
	buf_done(&explanation->suggestion);
}

static void print_text(const struct policy_question *q, const struct explanation *e)
{
	const struct policy_decision *d = &e->answer.decision;

	printf("%s: %s\n", policy_question_verdict(d), buf_text(&e->answer.reason));
	if (d->inspect && e->answer.request.method.n == 0)
		printf("note: name --method and --path to ask about a request\n");
	for (size_t i = 0; i < e->n_near; i++)
		printf("%s  %s%s%s: %s\n", i == 0 ? "\nnear, but not it:\n" : "",
		       e->near[i].endpoint, e->near[i].rule != NULL ? ", rule " : "",
		       e->near[i].rule != NULL ? e->near[i].rule : "", e->near[i].why);
	if (e->is_granted)
		return;
	if (e->has_suggestion)
		printf("\nthe smallest addition that allows it, under network_policies:\n%s",
		       buf_text(&e->suggestion));
	else
		printf("\n%s\n", buf_text(&e->suggestion));
	if (e->has_suggestion && e->answer.request.method.n == 0)
		printf("note: this allows any bytes; name --method and --path for less\n");
	if (q->binary == NULL && !q->relaxed)
		printf("note: name the program with --binary, or give --relaxed-identity\n");
}

static void put_text(struct buf *out, const char *name, const char *value)
{
	buf_printf(out, "\"%s\":", name);
	if (value == NULL)
		buf_puts(out, "null");
	else
		buf_put_json(out, slice_text(value));
}

static void print_json(const struct explanation *e)
{
	AUTO(buf_done) struct buf out = buf_init(8 * POLICY_QUESTION_TEXT_MAX);

	policy_question_put_json(&e->answer, &out);
	buf_puts(&out, ",\"near\":[");
	for (size_t i = 0; i < e->n_near; i++) {
		buf_puts(&out, i > 0 ? ",{" : "{");
		put_text(&out, "endpoint", e->near[i].endpoint);
		buf_puts(&out, ",");
		put_text(&out, "rule", e->near[i].rule);
		buf_puts(&out, ",");
		put_text(&out, "why", e->near[i].why);
		buf_puts(&out, "}");
	}
	buf_puts(&out, "],");
	put_text(&out, "suggestion", e->has_suggestion ? buf_text(&e->suggestion) : NULL);
	buf_puts(&out, ",");
	put_text(&out, "no_suggestion",
		 e->is_granted || e->has_suggestion ? NULL : buf_text(&e->suggestion));
	printf("%s}\n", buf_text(&out));
}

int cmd_policy_explain(int argc, char **argv)
{
	AUTO(explanation_done) struct explanation explanation = { 0 };
	AUTO(buf_done) struct buf text = { 0 };
	struct policy_question q;
	int status;

	if (policy_question_parse("explain", true, argc, argv, &q, &status) == -1)
		return status;
	AUTO(policy_free_slot) struct policy *policy = load(&q, &text);
	if (policy == NULL)
		return POLICY_EXIT_PROBLEMS;
	explain(policy, &q, buf_slice(&text), &explanation);
	if (q.json)
		print_json(&explanation);
	else
		print_text(&q, &explanation);
	return explanation.answer.decision.verdict == POLICY_ALLOW ? 0 : POLICY_EXIT_DENY;
}
