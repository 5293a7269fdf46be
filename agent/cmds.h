/* SPDX-License-Identifier: Apache-2.0 */
/* cmds: the agent's subcommands. Each lives in cmd_NAME.c, reads its own options and returns the exit
 * status (DESIGN section 9): 0, 2 for usage, and what its help says. */
#ifndef AGENT_CMDS_H
#define AGENT_CMDS_H

enum {
	/* The sandbox, or a part of it, could not be built, and the workload did not run. */
	EXIT_NO_SANDBOX = 125,
	/* Of fence-check, whose status the webhook's `check` reads: the same, as the pod reached what it must not. */
	EXIT_NOT_CLOSED = 124,
};

int cmd_install(int argc, char **argv);
int cmd_run(int argc, char **argv);
int cmd_net_init(int argc, char **argv);
int cmd_fence_check(int argc, char **argv);
int cmd_proxy(int argc, char **argv);
int cmd_launch(int argc, char **argv);
int cmd_exec(int argc, char **argv);
int cmd_shell(int argc, char **argv);
int cmd_status(int argc, char **argv);
int cmd_policy(int argc, char **argv);

#endif
