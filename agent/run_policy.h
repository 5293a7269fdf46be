/* SPDX-License-Identifier: Apache-2.0 */
/* run_policy: the policy that a run starts under: read, parsed, and named by its digest. */
#ifndef AGENT_RUN_POLICY_H
#define AGENT_RUN_POLICY_H

#include <stdbool.h>

#include "lib/buf.h"
#include "lib/digest.h"
#include "lib/err.h"
#include "policy/policy.h"

struct run_policy {
	struct policy *policy;
	struct buf text; /* what was parsed; empty for the built-in policy */
	const char *source; /* the file, or "built-in"; borrows `path` */
	char sha256[DIGEST_HEX_SIZE]; /* of the file's text; "" for the built-in one */
};

/* `path` NULL, or absent and `optional`: the built-in policy. Anything else that keeps the policy from
 * being read, or any problem in it, is an error that names the place: nothing runs without the policy
 * that was asked for. */
int run_policy_load(const char *path, bool optional, struct run_policy *out, struct err *err);

/* ERR_INVALID: it names `binaries`, and where there is no identity nobody can tell programs apart. */
int run_policy_refuse_binaries(const struct policy *policy, struct err *err);

void run_policy_done(struct run_policy *policy);

#endif
