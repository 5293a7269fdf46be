/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cmd_policy.h"

#include "agent/policy_question.h"
#include "lib/cleanup.h"

static void print_json(const struct policy_question_answer *a)
{
	AUTO(buf_done) struct buf out = buf_init(2 * POLICY_QUESTION_TEXT_MAX);

	policy_question_put_json(a, &out);
	printf("%s}\n", buf_text(&out));
}

static void print_text(const struct policy_question *q, const struct policy_question_answer *a)
{
	printf("%s: %s\n", policy_question_verdict(&a->decision), buf_text(&a->reason));
	if (a->decision.inspect && a->path == NULL)
		printf("note: name --method and --path to test a request\n");
	if (a->decision.reason == POLICY_REASON_BINARY && q->binary == NULL)
		printf("note: name the program with --binary, or give --relaxed-identity\n");
}

int cmd_policy_test(int argc, char **argv)
{
	AUTO(policy_question_answer_done) struct policy_question_answer answer = { 0 };
	struct policy_question q;
	int status;

	if (policy_question_parse("test", false, argc, argv, &q, &status) == -1)
		return status;
	AUTO(policy_free_slot) struct policy *policy = cmd_policy_load(q.file, stderr);
	if (policy == NULL)
		return POLICY_EXIT_PROBLEMS;
	policy_question_ask(policy, &q, &answer);
	if (q.json)
		print_json(&answer);
	else
		print_text(&q, &answer);
	return answer.decision.verdict == POLICY_ALLOW ? 0 : POLICY_EXIT_DENY;
}
