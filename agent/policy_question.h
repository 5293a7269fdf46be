/* SPDX-License-Identifier: Apache-2.0 */
/* policy_question: what a command line asks a policy about, and the policy's decision. For `policy test` and
 * `policy explain`. */
#ifndef AGENT_POLICY_QUESTION_H
#define AGENT_POLICY_QUESTION_H

#include <stdbool.h>

#include "lib/buf.h"
#include "lib/cmd.h"
#include "lib/err.h"
#include "policy/canon_path.h"
#include "policy/policy.h"

enum { POLICY_QUESTION_TEXT_MAX = 65536 };

/* What the command line asks. Borrows from it. */
struct policy_question {
	const char *file; /* NULL under `live` */
	const char *host, *method, *path, *binary;
	uint16_t port;
	struct cmd_list ancestors;
	bool relaxed, json, live;
};

/* What is answered. `request` borrows from question and answer, so neither may move. */
struct policy_question_answer {
	struct policy_request request; /* with method and path of a request that makes sense */
	struct canon_target target;
	const char *path; /* canonical; NULL where none was decided on */
	struct policy_decision decision;
	struct buf reason;
};

/* FILE may stand before, between or after the options. 0, or the exit status in *out_status: help was asked
 * for and printed, or something is wrong and told. `may_be_live`: there is an option --live. */
int policy_question_parse(const char *name, bool may_be_live, int argc, char **argv,
			  struct policy_question *out, int *out_status);

void policy_question_ask(const struct policy *policy, const struct policy_question *question,
			 struct policy_question_answer *out);
void policy_question_answer_done(struct policy_question_answer *answer);

/* "allow", "deny", or "audit" where it is let through because the endpoint only audits. */
const char *policy_question_verdict(const struct policy_decision *decision);

/* `{"verdict":…,…,"reason":…`: an object that is left open. */
void policy_question_put_json(const struct policy_question_answer *answer, struct buf *out);

#endif
