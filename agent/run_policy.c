/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/run_policy.h"

#include <errno.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/io.h"

static int refuse(const char *path, const struct policy_problems *problems, struct err *err)
{
	const struct policy_problem *first = &problems->items[0];
	size_t more = problems->n - 1 + problems->left_off;

	err_set(err, ERR_INVALID, "%s:%u:%u: %s%s%s", path, first->line, first->column,
		first->place, first->place[0] != '\0' ? ": " : "", first->text);
	if (more > 0)
		err_wrap(err, "%zu problems, the first", more + 1);
	return -1;
}

int run_policy_load(const char *path, bool optional, struct run_policy *out, struct err *err)
{
	AUTO(policy_problems_done) struct policy_problems problems = { 0 };
	AUTO(run_policy_done)
	struct run_policy loaded = {
		.source = path,
		.text = buf_init(POLICY_TEXT_MAX),
	};

	if (path == NULL || (optional && access(path, F_OK) == -1 && errno == ENOENT)) {
		*out = (struct run_policy){ .policy = policy_default(), .source = "built-in" };
		return 0;
	}
	if (io_read_file(path, &loaded.text, err) == -1 ||
	    digest_sha256(buf_slice(&loaded.text), loaded.sha256, err) == -1)
		return err_wrap(err, "policy");
	loaded.policy = policy_parse(buf_slice(&loaded.text), &problems);
	if (loaded.policy == NULL) {
		refuse(path, &problems, err);
		return err_wrap(err, "policy");
	}
	*out = loaded;
	loaded = (struct run_policy){ 0 };
	return 0;
}

int run_policy_refuse_binaries(const struct policy *policy, struct err *err)
{
	if (policy->n_binaries == 0)
		return 0;
	return err_set(
		err, ERR_INVALID,
		"the policy names `binaries`, and the proxy sees none of the pod's programs: "
		"leave them out, or set openshell.io/binary-identity: relaxed");
}

void run_policy_done(struct run_policy *policy)
{
	policy_free(policy->policy);
	buf_done(&policy->text);
	*policy = (struct run_policy){ 0 };
}
