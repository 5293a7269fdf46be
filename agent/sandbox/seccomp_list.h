/* SPDX-License-Identifier: Apache-2.0 */
/* seccomp_list: a filter for a process of ours that makes few system calls: those of a list, and any other
 * ends it. Pure. The workload's filter is seccomp_build.h. */
#ifndef AGENT_SANDBOX_SECCOMP_LIST_H
#define AGENT_SANDBOX_SECCOMP_LIST_H

#include <linux/seccomp.h>

#include "agent/sandbox/seccomp_build.h"
#include "agent/sandbox/seccomp_table.h"

/* A call whatever its arguments, and one whose argument `argument`, masked by `bits`, is `want`. */
#define ALLOW(call)                                       \
	{                                                 \
		.nr = (call), .action = SECCOMP_RET_ALLOW \
	}
#define ALLOW_IF(call, argument, bits, want)                                        \
	{                                                                           \
		.nr = (call), .action = SECCOMP_RET_ALLOW, .n_tests = 1, .tests = { \
			{ (argument), (uint32_t)(bits), (uint32_t)(want) }          \
		}                                                                   \
	}

/* Each call has one rule of at most one test. The most frequent first. At most SECCOMP_LIST_MAX rules. */
enum { SECCOMP_LIST_MAX = (SECCOMP_PROGRAM_MAX - 6) / 6 };
void seccomp_list_build(const struct seccomp_rule *rules, size_t n, struct seccomp_program *out);

#endif
