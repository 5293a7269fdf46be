/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/identity/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/sandbox/seccomp_list.h"
#include "agent/sandbox/seccomp_load.h"
#include "lib/cleanup.h"

/* --- capabilities ------------------------------------------------------------------------------- */

/* EINVAL ends the list: the kernel knows no capability of that number. */
static int empty_bounding_set(struct err *err)
{
	for (unsigned long cap = 0; cap < 64; cap++) {
		int set = prctl(PR_CAPBSET_READ, cap, 0, 0, 0);

		if (set == -1 && errno == EINVAL)
			return 0;
		if (set == 1 && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == -1)
			return err_sys(err, "empty the bounding set");
	}
	return 0;
}

static int keep_capabilities(struct err *err)
{
	const uint32_t kept = (uint32_t)confine_capabilities;
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	const struct __user_cap_data_struct data[2] = { { .effective = kept, .permitted = kept } };

	if (empty_bounding_set(err) == -1)
		return -1;
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) == -1 ||
	    syscall(SYS_capset, &header, data) == -1)
		return err_sys(err, "keep only DAC_READ_SEARCH and SYS_PTRACE");
	return 0;
}

/* --- system calls ------------------------------------------------------------------------------- */

enum { PROTECTION = 2, OPEN_FLAGS = 2, FIRST = 0 };

/* The kernel's bit of O_TMPFILE; libc's name for it holds O_DIRECTORY too. */
enum { TMPFILE_BIT = 020000000 };

/* The most frequent first: the filter is a list. */
static const struct seccomp_rule allowed[] = {
	ALLOW(__NR_readlinkat),
	/* Never for writing, and never a new file. */
	ALLOW_IF(__NR_openat, OPEN_FLAGS, O_ACCMODE | O_CREAT | O_TRUNC | TMPFILE_BIT, O_RDONLY),
	ALLOW(__NR_close),
	ALLOW(__NR_read),
	ALLOW(__NR_newfstatat),
	ALLOW(__NR_fstat),
	ALLOW(__NR_statx),
	ALLOW(__NR_getdents64),
	ALLOW(__NR_lseek),
	ALLOW(__NR_sendto),
	ALLOW(__NR_recvfrom),
	ALLOW(__NR_recvmsg),
	ALLOW(__NR_clock_gettime),
	ALLOW(__NR_clock_nanosleep),
	ALLOW(__NR_getpid),
	/* Memory, but no code. */
	ALLOW(__NR_brk),
	ALLOW_IF(__NR_mmap, PROTECTION, PROT_EXEC, 0),
	ALLOW_IF(__NR_mprotect, PROTECTION, PROT_EXEC, 0),
	ALLOW(__NR_munmap),
	ALLOW(__NR_mremap),
	ALLOW(__NR_madvise),
	ALLOW(__NR_futex),
	ALLOW(__NR_getrandom),
	/* Its last words. */
	ALLOW_IF(__NR_write, FIRST, UINT32_MAX, STDERR_FILENO),
	ALLOW(__NR_rt_sigreturn),
	ALLOW(__NR_rt_sigprocmask),
	ALLOW(__NR_restart_syscall),
	ALLOW(__NR_exit),
	ALLOW(__NR_exit_group),
};

void confine_build(struct seccomp_program *out)
{
	seccomp_list_build(allowed, ARRAY_LEN(allowed), out);
}

int confine_helper(struct err *err)
{
	const struct rlimit none = { 0 };
	struct seccomp_program program;

	confine_build(&program);
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == -1 || setrlimit(RLIMIT_CORE, &none) == -1)
		return err_sys(err, "forbid core dumps");
	if (keep_capabilities(err) == -1)
		return -1;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
		return err_sys(err, "set no_new_privs");
	errno = seccomp_load(&program);
	return errno == 0 ? 0 : err_sys(err, "load the helper's seccomp filter");
}
