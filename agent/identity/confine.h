/* SPDX-License-Identifier: Apache-2.0 */
/* confine: what the identity helper takes from itself before it reads the first question: it keeps the
 * two capabilities that looking at other processes takes, and can then open files for reading and talk
 * on the sockets that it has, nothing else. */
#ifndef AGENT_IDENTITY_CONFINE_H
#define AGENT_IDENTITY_CONFINE_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/sandbox/seccomp_build.h"
#include "lib/err.h"

/* CAP_DAC_READ_SEARCH and CAP_SYS_PTRACE, as in /proc/PID/status. */
static const uint64_t confine_capabilities = UINT64_C(1) << 2 | UINT64_C(1) << 19;

/* For good. `landlock_optional`: go on where the kernel has no Landlock; seccomp alone still forbids
 * every way to write. Needs CAP_SETPCAP. */
int confine_helper(bool landlock_optional, struct err *err);

/* The system calls that the helper may make; any other ends it. */
void confine_build(struct seccomp_program *out);

#endif
