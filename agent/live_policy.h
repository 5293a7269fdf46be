/* SPDX-License-Identifier: Apache-2.0 */
/* live_policy: what `status` tells of a run's policy: which one is in force, what is wrong with the one
 * that the file holds instead, and what of it waits for the next start. */
#ifndef AGENT_LIVE_POLICY_H
#define AGENT_LIVE_POLICY_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "agent/run_policy.h"
#include "lib/err.h"
#include "lib/rd.h"

/* Why what the file says is not in force. */
struct live_policy_problem {
	char reason[600];
	unsigned line, column; /* 0: not a place in the text */
	char sha256[DIGEST_HEX_SIZE]; /* of the text; "" where it could not be read */
};

struct live_policy {
	const char *source; /* borrowed */
	char sha256[DIGEST_HEX_SIZE]; /* "": the built-in policy */
	uint32_t generation; /* 1 at the start, one more for each that was put in force */
	bool has_problem;
	struct live_policy_problem problem;
	uint32_t waits; /* bits of enum policy_section */
};

void live_policy_start(struct live_policy *out, const struct run_policy *start);

/* The caller frees it with json_decref(). NULL where a text is not UTF-8. */
json_t *live_policy_json(const struct live_policy *live);

/* To the run's directory; `text` is what is in force, or empty where that is as before. */
int live_policy_write(const struct live_policy *live, struct slice text, struct err *err);

#endif
