/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_install: copies the agent into a volume shared with the workload. */
#include <stdio.h>

#include "agent/cmds.h"
#include "agent/install.h"
#include "lib/cmd.h"

int cmd_install(int argc, char **argv)
{
	static const char synopsis[] = "openshell-agent install DIRECTORY";
	struct err err = { 0 };
	int rest = 0;

	if (cmd_wants_help(synopsis, NULL, 0, argc, argv))
		return 0;
	if (cmd_parse(NULL, 0, argc, argv, &rest, &err) == -1 || argc - rest != 1) {
		cmd_usage(stderr, synopsis, NULL, 0);
		return CMD_EXIT_USAGE;
	}
	if (install_agent(argv[rest], &err) == -1) {
		fprintf(stderr, "openshell-agent install: %s\n", err.msg);
		return 1;
	}
	return 0;
}
