/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/cmd_policy.h"

#include <string.h>

#include "lib/cleanup.h"
#include "lib/cmd.h"
#include "lib/io.h"
#include "policy/policy.h"

static void print_problems(FILE *to, const char *file, const char *kind,
			   const struct policy_problems *problems)
{
	for (size_t i = 0; i < problems->n; i++) {
		const struct policy_problem *p = &problems->items[i];

		fprintf(to, "%s:%u:%u: %s%s: %s\n", file, p->line, p->column, kind,
			p->place[0] != '\0' ? p->place : "policy", p->text);
	}
	if (problems->left_off > 0)
		fprintf(to, "%s: and %zu more\n", file, problems->left_off);
}

struct policy *cmd_policy_load_text(const char *path, FILE *to, struct buf *out_text)
{
	AUTO(policy_problems_done) struct policy_problems problems = { 0 };
	const char *name = strcmp(path, "-") == 0 ? "(standard input)" : path;
	struct err err = { 0 };

	*out_text = buf_init(POLICY_TEXT_MAX);
	if (io_read_input(path, out_text, &err) == -1) {
		if (err.code == ERR_LIMIT)
			fprintf(to, "%s:1:1: is longer than %d bytes; split the policy\n", name,
				POLICY_TEXT_MAX);
		else
			fprintf(to, "%s: %s\n", name, err.msg);
		return NULL;
	}
	struct policy *policy = policy_parse(buf_slice(out_text), &problems);
	print_problems(to, name, "", &problems);
	if (policy != NULL)
		print_problems(to, name, "warning: ", &policy->warnings);
	return policy;
}

struct policy *cmd_policy_load(const char *path, FILE *to)
{
	AUTO(buf_done) struct buf text = { 0 };

	return cmd_policy_load_text(path, to, &text);
}

int cmd_policy_check(int argc, char **argv)
{
	static const char synopsis[] = "openshell-agent policy check FILE...";
	struct err err = { 0 };
	int status = 0;
	int rest;

	if (cmd_wants_help(synopsis, NULL, 0, argc, argv))
		return 0;
	if (cmd_parse(NULL, 0, argc, argv, &rest, &err) == -1 || rest == argc) {
		fprintf(stderr, "openshell-agent policy check: %s\n",
			err.msg[0] != '\0' ? err.msg : "no FILE is named");
		cmd_usage(stderr, synopsis, NULL, 0);
		return CMD_EXIT_USAGE;
	}
	for (int i = rest; i < argc; i++) {
		AUTO(policy_free_slot) struct policy *policy = cmd_policy_load(argv[i], stdout);

		if (policy == NULL) {
			status = POLICY_EXIT_PROBLEMS;
			continue;
		}
		printf("%s: ok: %zu network policies, %zu endpoints, %zu warnings\n", argv[i],
		       policy->n_network_policies, policy->n_endpoints, policy->warnings.n);
	}
	return status;
}

int cmd_policy(int argc, char **argv)
{
	static const struct cmd cmds[] = {
		{ "check", cmd_policy_check, "tell everything that is wrong with policy files" },
		{ "test", cmd_policy_test, "tell what a policy decides about one request" },
		{ "explain", cmd_policy_explain,
		  "tell why, what came near, and the smallest addition that would allow it" },
	};

	return cmd_dispatch("openshell-agent policy", cmds, ARRAY_LEN(cmds), argc, argv);
}
