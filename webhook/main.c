/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>

#include "lib/cleanup.h"
#include "lib/cmd.h"
#include "lib/mem_libraries.h"
#include "webhook/cmd_audit.h"
#include "webhook/cmd_check.h"
#include "webhook/cmd_companions.h"
#include "webhook/cmd_denials.h"
#include "webhook/cmd_inject.h"
#include "webhook/cmd_serve.h"

static int cmd_version(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return puts("openshell-webhook " OPENSHELL_VERSION) == EOF;
}

static const struct cmd cmds[] = {
	{ "serve", cmd_serve, "the admission server" },
	{ "inject", cmd_inject, "sandbox the pods of a manifest, without a cluster" },
	{ "companions", cmd_companions, "what is made for a pod of topology proxy-pod" },
	{ "audit", cmd_audit, "which pods of a cluster are not sandboxed as they should be" },
	{ "check", cmd_check, "is this cluster, namespace and workload ready" },
	{ "denials", cmd_denials, "print every reason for refusing a pod (Markdown)" },
	{ "version", cmd_version, "print the version" },
};

int main(int argc, char **argv)
{
	struct err err = { 0 };

	if (mem_libraries_init(&err) == -1) {
		fprintf(stderr, "openshell-webhook: %s\n", err.msg);
		return EXIT_FAILURE;
	}
	return cmd_dispatch("openshell-webhook", cmds, ARRAY_LEN(cmds), argc, argv);
}
