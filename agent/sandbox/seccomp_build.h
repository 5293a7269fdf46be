/* SPDX-License-Identifier: Apache-2.0 */
/* seccomp_build: the workload's system call filter as classic BPF. Pure: it makes no system call;
 * seccomp_load installs what comes out. What is allowed, and why, is data in seccomp_table.c.
 *
 * The filter is an allow-list for the architecture it was built for:
 *  - a call of another architecture (int 0x80 on x86_64) kills the process: its numbers mean
 *    other calls, and no program of this architecture makes one by accident;
 *  - a number that is not in the table, an x32 number among them, answers ENOSYS, as a kernel
 *    that lacks it does: libraries fall back, a probe ends nobody, and what a new kernel brings is
 *    refused until somebody has looked at it;
 *  - what would reach out of the sandbox or at it answers EPERM, or ENOSYS where programs have a
 *    way round a missing call and none round a forbidden one.
 * Only the low 32 bits of an argument are looked at, as the kernel takes all of them as `int`. */
#ifndef AGENT_SANDBOX_SECCOMP_BUILD_H
#define AGENT_SANDBOX_SECCOMP_BUILD_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>

#include "lib/err.h"

/* Well under BPF_MAXINSNS (4096); building fails rather than pass it. */
enum { SECCOMP_PROGRAM_MAX = 1024 };

struct seccomp_program {
	struct sock_filter insns[SECCOMP_PROGRAM_MAX];
	size_t n;
};

struct seccomp_options {
	/* For kernels whose Landlock cannot restrict truncation (ABI below 3): truncate(2) and an
	 * open() that truncates without asking to write are refused, openat2() answers ENOSYS. */
	bool refuse_truncate;
};

/* Fails only on a defect of the table itself (ERR_BUG). */
int seccomp_build(const struct seccomp_options *options, struct seccomp_program *out,
		  struct err *err);

#endif
