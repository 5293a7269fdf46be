/* SPDX-License-Identifier: Apache-2.0 */
/* openshell-agent: one static program that works inside pods of any image. The table below is all it
 * does; each line is one file. */
#include <openssl/crypto.h>
#include <stdio.h>

#include "agent/cmds.h"
#include "lib/cleanup.h"
#include "lib/cmd.h"
#include "lib/mem_libraries.h"

static int cmd_version(int argc, char **argv)
{
	(void)argc, (void)argv;
	puts("openshell-agent " OPENSHELL_VERSION);
	return 0;
}

static const struct cmd cmds[] = {
	{ "install", cmd_install, "copy this program into a volume that the workload mounts" },
	{ "run", cmd_run, "build the sandbox, then supervise the workload in it (combined)" },
	{ "net-init", cmd_net_init, "install the agent and fence the pod's network (sidecar)" },
	{ "fence-check", cmd_fence_check,
	  "install the agent, and wait until the pod reaches nothing but its proxy (proxy-pod)" },
	{ "proxy", cmd_proxy,
	  "serve the egress proxy in a container (sidecar) or a pod of its own (proxy-pod)" },
	{ "launch", cmd_launch,
	  "confine the workload without privilege, then supervise it (sidecar, proxy-pod)" },
	{ "exec", cmd_exec, "run a command inside the sandbox of this container" },
	{ "shell", cmd_shell, "run a shell inside the sandbox of this container" },
	{ "status", cmd_status, "tell what is truly enforced in this container" },
	{ "policy", cmd_policy, "check a policy, or test a request against it" },
	{ "version", cmd_version, "print the version" },
};

int main(int argc, char **argv)
{
	struct err ignored;

	/* Before anything else: OpenSSL would read openssl.cnf of the image, which can name code to load. */
	if (mem_libraries_init(&ignored) == -1 ||
	    OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ATEXIT, NULL) != 1) {
		fputs("openshell-agent: the cryptographic library cannot start\n", stderr);
		return EXIT_NO_SANDBOX;
	}
	return cmd_dispatch("openshell-agent", cmds, ARRAY_LEN(cmds), argc, argv);
}
