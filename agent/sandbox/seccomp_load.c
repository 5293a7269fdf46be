/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/sandbox/seccomp_load.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>
#include <unistd.h>

int seccomp_load(const struct seccomp_program *program)
{
	/* struct sock_fprog, but for the const that the kernel keeps and its header forgets. */
	const struct {
		unsigned short len;
		const struct sock_filter *filter;
	} fprog = { (unsigned short)program->n, program->insns };

	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &fprog) == -1 ? errno : 0;
}
