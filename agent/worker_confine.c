/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/worker_confine.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/sandbox/ids.h"
#include "agent/sandbox/landlock.h"
#include "agent/sandbox/seccomp_list.h"
#include "agent/sandbox/seccomp_load.h"
#include "lib/cleanup.h"

enum { FIRST = 0, PROTECTION = 2 };

static const struct seccomp_rule allowed[] = {
	ALLOW(__NR_epoll_pwait),
	ALLOW(__NR_read),
	ALLOW(__NR_write),
	ALLOW(__NR_recvfrom),
	ALLOW(__NR_sendto),
	ALLOW(__NR_recvmsg),
	ALLOW(__NR_sendmsg),
	ALLOW(__NR_readv),
	ALLOW(__NR_writev),
	ALLOW(__NR_splice),
	ALLOW(__NR_clock_gettime),
	ALLOW(__NR_epoll_ctl),
	ALLOW(__NR_accept4),
	ALLOW(__NR_close),
	ALLOW(__NR_connect),
	ALLOW(__NR_shutdown),
	ALLOW(__NR_setsockopt),
	ALLOW(__NR_getsockopt),
	ALLOW(__NR_getsockname),
	ALLOW(__NR_getpeername),
	ALLOW(__NR_bind),
	ALLOW(__NR_epoll_create1),
	ALLOW(__NR_signalfd4),
	ALLOW(__NR_pipe2),
	ALLOW(__NR_fcntl),
	ALLOW(__NR_getrandom),
	ALLOW(__NR_getpid),
	ALLOW(__NR_gettid),
	ALLOW(__NR_futex),
	/* qsort() of libc asks how much memory there is. */
	ALLOW(__NR_sysinfo),
	/* Memory, but no code. */
	ALLOW(__NR_brk),
	ALLOW_IF(__NR_mmap, PROTECTION, PROT_EXEC, 0),
	ALLOW_IF(__NR_mprotect, PROTECTION, PROT_EXEC, 0),
	ALLOW(__NR_munmap),
	ALLOW(__NR_mremap),
	ALLOW(__NR_madvise),
	ALLOW(__NR_rt_sigaction),
	ALLOW(__NR_rt_sigprocmask),
	ALLOW(__NR_rt_sigreturn),
	ALLOW(__NR_restart_syscall),
	ALLOW(__NR_exit),
	ALLOW(__NR_exit_group),
#ifdef __NR_epoll_wait
	ALLOW(__NR_epoll_wait),
#endif
	/* Upstream connections and DNS: over IP. */
	ALLOW_IF(__NR_socket, FIRST, UINT32_MAX & ~(uint32_t)(AF_INET ^ AF_INET6),
		 AF_INET &AF_INET6),
};

void worker_confine_build(struct seccomp_program *out)
{
	_Static_assert(ARRAY_LEN(allowed) <= SECCOMP_LIST_MAX, "the filter fits");
	seccomp_list_build(allowed, ARRAY_LEN(allowed), out);
}

static int close_others(const int *keep, size_t n, struct err *err)
{
	unsigned int next = STDERR_FILENO + 1;

	for (size_t i = 0; i < n; i++) {
		unsigned int fd = (unsigned int)keep[i];

		if (fd > next && close_range(next, fd - 1, 0) == -1)
			return err_sys(err, "close inherited descriptors");
		next = fd + 1;
	}
	return close_range(next, ~0U, 0) == -1 ? err_sys(err, "close inherited descriptors") : 0;
}

int worker_confine_room(size_t n, struct err *err)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == -1)
		return err_sys(err, "read the limit of descriptors");
	if (limit.rlim_cur >= n)
		return 0;
	limit.rlim_cur = limit.rlim_max < n ? limit.rlim_max : n;
	return setrlimit(RLIMIT_NOFILE, &limit) == -1 ? err_sys(err, "make room for descriptors")
						      : 0;
}

int worker_confine_identity(uid_t uid, pid_t parent, struct err *err)
{
	const struct ids ids = { .uid = uid, .gid = uid };
	const struct rlimit none = { 0 };

	if (setrlimit(RLIMIT_CORE, &none) == -1)
		return err_sys(err, "forbid core dumps");
	if ((errno = geteuid() == 0 ? ids_drop(&ids) : ids_settle(&ids)) != 0)
		return err_sys(err, "become UID %u", uid);
	/* After the change of identity, which takes it back. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == -1 ||
	    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == -1 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
		return err_sys(err, "set no_new_privs");
	return getppid() == parent ? 0 : err_set(err, ERR_SYS, "its parent has ended");
}

int worker_confine_rest(uid_t uid, enum policy_landlock mode, const int *keep, size_t n_keep,
			struct err *err)
{
	/* No path at all. */
	const struct fs_plan nothing = { 0 };
	const struct landlock_config config = {
		.plan = &nothing, .mode = mode, .uid = uid, .gid = uid, .probe_proc = true
	};
	AUTO(landlock_done) struct landlock landlock = { .ruleset_fd = -1, .probe_fd = -1 };
	struct seccomp_program program;

	worker_confine_build(&program);
	if (close_others(keep, n_keep, err) == -1 ||
	    landlock_prepare(&config, &landlock, err) == -1)
		return -1;
	if ((errno = landlock_enter(&landlock)) != 0)
		return err_sys(err, "restrict files with Landlock");
	errno = seccomp_load(&program);
	return errno == 0 ? 0 : err_sys(err, "load the worker's seccomp filter");
}
