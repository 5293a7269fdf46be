/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/sandbox/seccomp_table.h"

#include <asm/ioctls.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
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
#include "lib/cleanup.h"

#if defined(__x86_64__)
const uint32_t seccomp_arch = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
const uint32_t seccomp_arch = AUDIT_ARCH_AARCH64;
#else
#error "seccomp_table.c: which system calls does this architecture have?"
#endif

#define ALLOW SECCOMP_RET_ALLOW
#define ERRNO(e) (SECCOMP_RET_ERRNO | (e))

/* --- allowed, whatever the arguments ------------------------------------------------------------ */

static const uint16_t allowed[] = {
	/* Files by descriptor and by path: Landlock and the UID decide. */
	__NR_read,
	__NR_write,
	__NR_readv,
	__NR_writev,
	__NR_pread64,
	__NR_pwrite64,
	__NR_preadv,
	__NR_pwritev,
	__NR_preadv2,
	__NR_pwritev2,
	__NR_close,
	__NR_close_range,
	__NR_lseek,
	__NR_fstat,
	__NR_newfstatat,
	__NR_statx,
	__NR_statfs,
	__NR_fstatfs,
	__NR_dup,
	__NR_dup3,
	__NR_fcntl,
	__NR_flock,
	__NR_fsync,
	__NR_fdatasync,
	__NR_sync,
	__NR_syncfs,
	__NR_sync_file_range,
	__NR_ftruncate,
	__NR_fallocate,
	__NR_fadvise64,
	__NR_readahead,
	__NR_cachestat,
	__NR_copy_file_range,
	__NR_sendfile,
	__NR_splice,
	__NR_tee,
	__NR_vmsplice,
	__NR_pipe2,
	__NR_getdents64,
	__NR_getcwd,
	__NR_chdir,
	__NR_fchdir,
	__NR_faccessat,
	__NR_faccessat2,
	__NR_readlinkat,
	__NR_mkdirat,
	__NR_unlinkat,
	__NR_renameat,
	__NR_renameat2,
	__NR_linkat,
	__NR_symlinkat,
	__NR_fchmod,
	__NR_fchmodat,
	__NR_fchmodat2,
	__NR_fchown,
	__NR_fchownat,
	__NR_utimensat,
	__NR_umask,
	__NR_setxattr,
	__NR_lsetxattr,
	__NR_fsetxattr,
	__NR_setxattrat,
	__NR_getxattr,
	__NR_lgetxattr,
	__NR_fgetxattr,
	__NR_getxattrat,
	__NR_listxattr,
	__NR_llistxattr,
	__NR_flistxattr,
	__NR_listxattrat,
	__NR_removexattr,
	__NR_lremovexattr,
	__NR_fremovexattr,
	__NR_removexattrat,
	/* For FIFOs; a device node needs a capability. */
	__NR_mknodat,

	/* Waiting. */
	__NR_pselect6,
	__NR_ppoll,
	__NR_epoll_create1,
	__NR_epoll_ctl,
	__NR_epoll_pwait,
	__NR_epoll_pwait2,
	__NR_eventfd2,
	__NR_signalfd4,
	__NR_timerfd_create,
	__NR_timerfd_settime,
	__NR_timerfd_gettime,
	__NR_inotify_init1,
	__NR_inotify_add_watch,
	__NR_inotify_rm_watch,
	__NR_io_setup,
	__NR_io_destroy,
	__NR_io_submit,
	__NR_io_cancel,
	__NR_io_getevents,
	__NR_io_pgetevents,

	/* One's own memory. */
	__NR_brk,
	__NR_mmap,
	__NR_munmap,
	__NR_mremap,
	__NR_mprotect,
	__NR_madvise,
	__NR_mincore,
	__NR_msync,
	__NR_mlock,
	__NR_mlock2,
	__NR_munlock,
	__NR_mlockall,
	__NR_munlockall,
	__NR_remap_file_pages,
	__NR_pkey_alloc,
	__NR_pkey_free,
	__NR_pkey_mprotect,
	__NR_mseal,
	__NR_map_shadow_stack,
	__NR_membarrier,
	__NR_mbind,
	__NR_get_mempolicy,
	__NR_set_mempolicy,
	__NR_set_mempolicy_home_node,

	/* Processes, threads and signals: the kernel's UID check and Landlock's scope keep a signal
	 * from what is outside. */
	__NR_execve,
	__NR_exit,
	__NR_exit_group,
	__NR_wait4,
	__NR_waitid,
	__NR_kill,
	__NR_tkill,
	__NR_tgkill,
	__NR_rt_sigaction,
	__NR_rt_sigprocmask,
	__NR_rt_sigreturn,
	__NR_rt_sigpending,
	__NR_rt_sigsuspend,
	__NR_rt_sigtimedwait,
	__NR_rt_sigqueueinfo,
	__NR_rt_tgsigqueueinfo,
	__NR_sigaltstack,
	__NR_restart_syscall,
	__NR_futex,
	__NR_futex_waitv,
	__NR_futex_wake,
	__NR_futex_wait,
	__NR_futex_requeue,
	__NR_set_robust_list,
	__NR_set_tid_address,
	__NR_rseq,
	__NR_getpid,
	__NR_gettid,
	__NR_getppid,
	__NR_getpgid,
	__NR_setpgid,
	__NR_getsid,
	__NR_setsid,
	__NR_getrusage,
	__NR_times,
	__NR_getrlimit,
	__NR_setrlimit,
	__NR_getpriority,
	__NR_ioprio_get,
	__NR_sched_yield,
	__NR_sched_getaffinity,
	__NR_sched_getparam,
	__NR_sched_getscheduler,
	__NR_sched_getattr,
	__NR_sched_get_priority_max,
	__NR_sched_get_priority_min,
	__NR_sched_rr_get_interval,
	__NR_getcpu,
	__NR_uname,
	__NR_sysinfo,
	__NR_getrandom,

	/* Identity: there is no capability left to change it with, so programs may try. */
	__NR_getuid,
	__NR_geteuid,
	__NR_getgid,
	__NR_getegid,
	__NR_getresuid,
	__NR_getresgid,
	__NR_getgroups,
	__NR_setuid,
	__NR_setgid,
	__NR_setreuid,
	__NR_setregid,
	__NR_setresuid,
	__NR_setresgid,
	__NR_setfsuid,
	__NR_setfsgid,
	__NR_setgroups,
	__NR_capget,
	__NR_capset,

	/* Time, read or waited for. */
	__NR_clock_gettime,
	__NR_clock_getres,
	__NR_clock_nanosleep,
	__NR_nanosleep,
	__NR_gettimeofday,
	__NR_getitimer,
	__NR_setitimer,
	__NR_timer_create,
	__NR_timer_settime,
	__NR_timer_gettime,
	__NR_timer_getoverrun,
	__NR_timer_delete,

	/* Sockets, once socket() below has agreed to the kind. */
	__NR_bind,
	__NR_connect,
	__NR_listen,
	__NR_accept,
	__NR_accept4,
	__NR_getsockname,
	__NR_getpeername,
	__NR_getsockopt,
	__NR_setsockopt,
	__NR_shutdown,
	__NR_sendto,
	__NR_recvfrom,
	__NR_sendmsg,
	__NR_recvmsg,
	__NR_sendmmsg,
	__NR_recvmmsg,

	/* System V and POSIX queues, semaphores, shared memory. */
	__NR_shmget,
	__NR_shmat,
	__NR_shmdt,
	__NR_shmctl,
	__NR_semget,
	__NR_semop,
	__NR_semtimedop,
	__NR_semctl,
	__NR_msgget,
	__NR_msgsnd,
	__NR_msgrcv,
	__NR_msgctl,
	__NR_mq_open,
	__NR_mq_unlink,
	__NR_mq_timedsend,
	__NR_mq_timedreceive,
	__NR_mq_notify,
	__NR_mq_getsetattr,

	/* A sandbox within the sandbox can only be narrower. */
	__NR_landlock_create_ruleset,
	__NR_landlock_add_rule,
	__NR_landlock_restrict_self,

#if defined(__x86_64__)
	/* The older forms of the above, which the 64-bit ABI still carries and libraries still use. */
	__NR_stat,
	__NR_lstat,
	__NR_access,
	__NR_readlink,
	__NR_mkdir,
	__NR_rmdir,
	__NR_unlink,
	__NR_rename,
	__NR_link,
	__NR_symlink,
	__NR_chmod,
	__NR_chown,
	__NR_lchown,
	__NR_utime,
	__NR_utimes,
	__NR_futimesat,
	__NR_mknod,
	__NR_getdents,
	__NR_creat,
	__NR_dup2,
	__NR_pipe,
	__NR_poll,
	__NR_select,
	__NR_epoll_create,
	__NR_epoll_wait,
	__NR_eventfd,
	__NR_signalfd,
	__NR_inotify_init,
	__NR_fork,
	__NR_vfork,
	__NR_getpgrp,
	__NR_alarm,
	__NR_pause,
	__NR_time,
	__NR_arch_prctl,
	/* Made by the kernel's own trampolines when somebody on the node traces this program;
	 * anywhere else they are refused by the kernel itself. */
	__NR_uretprobe,
	__NR_uprobe,
#endif
};

/* --- refused, whatever the arguments ------------------------------------------------------------ */

static const uint16_t refused[] = {
	/* Other processes' memory, descriptors and identity. */
	__NR_ptrace,
	__NR_process_vm_readv,
	__NR_process_vm_writev,
	__NR_kcmp,
	__NR_process_madvise,
	__NR_process_mrelease,
	__NR_migrate_pages,

	/* Mounts and roots, old interface and new. */
	__NR_mount,
	__NR_umount2,
	__NR_pivot_root,
	__NR_chroot,
	__NR_fsopen,
	__NR_fsconfig,
	__NR_fsmount,
	__NR_fspick,
	__NR_move_mount,
	__NR_open_tree,
	__NR_open_tree_attr,
	__NR_mount_setattr,

	/* Namespaces by descriptor; by flag: unshare() and clone() below. */
	__NR_setns,

	/* Files past any path rule: by handle, or watched mount-wide. */
	__NR_name_to_handle_at,
	__NR_open_by_handle_at,
	__NR_fanotify_init,
	__NR_fanotify_mark,

	/* Code that never was a file: no Landlock rule covers the execution of a memfd. */
	__NR_memfd_create,
	__NR_memfd_secret,

	/* Parts of the kernel that are attacked more than they are needed here. */
	__NR_bpf,
	__NR_perf_event_open,
	__NR_userfaultfd,

	/* Key rings are shared by all who have the UID, in whatever container. */
	__NR_keyctl,
	__NR_add_key,
	__NR_request_key,

	/* The machine. */
	__NR_reboot,
	__NR_kexec_load,
	__NR_init_module,
	__NR_finit_module,
	__NR_delete_module,
	__NR_swapon,
	__NR_swapoff,
	__NR_acct,
	__NR_quotactl,
	__NR_quotactl_fd,
	__NR_syslog,
	__NR_settimeofday,
	__NR_clock_settime,
	__NR_clock_adjtime,
	__NR_adjtimex,
	__NR_sethostname,
	__NR_setdomainname,
	__NR_vhangup,
	__NR_lookup_dcookie,
	__NR_nfsservctl,
	__NR_kexec_file_load,
#if defined(__x86_64__)
	__NR_iopl,
	__NR_ioperm,
	__NR_modify_ldt,
	__NR_create_module,
#endif
};

/* Refused, with the answer of a kernel that lacks them: on EPERM programs give up, on ENOSYS they
 * take the older way. These would get ENOSYS by default; they are named so that nobody adds them. */
static const uint16_t unavailable[] = {
	/* Its flags are behind a pointer, where no filter can look. libc falls back to clone(). */
	__NR_clone3,
	/* Would make calls that no filter sees. libuv and others fall back to epoll. */
	__NR_io_uring_setup,
	__NR_io_uring_enter,
	__NR_io_uring_register,
	/* Handles on processes that are not one's own. Go, Python and others fall back to wait. */
	__NR_pidfd_open,
	__NR_pidfd_getfd,
	__NR_pidfd_send_signal,
};

/* --- decided by arguments ----------------------------------------------------------------------- */

#define RULE(call, act)                       \
	{                                     \
		.nr = (call), .action = (act) \
	}
#define RULE_IF(call, act, ...)                                              \
	{                                                                    \
		.nr = (call), .action = (act),                               \
		.n_tests = sizeof((struct seccomp_test[]) { __VA_ARGS__ }) / \
			   sizeof(struct seccomp_test),                      \
		.tests = {                                                   \
			__VA_ARGS__                                          \
		}                                                            \
	}
#define IS(argument, want)                                                       \
	{                                                                        \
		.arg = (argument), .mask = UINT32_MAX, .value = (uint32_t)(want) \
	}
#define NONE_OF(argument, bits)                                         \
	{                                                               \
		.arg = (argument), .mask = (uint32_t)(bits), .value = 0 \
	}
#define MASKED(argument, bits, want)                                                   \
	{                                                                              \
		.arg = (argument), .mask = (uint32_t)(bits), .value = (uint32_t)(want) \
	}

/* SOCK_TYPE_MASK of the kernel: the rest of the argument is SOCK_CLOEXEC and SOCK_NONBLOCK. */
#define SOCKET_TYPE(want) MASKED(1, 0xf, want)
#define SOCKET_ALLOW(family, type, protocol) \
	RULE_IF(__NR_socket, ALLOW, IS(0, family), SOCKET_TYPE(type), IS(2, protocol))

#define NEW_NAMESPACE                                                                  \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | \
	 CLONE_NEWPID | CLONE_NEWNET)

#define PRCTL_ALLOW(option) RULE_IF(__NR_prctl, ALLOW, IS(0, option))
#define IOCTL_REFUSE(request) RULE_IF(__NR_ioctl, ERRNO(EPERM), IS(1, request))

static const struct seccomp_rule checked[] = {
	/* Stream and datagram sockets of the two internet families, each with its own protocol: no
	 * ICMP, SCTP, DCCP, MPTCP. Netlink only to ask for one's own addresses and routes. */
	RULE_IF(__NR_socket, ALLOW, IS(0, AF_UNIX)),
	SOCKET_ALLOW(AF_INET, SOCK_STREAM, 0),
	SOCKET_ALLOW(AF_INET, SOCK_STREAM, IPPROTO_TCP),
	SOCKET_ALLOW(AF_INET, SOCK_DGRAM, 0),
	SOCKET_ALLOW(AF_INET, SOCK_DGRAM, IPPROTO_UDP),
	SOCKET_ALLOW(AF_INET6, SOCK_STREAM, 0),
	SOCKET_ALLOW(AF_INET6, SOCK_STREAM, IPPROTO_TCP),
	SOCKET_ALLOW(AF_INET6, SOCK_DGRAM, 0),
	SOCKET_ALLOW(AF_INET6, SOCK_DGRAM, IPPROTO_UDP),
	RULE_IF(__NR_socket, ALLOW, IS(0, AF_NETLINK), IS(2, NETLINK_ROUTE)),
	RULE_IF(__NR_socket, ERRNO(EPROTONOSUPPORT), IS(0, AF_NETLINK)),
	RULE_IF(__NR_socket, ERRNO(EPERM), SOCKET_TYPE(SOCK_RAW)),
	RULE_IF(__NR_socket, ERRNO(EPERM), SOCKET_TYPE(SOCK_PACKET)),
	RULE_IF(__NR_socket, ERRNO(EPROTONOSUPPORT), IS(0, AF_INET)),
	RULE_IF(__NR_socket, ERRNO(EPROTONOSUPPORT), IS(0, AF_INET6)),
	RULE(__NR_socket, ERRNO(EAFNOSUPPORT)),

	RULE_IF(__NR_socketpair, ALLOW, IS(0, AF_UNIX)),
	RULE(__NR_socketpair, ERRNO(EAFNOSUPPORT)),

	RULE_IF(__NR_clone, ALLOW, NONE_OF(0, NEW_NAMESPACE)),
	RULE(__NR_clone, ERRNO(EPERM)),
	RULE_IF(__NR_unshare, ALLOW, NONE_OF(0, ~(CLONE_FILES | CLONE_FS | CLONE_SYSVSEM))),
	RULE(__NR_unshare, ERRNO(EPERM)),

	/* With AT_EMPTY_PATH it executes a descriptor, of whatever origin. */
	RULE_IF(__NR_execveat, ALLOW, NONE_OF(4, AT_EMPTY_PATH)),
	RULE(__NR_execveat, ERRNO(EPERM)),

	/* Limits and scheduling: one's own only. The kernel lets any process of the same UID change
	 * these, and in a pod without privilege the launcher has the same UID. */
	RULE_IF(__NR_prlimit64, ALLOW, IS(0, 0)),
	RULE(__NR_prlimit64, ERRNO(EPERM)),
	RULE_IF(__NR_sched_setaffinity, ALLOW, IS(0, 0)),
	RULE(__NR_sched_setaffinity, ERRNO(EPERM)),
	RULE_IF(__NR_sched_setparam, ALLOW, IS(0, 0)),
	RULE(__NR_sched_setparam, ERRNO(EPERM)),
	RULE_IF(__NR_sched_setscheduler, ALLOW, IS(0, 0)),
	RULE(__NR_sched_setscheduler, ERRNO(EPERM)),
	RULE_IF(__NR_sched_setattr, ALLOW, IS(0, 0)),
	RULE(__NR_sched_setattr, ERRNO(EPERM)),
	RULE_IF(__NR_setpriority, ALLOW, IS(0, PRIO_PROCESS), IS(1, 0)),
	RULE(__NR_setpriority, ERRNO(EPERM)),
	RULE_IF(__NR_ioprio_set, ALLOW, IS(0, IOPRIO_WHO_PROCESS), IS(1, 0)),
	RULE(__NR_ioprio_set, ERRNO(EPERM)),
	RULE_IF(__NR_move_pages, ALLOW, IS(0, 0)),
	RULE(__NR_move_pages, ERRNO(EPERM)),

	/* The query, the default, and what debuggers, Lisp images and `setarch` ask for. Not
	 * READ_IMPLIES_EXEC or MMAP_PAGE_ZERO, which undo protections of the memory. */
	RULE_IF(__NR_personality, ALLOW, IS(0, 0xffffffff)),
	RULE_IF(__NR_personality, ALLOW, NONE_OF(0, ~(PER_LINUX32 | ADDR_NO_RANDOMIZE))),
	RULE(__NR_personality, ERRNO(EPERM)),

	/* Another filter could not widen this one, but one with a listener could answer in the
	 * kernel's place to a child that trusts it. Asking what the kernel has is harmless. */
	RULE_IF(__NR_seccomp, ALLOW, IS(0, SECCOMP_GET_ACTION_AVAIL)),
	RULE_IF(__NR_seccomp, ALLOW, IS(0, SECCOMP_GET_NOTIF_SIZES)),
	RULE(__NR_seccomp, ERRNO(EPERM)),

	/* Bytes pushed into a terminal's input are typed by its other reader; the rest reach the
	 * console, or load kernel modules for line disciplines. */
	IOCTL_REFUSE(TIOCSTI),
	IOCTL_REFUSE(TIOCLINUX),
	IOCTL_REFUSE(TIOCCONS),
	IOCTL_REFUSE(TIOCSETD),
	/* /dev/userfaultfd, the other way to what userfaultfd() is refused for. */
	IOCTL_REFUSE(USERFAULTFD_IOC_NEW),
	RULE(__NR_ioctl, ALLOW),

	RULE_IF(__NR_prctl, ERRNO(EPERM), IS(0, PR_SET_SECCOMP)),
	RULE_IF(__NR_prctl, ERRNO(EPERM), IS(0, PR_SET_MM)),
	PRCTL_ALLOW(PR_SET_VMA), /* first: allocators call it most */
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
	PRCTL_ALLOW(PR_GET_TSC),
	PRCTL_ALLOW(PR_SET_TSC),
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
	PRCTL_ALLOW(PR_GET_SPECULATION_CTRL),
	PRCTL_ALLOW(PR_SET_SPECULATION_CTRL),
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
	RULE(__NR_prctl, ERRNO(EINVAL)),
};

/* --- truncation --------------------------------------------------------------------------------- */

static const uint16_t confined_truncation[] = {
	__NR_truncate,
	__NR_openat,
	__NR_openat2,
#if defined(__x86_64__)
	__NR_open,
#endif
};

static const uint16_t refused_truncation[] = { __NR_truncate };

/* Its flags are behind a pointer; libc falls back to openat(). */
static const uint16_t unavailable_truncation[] = { __NR_openat2 };

/* Before ABI 3 Landlock sees a truncation only by the wish to write: open() shows that wish with
 * O_WRONLY or O_RDWR, and hides it with O_RDONLY or with both bits, which Linux takes to mean
 * "neither" while it still truncates. */
#define OPEN_RULES(call, flags)                                                   \
	RULE_IF(call, ERRNO(EPERM), MASKED(flags, O_TRUNC | O_ACCMODE, O_TRUNC)), \
		RULE_IF(call, ERRNO(EPERM),                                       \
			MASKED(flags, O_TRUNC | O_ACCMODE, O_TRUNC | O_ACCMODE)), \
		RULE(call, ALLOW)

static const struct seccomp_rule checked_truncation[] = {
	OPEN_RULES(__NR_openat, 2),
#if defined(__x86_64__)
	OPEN_RULES(__NR_open, 1),
#endif
};

/* ------------------------------------------------------------------------------------------------ */

#define GROUP(when, action, nrs)                        \
	{                                               \
		(when), (action), (nrs), ARRAY_LEN(nrs) \
	}

const struct seccomp_group seccomp_groups[] = {
	GROUP(SECCOMP_ALWAYS, ALLOW, allowed),
	GROUP(SECCOMP_ALWAYS, ERRNO(EPERM), refused),
	GROUP(SECCOMP_ALWAYS, ERRNO(ENOSYS), unavailable),
	GROUP(SECCOMP_TRUNCATE_CONFINED, ALLOW, confined_truncation),
	GROUP(SECCOMP_TRUNCATE_REFUSED, ERRNO(EPERM), refused_truncation),
	GROUP(SECCOMP_TRUNCATE_REFUSED, ERRNO(ENOSYS), unavailable_truncation),
};
const size_t seccomp_n_groups = ARRAY_LEN(seccomp_groups);

const struct seccomp_ruleset seccomp_rulesets[] = {
	{ SECCOMP_ALWAYS, checked, ARRAY_LEN(checked) },
	{ SECCOMP_TRUNCATE_REFUSED, checked_truncation, ARRAY_LEN(checked_truncation) },
};
const size_t seccomp_n_rulesets = ARRAY_LEN(seccomp_rulesets);
