/* SPDX-License-Identifier: Apache-2.0 */
/* confine: what the identity helper takes from itself before it reads the first question: it keeps the
 * two capabilities that looking at other processes takes, and can then open files for reading and talk
 * on the sockets that it has, nothing else.
 *
 * No Landlock here: a process in a Landlock domain may not look at processes outside of it, which is
 * the helper's whole work. What Landlock would forbid, every way to change a file, seccomp does. */
#ifndef AGENT_IDENTITY_CONFINE_H
#define AGENT_IDENTITY_CONFINE_H

#include <stdint.h>

#include "agent/sandbox/seccomp_build.h"
#include "lib/err.h"

/* CAP_DAC_READ_SEARCH and CAP_SYS_PTRACE, as in /proc/PID/status. */
static const uint64_t confine_capabilities = UINT64_C(1) << 2 | UINT64_C(1) << 19;

/* For good. Needs CAP_SETPCAP. */
int confine_helper(struct err *err);

/* The system calls that the helper may make; any other ends it. */
void confine_build(struct seccomp_program *out);

#endif
