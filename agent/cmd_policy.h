/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_policy: `policy check` tells what is wrong with policy files, `policy test` what a policy decides,
 * `policy explain` why, and what would have to be added. They read files and nothing else: they need no
 * sandbox, no privilege and no network. Only `policy explain --live` asks for the run of its container. */
#ifndef AGENT_CMD_POLICY_H
#define AGENT_CMD_POLICY_H

#include <stdio.h>

enum { POLICY_EXIT_PROBLEMS = 1, POLICY_EXIT_DENY = 3 };

/* `argv[0]` is "policy". */
int cmd_policy(int argc, char **argv);

/* The parts of it, each in a file of its own. */
int cmd_policy_check(int argc, char **argv);
int cmd_policy_test(int argc, char **argv);
int cmd_policy_explain(int argc, char **argv);

struct buf;
struct policy;

/* The policy in `path` ("-" is standard input), or NULL after its problems were printed. Problems and
 * warnings go to `to`, one line each: FILE:LINE:COLUMN: place: problem; remedy. */
struct policy *cmd_policy_load(const char *path, FILE *to);

/* The same, with its text: the caller releases it in either case. */
struct policy *cmd_policy_load_text(const char *path, FILE *to, struct buf *out_text);

#endif
