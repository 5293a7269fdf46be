/* SPDX-License-Identifier: Apache-2.0 */
/* Calls that are answered by their arguments. */
#include <asm/ioctls.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/ioprio.h>
#include <linux/netlink.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "agent/sandbox/seccomp_newer.h"
#include "agent/sandbox/seccomp_table.h"
#include "lib/cleanup.h"

#define ALLOW SECCOMP_RET_ALLOW
#define ERRNO(e) (SECCOMP_RET_ERRNO | (e))

#define MASKED(argument, bits, want)                           \
	{                                                      \
		(argument), (uint32_t)(bits), (uint32_t)(want) \
	}
#define IS(argument, want) MASKED(argument, UINT32_MAX, want)
#define NONE_OF(argument, bits) MASKED(argument, bits, 0)

#define ELSE(call, act)                       \
	{                                     \
		.nr = (call), .action = (act) \
	}
#define IF(call, act, test)       \
	{                         \
		(call), (act), 1, \
		{                 \
			test      \
		}                 \
	}
#define IF_BOTH(call, act, first, second) \
	{                                 \
		(call), (act), 2,         \
		{                         \
			first, second     \
		}                         \
	}
#define IF_ALL(call, act, first, second, third) \
	{                                       \
		(call), (act), 3,               \
		{                               \
			first, second, third    \
		}                               \
	}

/* SOCK_TYPE_MASK of the kernel: the rest of the argument is SOCK_CLOEXEC and SOCK_NONBLOCK. */
#define SOCKET_TYPE(want) MASKED(1, 0xf, want)
#define SOCKET_ALLOW(family, type, protocol) \
	IF_ALL(__NR_socket, ALLOW, IS(0, family), SOCKET_TYPE(type), IS(2, protocol))

#define NEW_NAMESPACES                                                                 \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | \
	 CLONE_NEWPID | CLONE_NEWNET)

#define PRCTL_ALLOW(option) IF(__NR_prctl, ALLOW, IS(0, option))
#define IOCTL_REFUSE(request) IF(__NR_ioctl, ERRNO(EPERM), IS(1, request))

static const struct seccomp_rule checked[] = {
	/* Stream and datagram sockets of the internet families, each with its own protocol: no
	 * ICMP, SCTP, DCCP, MPTCP. Netlink only to ask for one's own addresses and routes. */
	IF(__NR_socket, ALLOW, IS(0, AF_UNIX)),
	SOCKET_ALLOW(AF_INET, SOCK_STREAM, 0),
	SOCKET_ALLOW(AF_INET, SOCK_STREAM, IPPROTO_TCP),
	SOCKET_ALLOW(AF_INET, SOCK_DGRAM, 0),
	SOCKET_ALLOW(AF_INET, SOCK_DGRAM, IPPROTO_UDP),
	SOCKET_ALLOW(AF_INET6, SOCK_STREAM, 0),
	SOCKET_ALLOW(AF_INET6, SOCK_STREAM, IPPROTO_TCP),
	SOCKET_ALLOW(AF_INET6, SOCK_DGRAM, 0),
	SOCKET_ALLOW(AF_INET6, SOCK_DGRAM, IPPROTO_UDP),
	IF_BOTH(__NR_socket, ALLOW, IS(0, AF_NETLINK), IS(2, NETLINK_ROUTE)),
	IF(__NR_socket, ERRNO(EPROTONOSUPPORT), IS(0, AF_NETLINK)),
	IF(__NR_socket, ERRNO(EPERM), SOCKET_TYPE(SOCK_RAW)),
	IF(__NR_socket, ERRNO(EPERM), SOCKET_TYPE(SOCK_PACKET)),
	IF(__NR_socket, ERRNO(EPROTONOSUPPORT), IS(0, AF_INET)),
	IF(__NR_socket, ERRNO(EPROTONOSUPPORT), IS(0, AF_INET6)),
	ELSE(__NR_socket, ERRNO(EAFNOSUPPORT)),
	IF(__NR_socketpair, ALLOW, IS(0, AF_UNIX)),
	ELSE(__NR_socketpair, ERRNO(EAFNOSUPPORT)),

	IF(__NR_clone, ALLOW, NONE_OF(0, NEW_NAMESPACES)),
	ELSE(__NR_clone, ERRNO(EPERM)),
	IF(__NR_unshare, ALLOW, NONE_OF(0, ~(CLONE_FILES | CLONE_FS | CLONE_SYSVSEM))),
	ELSE(__NR_unshare, ERRNO(EPERM)),

	/* With AT_EMPTY_PATH it executes a descriptor, of whatever origin. */
	IF(__NR_execveat, ALLOW, NONE_OF(4, AT_EMPTY_PATH)),
	ELSE(__NR_execveat, ERRNO(EPERM)),

	/* The kernel lets a process change these of any other with its UID, and in a pod without
	 * privilege the launcher is one. */
	IF(__NR_prlimit64, ALLOW, IS(0, 0)),
	ELSE(__NR_prlimit64, ERRNO(EPERM)),
	IF(__NR_sched_setaffinity, ALLOW, IS(0, 0)),
	ELSE(__NR_sched_setaffinity, ERRNO(EPERM)),
	IF(__NR_sched_setparam, ALLOW, IS(0, 0)),
	ELSE(__NR_sched_setparam, ERRNO(EPERM)),
	IF(__NR_sched_setscheduler, ALLOW, IS(0, 0)),
	ELSE(__NR_sched_setscheduler, ERRNO(EPERM)),
	IF(__NR_sched_setattr, ALLOW, IS(0, 0)),
	ELSE(__NR_sched_setattr, ERRNO(EPERM)),
	IF_BOTH(__NR_setpriority, ALLOW, IS(0, PRIO_PROCESS), IS(1, 0)),
	ELSE(__NR_setpriority, ERRNO(EPERM)),
	IF_BOTH(__NR_ioprio_set, ALLOW, IS(0, IOPRIO_WHO_PROCESS), IS(1, 0)),
	ELSE(__NR_ioprio_set, ERRNO(EPERM)),
	IF(__NR_move_pages, ALLOW, IS(0, 0)),
	ELSE(__NR_move_pages, ERRNO(EPERM)),

	/* The query, the default, and what debuggers, Lisp images and `setarch` ask for. Not
	 * READ_IMPLIES_EXEC or MMAP_PAGE_ZERO, which undo protections of memory. */
	IF(__NR_personality, ALLOW, IS(0, 0xffffffff)),
	IF(__NR_personality, ALLOW, NONE_OF(0, ~(PER_LINUX32 | ADDR_NO_RANDOMIZE))),
	ELSE(__NR_personality, ERRNO(EPERM)),

	/* Another filter could not widen this one, but its listener could answer in the kernel's
	 * place to a child that trusts it. Asking what the kernel has is harmless. */
	IF(__NR_seccomp, ALLOW, IS(0, SECCOMP_GET_ACTION_AVAIL)),
	IF(__NR_seccomp, ALLOW, IS(0, SECCOMP_GET_NOTIF_SIZES)),
	ELSE(__NR_seccomp, ERRNO(EPERM)),

	/* Bytes pushed into a terminal's input are typed by its other reader; the rest reach the
	 * console, or load kernel modules for line disciplines. */
	IOCTL_REFUSE(TIOCSTI),
	IOCTL_REFUSE(TIOCLINUX),
	IOCTL_REFUSE(TIOCCONS),
	IOCTL_REFUSE(TIOCSETD),
	/* Of /dev/userfaultfd, the other way to what userfaultfd() is refused for. */
	IOCTL_REFUSE(USERFAULTFD_IOC_NEW),
	ELSE(__NR_ioctl, ALLOW),

	IF(__NR_prctl, ERRNO(EPERM), IS(0, PR_SET_SECCOMP)),
	IF(__NR_prctl, ERRNO(EPERM), IS(0, PR_SET_MM)),
	PRCTL_ALLOW(PR_SET_VMA), /* early, as allocators call it most */
	PRCTL_ALLOW(PR_SET_NAME),
	PRCTL_ALLOW(PR_GET_NAME),
	PRCTL_ALLOW(PR_SET_PDEATHSIG),
	PRCTL_ALLOW(PR_GET_PDEATHSIG),
	PRCTL_ALLOW(PR_SET_DUMPABLE),
	PRCTL_ALLOW(PR_GET_DUMPABLE),
	PRCTL_ALLOW(PR_SET_KEEPCAPS),
	PRCTL_ALLOW(PR_GET_KEEPCAPS),
	PRCTL_ALLOW(PR_GET_SECCOMP),
	PRCTL_ALLOW(PR_CAPBSET_READ),
	PRCTL_ALLOW(PR_CAPBSET_DROP),
	PRCTL_ALLOW(PR_CAP_AMBIENT),
	PRCTL_ALLOW(PR_SET_SECUREBITS),
	PRCTL_ALLOW(PR_GET_SECUREBITS),
	PRCTL_ALLOW(PR_SET_NO_NEW_PRIVS),
	PRCTL_ALLOW(PR_GET_NO_NEW_PRIVS),
	PRCTL_ALLOW(PR_SET_CHILD_SUBREAPER),
	PRCTL_ALLOW(PR_GET_CHILD_SUBREAPER),
	PRCTL_ALLOW(PR_GET_TID_ADDRESS),
	PRCTL_ALLOW(PR_SET_PTRACER),
	PRCTL_ALLOW(PR_SET_TIMERSLACK),
	PRCTL_ALLOW(PR_GET_TIMERSLACK),
	PRCTL_ALLOW(PR_SET_TIMING),
	PRCTL_ALLOW(PR_GET_TIMING),
	PRCTL_ALLOW(PR_SET_TSC),
	PRCTL_ALLOW(PR_GET_TSC),
	PRCTL_ALLOW(PR_SET_THP_DISABLE),
	PRCTL_ALLOW(PR_GET_THP_DISABLE),
	PRCTL_ALLOW(PR_SET_MEMORY_MERGE),
	PRCTL_ALLOW(PR_GET_MEMORY_MERGE),
	PRCTL_ALLOW(PR_SET_MDWE),
	PRCTL_ALLOW(PR_GET_MDWE),
	PRCTL_ALLOW(PR_GET_AUXV),
	PRCTL_ALLOW(PR_FUTEX_HASH),
	PRCTL_ALLOW(PR_MCE_KILL),
	PRCTL_ALLOW(PR_MCE_KILL_GET),
	PRCTL_ALLOW(PR_SET_SPECULATION_CTRL),
	PRCTL_ALLOW(PR_GET_SPECULATION_CTRL),
	PRCTL_ALLOW(PR_SET_SYSCALL_USER_DISPATCH),
#if defined(__aarch64__)
	PRCTL_ALLOW(PR_SVE_SET_VL),
	PRCTL_ALLOW(PR_SVE_GET_VL),
	PRCTL_ALLOW(PR_SME_SET_VL),
	PRCTL_ALLOW(PR_SME_GET_VL),
	PRCTL_ALLOW(PR_PAC_RESET_KEYS),
	PRCTL_ALLOW(PR_PAC_SET_ENABLED_KEYS),
	PRCTL_ALLOW(PR_PAC_GET_ENABLED_KEYS),
	PRCTL_ALLOW(PR_SET_TAGGED_ADDR_CTRL),
	PRCTL_ALLOW(PR_GET_TAGGED_ADDR_CTRL),
	PRCTL_ALLOW(PR_GET_SHADOW_STACK_STATUS),
	PRCTL_ALLOW(PR_SET_SHADOW_STACK_STATUS),
	PRCTL_ALLOW(PR_LOCK_SHADOW_STACK_STATUS),
#endif
	/* What a kernel says that does not know the option. */
	ELSE(__NR_prctl, ERRNO(EINVAL)),
};

/* Before ABI 3 Landlock sees a truncation only by the wish to write: open() shows that wish with
 * O_WRONLY or O_RDWR, and hides it with O_RDONLY or with both bits, which Linux takes to mean
 * "neither" while it still truncates. */
#define OPEN_RULES(call, flags)                                                                  \
	IF(call, ERRNO(EPERM), MASKED(flags, O_TRUNC | O_ACCMODE, O_TRUNC | O_RDONLY)),          \
		IF(call, ERRNO(EPERM), MASKED(flags, O_TRUNC | O_ACCMODE, O_TRUNC | O_ACCMODE)), \
		ELSE(call, ALLOW)

static const struct seccomp_rule checked_truncation[] = {
	OPEN_RULES(__NR_openat, 2),
#if defined(__x86_64__)
	OPEN_RULES(__NR_open, 1),
#endif
};

const struct seccomp_ruleset seccomp_rulesets[] = {
	{ SECCOMP_ALWAYS, checked, ARRAY_LEN(checked) },
	{ SECCOMP_TRUNCATE_REFUSED, checked_truncation, ARRAY_LEN(checked_truncation) },
};
const size_t seccomp_n_rulesets = ARRAY_LEN(seccomp_rulesets);
