/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/ioprio.h>
#include <linux/landlock.h>
#include <linux/netlink.h>
#include <linux/openat2.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/sandbox/seccomp_build.h"
#include "agent/sandbox/seccomp_load.h"
#include "agent/sandbox/seccomp_newer.h"
#include "agent/sandbox/seccomp_table.h"
#include "lib/cleanup.h"
#include "tests/support/bpf_eval.h"

#if defined(__x86_64__)
#define NATIVE AUDIT_ARCH_X86_64
#define FOREIGN AUDIT_ARCH_AARCH64
#else
#define NATIVE AUDIT_ARCH_AARCH64
#define FOREIGN AUDIT_ARCH_X86_64
#endif

#define ALLOWED SECCOMP_RET_ALLOW
#define REFUSED(e) (SECCOMP_RET_ERRNO | (e))
#define X32_BIT 0x40000000u

/* Beyond every number that any kernel uses. */
enum { NUMBERS = 1024 };

static const struct seccomp_options modern = { .refuse_truncate = false };
static const struct seccomp_options old_landlock = { .refuse_truncate = true };

static struct seccomp_program program_for(const struct seccomp_options *options)
{
	struct seccomp_program program;
	struct err err;

	ck_assert_msg(seccomp_build(options, &program, &err) == 0, "%s", err.msg);
	return program;
}

static uint32_t verdict_of(const struct seccomp_program *program, const struct seccomp_data *data,
			   size_t *out_steps)
{
	uint32_t verdict = 0;

	ck_assert_msg(bpf_eval(program->insns, program->n, data, &verdict, out_steps),
		      "call %d runs out of the program", data->nr);
	return verdict;
}

struct call {
	const char *name;
	int nr;
	uint64_t args[6];
	uint32_t want;
};

#define CALL(name, want, ...)                             \
	{                                                 \
#name, __NR_##name, { __VA_ARGS__ }, want \
	}

static const struct call calls[] = {
	/* What every program does. */
	CALL(read, ALLOWED, 0),
	CALL(openat, ALLOWED, AT_FDCWD, 0, O_RDONLY | O_TRUNC),
	CALL(openat2, ALLOWED, 0),
	CALL(truncate, ALLOWED, 0),
	CALL(execve, ALLOWED, 0),
	CALL(futex, ALLOWED, 0),
	CALL(futex_waitv, ALLOWED, 0),
	CALL(rseq, ALLOWED, 0),
	CALL(membarrier, ALLOWED, 0),
	CALL(pkey_alloc, ALLOWED, 0),
	CALL(kill, ALLOWED, 1, SIGTERM),
	CALL(mknodat, ALLOWED, 0),
	CALL(landlock_create_ruleset, ALLOWED, 0),
	CALL(clone, ALLOWED, SIGCHLD),
	CALL(clone, ALLOWED, CLONE_VM | CLONE_VFORK | SIGCHLD),
	CALL(clone, ALLOWED,
	     CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM |
		     CLONE_SETTLS | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID),

	/* Sockets. */
	CALL(socket, ALLOWED, AF_UNIX, SOCK_STREAM),
	CALL(socket, ALLOWED, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC),
	CALL(socket, ALLOWED, AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP),
	CALL(socket, ALLOWED, AF_INET, SOCK_DGRAM),
	CALL(socket, ALLOWED, AF_INET6, SOCK_STREAM),
	CALL(socket, ALLOWED, AF_INET6, SOCK_DGRAM, IPPROTO_UDP),
	CALL(socket, ALLOWED, AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE),
	CALL(socket, ALLOWED, AF_NETLINK, SOCK_DGRAM, NETLINK_ROUTE),
	CALL(socket, REFUSED(EPROTONOSUPPORT), AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER),
	CALL(socket, REFUSED(EPROTONOSUPPORT), AF_NETLINK, SOCK_RAW, NETLINK_AUDIT),
	CALL(socket, REFUSED(EPROTONOSUPPORT), AF_NETLINK, SOCK_RAW, NETLINK_XFRM),
	CALL(socket, REFUSED(EPROTONOSUPPORT), AF_NETLINK, SOCK_RAW, NETLINK_GENERIC),
	CALL(socket, REFUSED(EPROTONOSUPPORT), AF_NETLINK, SOCK_DGRAM, NETLINK_KOBJECT_UEVENT),
	CALL(socket, REFUSED(EPROTONOSUPPORT), AF_NETLINK, SOCK_DGRAM, NETLINK_SOCK_DIAG),
	CALL(socket, REFUSED(EPERM), AF_INET, SOCK_RAW, IPPROTO_ICMP),
	CALL(socket, REFUSED(EPERM), AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW),
	CALL(socket, REFUSED(EPERM), AF_INET6, SOCK_RAW | SOCK_NONBLOCK, IPPROTO_ICMPV6),
	CALL(socket, REFUSED(EPERM), AF_INET, SOCK_PACKET, 0x300),
	CALL(socket, REFUSED(EPERM), AF_PACKET, SOCK_RAW, 0x300),
	CALL(socket, REFUSED(EAFNOSUPPORT), AF_PACKET, SOCK_DGRAM, 0x300),
	CALL(socket, REFUSED(EPROTONOSUPPORT), AF_INET, SOCK_DGRAM, IPPROTO_ICMP),
	CALL(socket, REFUSED(EPROTONOSUPPORT), AF_INET6, SOCK_DGRAM, IPPROTO_ICMPV6),
	CALL(socket, REFUSED(EPROTONOSUPPORT), AF_INET, SOCK_STREAM, IPPROTO_SCTP),
	CALL(socket, REFUSED(EPROTONOSUPPORT), AF_INET, SOCK_SEQPACKET, IPPROTO_SCTP),
	CALL(socket, REFUSED(EPROTONOSUPPORT), AF_INET, SOCK_STREAM, IPPROTO_MPTCP),
	CALL(socket, REFUSED(EPROTONOSUPPORT), AF_INET, SOCK_DCCP, IPPROTO_DCCP),
	CALL(socket, REFUSED(EPROTONOSUPPORT), AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE),
	CALL(socket, REFUSED(EAFNOSUPPORT), AF_ALG, SOCK_SEQPACKET),
	CALL(socket, REFUSED(EAFNOSUPPORT), AF_VSOCK, SOCK_STREAM),
	CALL(socket, REFUSED(EAFNOSUPPORT), AF_BLUETOOTH, SOCK_STREAM),
	CALL(socket, REFUSED(EAFNOSUPPORT), AF_TIPC, SOCK_RDM),
	CALL(socket, REFUSED(EAFNOSUPPORT), AF_RDS, SOCK_SEQPACKET),
	CALL(socket, REFUSED(EPERM), AF_KEY, SOCK_RAW, 2),
	CALL(socket, REFUSED(EPERM), AF_XDP, SOCK_RAW),
	CALL(socket, REFUSED(EAFNOSUPPORT), AF_XDP, SOCK_DGRAM),
	CALL(socket, REFUSED(EAFNOSUPPORT), 4095, SOCK_STREAM),
	CALL(socketpair, ALLOWED, AF_UNIX, SOCK_STREAM),
	CALL(socketpair, REFUSED(EAFNOSUPPORT), AF_TIPC, SOCK_SEQPACKET),
	CALL(socketpair, REFUSED(EAFNOSUPPORT), AF_INET, SOCK_STREAM),

	/* Namespaces. */
	CALL(unshare, ALLOWED, 0),
	CALL(unshare, ALLOWED, CLONE_FILES | CLONE_FS | CLONE_SYSVSEM),
	CALL(unshare, REFUSED(EPERM), CLONE_NEWUSER),
	CALL(unshare, REFUSED(EPERM), CLONE_NEWNET),
	CALL(unshare, REFUSED(EPERM), CLONE_NEWNS),
	CALL(unshare, REFUSED(EPERM), CLONE_NEWPID),
	CALL(unshare, REFUSED(EPERM), CLONE_NEWIPC),
	CALL(unshare, REFUSED(EPERM), CLONE_NEWUTS),
	CALL(unshare, REFUSED(EPERM), CLONE_NEWCGROUP),
	CALL(unshare, REFUSED(EPERM), CLONE_NEWTIME),
	CALL(unshare, REFUSED(EPERM), CLONE_FILES | CLONE_NEWUSER),
	CALL(clone, REFUSED(EPERM), CLONE_NEWUSER | SIGCHLD),
	CALL(clone, REFUSED(EPERM), CLONE_NEWNET | CLONE_VM),
	CALL(clone, REFUSED(EPERM), CLONE_NEWNS),
	CALL(clone, REFUSED(EPERM), CLONE_NEWPID),
	CALL(clone, REFUSED(EPERM), CLONE_NEWIPC),
	CALL(clone, REFUSED(EPERM), CLONE_NEWUTS),
	CALL(clone, REFUSED(EPERM), CLONE_NEWCGROUP),
	CALL(clone3, REFUSED(ENOSYS), 0),
	CALL(setns, REFUSED(EPERM), 3, 0),

	/* Other processes. */
	CALL(ptrace, REFUSED(EPERM), 0),
	CALL(process_vm_readv, REFUSED(EPERM), 1),
	CALL(process_vm_writev, REFUSED(EPERM), 1),
	CALL(pidfd_open, REFUSED(ENOSYS), 1),
	CALL(pidfd_getfd, REFUSED(ENOSYS), 3),
	CALL(pidfd_send_signal, REFUSED(ENOSYS), 3),
	CALL(kcmp, REFUSED(EPERM), 1, 1),
	CALL(process_madvise, REFUSED(EPERM), 3),
	CALL(process_mrelease, REFUSED(EPERM), 3),
	CALL(migrate_pages, REFUSED(EPERM), 1),
	CALL(move_pages, ALLOWED, 0),
	CALL(move_pages, REFUSED(EPERM), 1),
	CALL(prlimit64, ALLOWED, 0, RLIMIT_NOFILE),
	CALL(prlimit64, REFUSED(EPERM), 1, RLIMIT_NOFILE),
	CALL(sched_setaffinity, ALLOWED, 0),
	CALL(sched_setaffinity, REFUSED(EPERM), 1),
	CALL(sched_getaffinity, ALLOWED, 1),
	CALL(sched_setparam, REFUSED(EPERM), 1),
	CALL(sched_setscheduler, REFUSED(EPERM), 1),
	CALL(sched_setattr, REFUSED(EPERM), 1),
	CALL(sched_setattr, ALLOWED, 0),
	CALL(setpriority, ALLOWED, PRIO_PROCESS, 0),
	CALL(setpriority, REFUSED(EPERM), PRIO_PROCESS, 1),
	CALL(setpriority, REFUSED(EPERM), PRIO_PGRP, 0),
	CALL(setpriority, REFUSED(EPERM), PRIO_USER, 0),
	CALL(ioprio_set, ALLOWED, IOPRIO_WHO_PROCESS, 0),
	CALL(ioprio_set, REFUSED(EPERM), IOPRIO_WHO_PROCESS, 1),
	CALL(ioprio_set, REFUSED(EPERM), IOPRIO_WHO_USER, 0),

	/* Mounts, roots, handles. */
	CALL(mount, REFUSED(EPERM), 0),
	CALL(umount2, REFUSED(EPERM), 0),
	CALL(pivot_root, REFUSED(EPERM), 0),
	CALL(chroot, REFUSED(EPERM), 0),
	CALL(fsopen, REFUSED(EPERM), 0),
	CALL(fsconfig, REFUSED(EPERM), 0),
	CALL(fsmount, REFUSED(EPERM), 0),
	CALL(fspick, REFUSED(EPERM), 0),
	CALL(move_mount, REFUSED(EPERM), 0),
	CALL(open_tree, REFUSED(EPERM), 0),
	CALL(open_tree_attr, REFUSED(EPERM), 0),
	CALL(mount_setattr, REFUSED(EPERM), 0),
	CALL(name_to_handle_at, REFUSED(EPERM), 0),
	CALL(open_by_handle_at, REFUSED(EPERM), 0),
	CALL(fanotify_init, REFUSED(EPERM), 0),

	/* Kernel surface. */
	CALL(io_uring_setup, REFUSED(ENOSYS), 8),
	CALL(io_uring_enter, REFUSED(ENOSYS), 3),
	CALL(io_uring_register, REFUSED(ENOSYS), 3),
	CALL(bpf, REFUSED(EPERM), 0),
	CALL(perf_event_open, REFUSED(EPERM), 0),
	CALL(userfaultfd, REFUSED(EPERM), 1),
	CALL(keyctl, REFUSED(EPERM), 0),
	CALL(add_key, REFUSED(EPERM), 0),
	CALL(request_key, REFUSED(EPERM), 0),
	CALL(memfd_create, REFUSED(EPERM), 0),
	CALL(memfd_secret, REFUSED(EPERM), 0),
	CALL(execveat, ALLOWED, AT_FDCWD, 0, 0, 0, 0),
	CALL(execveat, ALLOWED, AT_FDCWD, 0, 0, 0, AT_SYMLINK_NOFOLLOW),
	CALL(execveat, REFUSED(EPERM), 3, 0, 0, 0, AT_EMPTY_PATH),
	CALL(execveat, REFUSED(EPERM), 3, 0, 0, 0, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW),
	CALL(personality, ALLOWED, 0xffffffff),
	CALL(personality, ALLOWED, PER_LINUX),
	CALL(personality, ALLOWED, PER_LINUX32),
	CALL(personality, ALLOWED, ADDR_NO_RANDOMIZE),
	CALL(personality, REFUSED(EPERM), READ_IMPLIES_EXEC),
	CALL(personality, REFUSED(EPERM), MMAP_PAGE_ZERO),
	CALL(personality, REFUSED(EPERM), PER_SVR4),
	CALL(seccomp, ALLOWED, SECCOMP_GET_ACTION_AVAIL),
	CALL(seccomp, ALLOWED, SECCOMP_GET_NOTIF_SIZES),
	CALL(seccomp, REFUSED(EPERM), SECCOMP_SET_MODE_FILTER),
	CALL(seccomp, REFUSED(EPERM), SECCOMP_SET_MODE_STRICT),
	CALL(prctl, REFUSED(EPERM), PR_SET_SECCOMP, SECCOMP_MODE_FILTER),
	CALL(prctl, REFUSED(EPERM), PR_SET_MM),
	CALL(prctl, REFUSED(EINVAL), PR_SCHED_CORE),
	CALL(prctl, REFUSED(EINVAL), 4711),
	CALL(prctl, ALLOWED, PR_SET_NAME),
	CALL(prctl, ALLOWED, PR_SET_VMA),
	CALL(prctl, ALLOWED, PR_SET_PDEATHSIG),
	CALL(prctl, ALLOWED, PR_SET_NO_NEW_PRIVS),
	CALL(prctl, ALLOWED, PR_CAP_AMBIENT),
	CALL(ioctl, ALLOWED, 0, TCGETS),
	CALL(ioctl, ALLOWED, 0, TIOCGWINSZ),
	CALL(ioctl, REFUSED(EPERM), 0, TIOCSTI),
	CALL(ioctl, REFUSED(EPERM), 0, TIOCLINUX),
	CALL(ioctl, REFUSED(EPERM), 0, TIOCCONS),
	CALL(ioctl, REFUSED(EPERM), 0, TIOCSETD),
	CALL(ioctl, REFUSED(EPERM), 0, USERFAULTFD_IOC_NEW),

	/* The machine. */
	CALL(reboot, REFUSED(EPERM), 0),
	CALL(kexec_load, REFUSED(EPERM), 0),
	CALL(init_module, REFUSED(EPERM), 0),
	CALL(finit_module, REFUSED(EPERM), 0),
	CALL(delete_module, REFUSED(EPERM), 0),
	CALL(swapon, REFUSED(EPERM), 0),
	CALL(acct, REFUSED(EPERM), 0),
	CALL(quotactl, REFUSED(EPERM), 0),
	CALL(syslog, REFUSED(EPERM), 0),
	CALL(settimeofday, REFUSED(EPERM), 0),
	CALL(clock_settime, REFUSED(EPERM), 0),
	CALL(clock_adjtime, REFUSED(EPERM), 0),
	CALL(adjtimex, REFUSED(EPERM), 0),
	CALL(sethostname, REFUSED(EPERM), 0),
	CALL(setdomainname, REFUSED(EPERM), 0),
	CALL(vhangup, REFUSED(EPERM), 0),
	CALL(lookup_dcookie, REFUSED(EPERM), 0),
#if defined(__x86_64__)
	CALL(open, ALLOWED, 0, O_RDONLY | O_TRUNC),
	CALL(fork, ALLOWED, 0),
	CALL(arch_prctl, ALLOWED, 0),
	CALL(ioperm, REFUSED(EPERM), 0),
	CALL(iopl, REFUSED(EPERM), 3),
	CALL(modify_ldt, REFUSED(EPERM), 0),
	CALL(uselib, REFUSED(ENOSYS), 0),
#endif

	/* What nobody has looked at. */
	{ "listmount", 458, { 0 }, REFUSED(ENOSYS) },
	{ "lsm_set_self_attr", 460, { 0 }, REFUSED(ENOSYS) },
	{ "unknown", 511, { 0 }, REFUSED(ENOSYS) },
	{ "unknown", 512, { 0 }, REFUSED(ENOSYS) },
	{ "unknown", 9999, { 0 }, REFUSED(ENOSYS) },
	{ "negative", -1, { 0 }, REFUSED(ENOSYS) },
};

static struct seccomp_data data_of(const struct call *call)
{
	struct seccomp_data data = { .nr = call->nr, .arch = NATIVE };

	for (size_t i = 0; i < ARRAY_LEN(call->args); i++)
		data.args[i] = call->args[i];
	return data;
}

START_TEST(calls_are_judged_by_number_and_arguments)
{
	struct seccomp_program program = program_for(&modern);
	struct seccomp_data data = data_of(&calls[_i]);
	size_t steps;
	uint32_t verdict = verdict_of(&program, &data, &steps);

	ck_assert_msg(verdict == calls[_i].want, "case %d, %s: %#x instead of %#x", _i,
		      calls[_i].name, verdict, calls[_i].want);
}
END_TEST

/* The kernel takes these arguments as int: with a bit above them it still makes the same call. */
START_TEST(the_high_half_of_an_argument_changes_nothing)
{
	struct seccomp_program program = program_for(&modern);
	struct seccomp_data data = data_of(&calls[_i]);
	size_t steps;

	for (size_t arg = 0; arg < ARRAY_LEN(data.args); arg++) {
		uint64_t low = data.args[arg];

		data.args[arg] = low | 0x100000000;
		ck_assert_uint_eq(verdict_of(&program, &data, &steps), calls[_i].want);
		data.args[arg] = low | 0xffffffff00000000;
		ck_assert_uint_eq(verdict_of(&program, &data, &steps), calls[_i].want);
		data.args[arg] = low;
	}
}
END_TEST

START_TEST(no_x32_number_is_allowed)
{
	struct seccomp_program program = program_for(_i == 0 ? &modern : &old_landlock);
	struct seccomp_data data = { .arch = NATIVE };
	size_t steps;

	for (uint32_t nr = 0; nr < NUMBERS; nr++) {
		data.nr = (int)(nr | X32_BIT);
		ck_assert_uint_eq(verdict_of(&program, &data, &steps), REFUSED(ENOSYS));
	}
}
END_TEST

START_TEST(a_call_of_another_architecture_kills)
{
	static const uint32_t arches[] = { FOREIGN, AUDIT_ARCH_I386, AUDIT_ARCH_ARM, 0,
					   UINT32_MAX };
	struct seccomp_program program = program_for(&modern);
	size_t steps;

	for (int nr = 0; nr < NUMBERS; nr++) {
		struct seccomp_data data = { .nr = nr, .arch = arches[_i] };

		ck_assert_uint_eq(verdict_of(&program, &data, &steps), SECCOMP_RET_KILL_PROCESS);
	}
}
END_TEST

/* What the table says of a number: its verdict, 0 if its arguments decide. */
static uint32_t table_verdict(uint16_t nr)
{
	for (size_t i = 0; i < seccomp_n_groups; i++) {
		const struct seccomp_group *group = &seccomp_groups[i];

		for (size_t k = 0; k < group->n; k++) {
			if (group->nrs[k] == nr && group->when != SECCOMP_TRUNCATE_REFUSED)
				return group->action;
		}
	}
	for (size_t i = 0; i < seccomp_n_rulesets; i++) {
		for (size_t k = 0; k < seccomp_rulesets[i].n; k++) {
			if (seccomp_rulesets[i].rules[k].nr == nr)
				return 0;
		}
	}
	return REFUSED(ENOSYS);
}

START_TEST(every_number_answers_as_its_table_says_and_soon)
{
	struct seccomp_program program = program_for(&modern);

	for (uint16_t nr = 0; nr < NUMBERS; nr++) {
		struct seccomp_data data = { .nr = nr, .arch = NATIVE };
		uint32_t want = table_verdict(nr);
		size_t steps;
		uint32_t got = verdict_of(&program, &data, &steps);

		if (want == 0)
			continue;
		ck_assert_msg(got == want, "call %u: %#x instead of %#x", nr, got, want);
		/* A tree of at most 256 runs is 8 deep; before it stand 3, in it 8, at its end 1. */
		ck_assert_uint_le(steps, 12);
	}
}
END_TEST

START_TEST(the_program_is_one_that_the_kernel_loads)
{
	struct seccomp_program program = program_for(_i == 0 ? &modern : &old_landlock);

	ck_assert(bpf_is_sound(program.insns, program.n));
}
END_TEST

static const struct call truncations[] = {
	CALL(truncate, REFUSED(EPERM), 0),
	CALL(openat2, REFUSED(ENOSYS), 0),
	CALL(ftruncate, ALLOWED, 0),
	CALL(openat, ALLOWED, AT_FDCWD, 0, O_RDONLY | O_CLOEXEC),
	CALL(openat, ALLOWED, AT_FDCWD, 0, O_WRONLY | O_CREAT | O_TRUNC),
	CALL(openat, ALLOWED, AT_FDCWD, 0, O_RDWR | O_TRUNC),
	CALL(openat, REFUSED(EPERM), AT_FDCWD, 0, O_RDONLY | O_TRUNC),
	CALL(openat, REFUSED(EPERM), AT_FDCWD, 0, O_RDONLY | O_TRUNC | O_CREAT | O_CLOEXEC),
	CALL(openat, REFUSED(EPERM), AT_FDCWD, 0, O_ACCMODE | O_TRUNC),
	CALL(openat, REFUSED(EPERM), AT_FDCWD, 0, O_RDONLY | O_TRUNC | 0x100000000),
	CALL(openat, ALLOWED, AT_FDCWD, 0, O_ACCMODE),
#if defined(__x86_64__)
	CALL(creat, ALLOWED, 0),
	CALL(open, ALLOWED, 0, O_WRONLY | O_TRUNC),
	CALL(open, REFUSED(EPERM), 0, O_RDONLY | O_TRUNC),
	CALL(open, REFUSED(EPERM), 0, O_ACCMODE | O_TRUNC),
#endif
};

START_TEST(truncation_that_landlock_cannot_see_is_refused_where_asked_for)
{
	struct seccomp_program program = program_for(&old_landlock);
	struct seccomp_data data = data_of(&truncations[_i]);
	size_t steps;
	uint32_t verdict = verdict_of(&program, &data, &steps);

	ck_assert_msg(verdict == truncations[_i].want, "case %d, %s: %#x instead of %#x", _i,
		      truncations[_i].name, verdict, truncations[_i].want);
}
END_TEST

/* --- under the running kernel ------------------------------------------------------------------- */

/* Runs `act` in a child under the filter; returns its wait status. `act` gives the exit status. */
static int confined(const struct seccomp_options *options, int (*act)(void))
{
	struct seccomp_program program = program_for(options);
	pid_t child = fork();
	int status;

	ck_assert_int_ne(child, -1);
	if (child == 0) {
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1 || seccomp_load(&program) != 0)
			_exit(99);
		_exit(act());
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	return status;
}

#define FAILS_WITH(want, call)                                \
	do {                                                  \
		errno = 0;                                    \
		if ((long)(call) != -1 || errno != (want))    \
			return __LINE__ % 97 + 1; /* not 0 */ \
	} while (0)

static int act_refused(void)
{
	struct open_how how = { .flags = O_RDONLY };
	long fd = syscall(SYS_openat2, AT_FDCWD, "/", &how, sizeof(how));

	if (fd == -1 && errno != ENOSYS) /* before Linux 5.6 */
		return 98;
	FAILS_WITH(EPERM, syscall(SYS_unshare, CLONE_NEWUSER));
	FAILS_WITH(ENOSYS, syscall(SYS_clone3, NULL, 0));
	FAILS_WITH(ENOSYS, syscall(SYS_io_uring_setup, 0, NULL));
	FAILS_WITH(EAFNOSUPPORT, socket(AF_ALG, SOCK_SEQPACKET, 0));
	FAILS_WITH(EPERM, syscall(SYS_memfd_create, "x", 0));
	FAILS_WITH(EPERM, prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT, 0, 0, 0));
	FAILS_WITH(EPERM, syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, NULL));
	FAILS_WITH(EPERM, ioctl(0, TIOCSTI, ""));
	/* The wrapper would cut the high half off. */
	FAILS_WITH(EPERM, syscall(SYS_ioctl, 0L, (long)TIOCSTI | 0x100000000, ""));
	FAILS_WITH(ENOSYS, syscall((long)X32_BIT | SYS_getpid));
	FAILS_WITH(ENOSYS, syscall(9999));
	return 0;
}

START_TEST(the_kernel_enforces_the_filter)
{
	int status = confined(&modern, act_refused);

	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "wait status %#x", status);
}
END_TEST

static int act_ordinary(void)
{
	pid_t child = fork();
	int status;

	if (child == -1)
		return 1;
	if (child == 0) {
		execl("/bin/sh", "sh", "-c", "test \"$(echo out | cat)\" = out", NULL);
		_exit(127);
	}
	return waitpid(child, &status, 0) == child && status == 0 ? 0 : 2;
}

START_TEST(a_shell_with_a_pipe_runs_under_the_filter)
{
	ck_assert_int_eq(confined(_i == 0 ? &modern : &old_landlock, act_ordinary), 0);
}
END_TEST

static char victim[] = "/tmp/seccomp-victim-XXXXXX";

static int act_truncate(void)
{
	FAILS_WITH(EPERM, truncate(victim, 0));
	FAILS_WITH(EPERM, open(victim, O_RDONLY | O_TRUNC));
	FAILS_WITH(EPERM, open(victim, O_ACCMODE | O_TRUNC));
	return 0;
}

START_TEST(a_file_keeps_its_length_where_truncation_is_refused)
{
	AUTO_FD int fd = mkstemp(victim);

	ck_assert_int_ne(fd, -1);
	ck_assert_int_eq(write(fd, "kept", 4), 4);
	ck_assert_int_eq(confined(&old_landlock, act_truncate), 0);
	ck_assert_int_eq(lseek(fd, 0, SEEK_END), 4);
	unlink(victim);
}
END_TEST

#if defined(__x86_64__)
static int act_foreign(void)
{
	long result;

	/* getpid of i386: harmless, if it were made. */
	__asm__ volatile("int $0x80" : "=a"(result) : "a"(20) : "memory");
	return 0;
}

START_TEST(int_0x80_ends_the_process)
{
	int status = confined(&modern, act_foreign);

	/* SIGSEGV: a kernel without the 32-bit entry. */
	ck_assert_msg(WIFSIGNALED(status) &&
			      (WTERMSIG(status) == SIGSYS || WTERMSIG(status) == SIGSEGV),
		      "wait status %#x", status);
}
END_TEST
#endif

START_TEST(an_empty_program_is_refused_with_its_errno)
{
	struct seccomp_program program = { .n = 0 };

	ck_assert_int_eq(seccomp_load(&program), EINVAL);
}
END_TEST

Suite *seccomp_build_suite(void);
Suite *seccomp_build_suite(void)
{
	Suite *s = suite_create("seccomp_build");
	TCase *tc = tcase_create("seccomp_build");

	tcase_add_loop_test(tc, calls_are_judged_by_number_and_arguments, 0, (int)ARRAY_LEN(calls));
	tcase_add_loop_test(tc, the_high_half_of_an_argument_changes_nothing, 0,
			    (int)ARRAY_LEN(calls));
	tcase_add_loop_test(tc, no_x32_number_is_allowed, 0, 2);
	tcase_add_loop_test(tc, a_call_of_another_architecture_kills, 0, 5);
	tcase_add_test(tc, every_number_answers_as_its_table_says_and_soon);
	tcase_add_loop_test(tc, the_program_is_one_that_the_kernel_loads, 0, 2);
	tcase_add_loop_test(tc, truncation_that_landlock_cannot_see_is_refused_where_asked_for, 0,
			    (int)ARRAY_LEN(truncations));
	tcase_add_test(tc, the_kernel_enforces_the_filter);
	tcase_add_loop_test(tc, a_shell_with_a_pipe_runs_under_the_filter, 0, 2);
	tcase_add_test(tc, a_file_keeps_its_length_where_truncation_is_refused);
	tcase_add_test(tc, an_empty_program_is_refused_with_its_errno);
#if defined(__x86_64__)
	tcase_add_test(tc, int_0x80_ends_the_process);
#endif
	suite_add_tcase(s, tc);
	return s;
}
