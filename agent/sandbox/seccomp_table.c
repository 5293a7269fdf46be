/* SPDX-License-Identifier: Apache-2.0 */
/* Calls that are answered by number alone. What depends on arguments is in seccomp_args.c. */
#include "agent/sandbox/seccomp_table.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>

#include "agent/sandbox/seccomp_newer.h"
#include "lib/cleanup.h"

#if defined(__x86_64__)
const uint32_t seccomp_arch = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
const uint32_t seccomp_arch = AUDIT_ARCH_AARCH64;
#else
/* cppcheck-suppress preprocessorErrorDirective */
#error "seccomp_table.c: which system calls does this architecture have?"
#endif

/* --- allowed ------------------------------------------------------------------------------------ */

/* Files by descriptor and by path: Landlock and the UID decide. A device node needs a capability,
 * so mknod() makes FIFOs. open() and truncate() are below. */
static const uint16_t files[] = { __NR_read,      __NR_write,      __NR_readv,
				  __NR_writev,    __NR_pread64,    __NR_pwrite64,
				  __NR_preadv,    __NR_pwritev,    __NR_preadv2,
				  __NR_pwritev2,  __NR_close,      __NR_close_range,
				  __NR_lseek,     __NR_fstat,      __NR_newfstatat,
				  __NR_statx,     __NR_statfs,     __NR_fstatfs,
				  __NR_dup,       __NR_dup3,       __NR_fcntl,
				  __NR_flock,     __NR_fsync,      __NR_fdatasync,
				  __NR_sync,      __NR_syncfs,     __NR_sync_file_range,
				  __NR_ftruncate, __NR_fallocate,  __NR_fadvise64,
				  __NR_readahead, __NR_cachestat,  __NR_copy_file_range,
				  __NR_sendfile,  __NR_splice,     __NR_tee,
				  __NR_vmsplice,  __NR_pipe2,      __NR_getdents64,
				  __NR_getcwd,    __NR_chdir,      __NR_fchdir,
				  __NR_faccessat, __NR_faccessat2, __NR_readlinkat,
				  __NR_mkdirat,   __NR_mknodat,    __NR_unlinkat,
				  __NR_renameat,  __NR_renameat2,  __NR_linkat,
				  __NR_symlinkat, __NR_fchmod,     __NR_fchmodat,
				  __NR_fchmodat2, __NR_fchown,     __NR_fchownat,
				  __NR_utimensat, __NR_umask };

static const uint16_t extended_attributes[] = {
	__NR_setxattr,    __NR_lsetxattr,    __NR_fsetxattr,    __NR_setxattrat,
	__NR_getxattr,    __NR_lgetxattr,    __NR_fgetxattr,    __NR_getxattrat,
	__NR_listxattr,   __NR_llistxattr,   __NR_flistxattr,   __NR_listxattrat,
	__NR_removexattr, __NR_lremovexattr, __NR_fremovexattr, __NR_removexattrat
};

static const uint16_t waiting[] = { __NR_pselect6,          __NR_ppoll,
				    __NR_epoll_create1,     __NR_epoll_ctl,
				    __NR_epoll_pwait,       __NR_epoll_pwait2,
				    __NR_eventfd2,          __NR_signalfd4,
				    __NR_timerfd_create,    __NR_timerfd_settime,
				    __NR_timerfd_gettime,   __NR_inotify_init1,
				    __NR_inotify_add_watch, __NR_inotify_rm_watch,
				    __NR_io_setup,          __NR_io_destroy,
				    __NR_io_submit,         __NR_io_cancel,
				    __NR_io_getevents,      __NR_io_pgetevents };

/* One's own: none of these takes a process. */
static const uint16_t memory[] = { __NR_brk,
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
				   __NR_set_mempolicy_home_node };

/* The kernel's UID check and Landlock's scope keep a signal from what is outside. */
static const uint16_t processes[] = { __NR_execve,          __NR_exit,
				      __NR_exit_group,      __NR_wait4,
				      __NR_waitid,          __NR_kill,
				      __NR_tkill,           __NR_tgkill,
				      __NR_rt_sigaction,    __NR_rt_sigprocmask,
				      __NR_rt_sigreturn,    __NR_rt_sigpending,
				      __NR_rt_sigsuspend,   __NR_rt_sigtimedwait,
				      __NR_rt_sigqueueinfo, __NR_rt_tgsigqueueinfo,
				      __NR_sigaltstack,     __NR_restart_syscall,
				      __NR_getpid,          __NR_gettid,
				      __NR_getppid,         __NR_getpgid,
				      __NR_setpgid,         __NR_getsid,
				      __NR_setsid };

static const uint16_t threads[] = { __NR_futex,           __NR_futex_waitv,   __NR_futex_wake,
				    __NR_futex_wait,      __NR_futex_requeue, __NR_set_robust_list,
				    __NR_set_tid_address, __NR_rseq,          __NR_sched_yield };

/* Limits and scheduling are read of anyone, set for oneself (seccomp_args.c). */
static const uint16_t resources[] = { __NR_getrusage,
				      __NR_times,
				      __NR_getrlimit,
				      __NR_setrlimit,
				      __NR_getpriority,
				      __NR_ioprio_get,
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
				      __NR_getrandom };

/* There is no capability left to change it with, so programs may try. */
static const uint16_t identity[] = { __NR_getuid,    __NR_geteuid,   __NR_getgid,    __NR_getegid,
				     __NR_getresuid, __NR_getresgid, __NR_getgroups, __NR_setuid,
				     __NR_setgid,    __NR_setreuid,  __NR_setregid,  __NR_setresuid,
				     __NR_setresgid, __NR_setfsuid,  __NR_setfsgid,  __NR_setgroups,
				     __NR_capget,    __NR_capset };

static const uint16_t time_and_timers[] = {
	__NR_clock_gettime, __NR_clock_getres,  __NR_clock_nanosleep,  __NR_nanosleep,
	__NR_gettimeofday,  __NR_getitimer,     __NR_setitimer,        __NR_timer_create,
	__NR_timer_settime, __NR_timer_gettime, __NR_timer_getoverrun, __NR_timer_delete
};

/* Once socket() has agreed to the kind. */
static const uint16_t sockets[] = { __NR_bind,        __NR_connect,    __NR_listen,
				    __NR_accept,      __NR_accept4,    __NR_getsockname,
				    __NR_getpeername, __NR_getsockopt, __NR_setsockopt,
				    __NR_shutdown,    __NR_sendto,     __NR_recvfrom,
				    __NR_sendmsg,     __NR_recvmsg,    __NR_sendmmsg,
				    __NR_recvmmsg };

static const uint16_t system_v_and_posix_ipc[] = {
	__NR_shmget,          __NR_shmat,      __NR_shmdt,        __NR_shmctl,    __NR_semget,
	__NR_semop,           __NR_semtimedop, __NR_semctl,       __NR_msgget,    __NR_msgsnd,
	__NR_msgrcv,          __NR_msgctl,     __NR_mq_open,      __NR_mq_unlink, __NR_mq_timedsend,
	__NR_mq_timedreceive, __NR_mq_notify,  __NR_mq_getsetattr
};

/* A sandbox within the sandbox can only be narrower. */
static const uint16_t nested_landlock[] = { __NR_landlock_create_ruleset, __NR_landlock_add_rule,
					    __NR_landlock_restrict_self };

#if defined(__x86_64__)
/* The 64-bit ABI still carries them and libraries still use them. */
static const uint16_t older_forms[] = {
	__NR_stat,      __NR_lstat,    __NR_access,       __NR_readlink,     __NR_mkdir,
	__NR_rmdir,     __NR_unlink,   __NR_rename,       __NR_link,         __NR_symlink,
	__NR_chmod,     __NR_chown,    __NR_lchown,       __NR_utime,        __NR_utimes,
	__NR_futimesat, __NR_mknod,    __NR_getdents,     __NR_creat,        __NR_dup2,
	__NR_pipe,      __NR_poll,     __NR_select,       __NR_epoll_create, __NR_epoll_wait,
	__NR_eventfd,   __NR_signalfd, __NR_inotify_init, __NR_fork,         __NR_vfork,
	__NR_getpgrp,   __NR_alarm,    __NR_pause,        __NR_time,         __NR_arch_prctl
};

/* Made by the kernel's own trampolines when somebody on the node traces this program; refused by
 * the kernel itself from anywhere else. Without them such a program would crash. */
static const uint16_t trampolines[] = { __NR_uretprobe, __NR_uprobe };
#endif

/* --- refused ------------------------------------------------------------------------------------ */

static const uint16_t other_processes[] = {
	__NR_ptrace,          __NR_process_vm_readv, __NR_process_vm_writev, __NR_kcmp,
	__NR_process_madvise, __NR_process_mrelease, __NR_migrate_pages
};

static const uint16_t mounts_and_roots[] = {
	__NR_mount,      __NR_umount2,   __NR_pivot_root,     __NR_chroot,
	__NR_fsopen,     __NR_fsconfig,  __NR_fsmount,        __NR_fspick,
	__NR_move_mount, __NR_open_tree, __NR_open_tree_attr, __NR_mount_setattr
};

/* By flag they are refused in unshare() and clone(). */
static const uint16_t namespaces_by_descriptor[] = { __NR_setns };

/* By handle, or watched mount-wide. */
static const uint16_t files_past_path_rules[] = { __NR_name_to_handle_at, __NR_open_by_handle_at,
						  __NR_fanotify_init, __NR_fanotify_mark };

/* No Landlock rule covers the execution of what never was a file. */
static const uint16_t anonymous_files[] = { __NR_memfd_create, __NR_memfd_secret };

/* Parts of the kernel that are attacked more than they are needed here. */
static const uint16_t kernel_surface[] = { __NR_bpf, __NR_perf_event_open, __NR_userfaultfd };

/* Shared by all that have the UID, in whatever container. */
static const uint16_t key_rings[] = { __NR_keyctl, __NR_add_key, __NR_request_key };

static const uint16_t the_machine[] = {
	__NR_reboot,       __NR_kexec_load,    __NR_kexec_file_load, __NR_init_module,
	__NR_finit_module, __NR_delete_module, __NR_swapon,          __NR_swapoff,
	__NR_acct,         __NR_quotactl,      __NR_quotactl_fd,     __NR_syslog,
	__NR_settimeofday, __NR_clock_settime, __NR_clock_adjtime,   __NR_adjtimex,
	__NR_sethostname,  __NR_setdomainname, __NR_vhangup,         __NR_lookup_dcookie,
	__NR_nfsservctl
};

#if defined(__x86_64__)
static const uint16_t the_x86_machine[] = { __NR_iopl, __NR_ioperm, __NR_modify_ldt,
					    __NR_create_module };
#endif

/* Refused with the answer of a kernel that lacks them, as programs give up on EPERM and take the
 * older way on ENOSYS. They would get that anyway, and are named so that nobody adds them:
 *  - the flags of clone3() are behind a pointer, where no filter can look;
 *  - io_uring makes calls that no filter sees;
 *  - a pidfd is a handle on any process. */
static const uint16_t unavailable[] = { __NR_clone3,           __NR_io_uring_setup,
					__NR_io_uring_enter,   __NR_io_uring_register,
					__NR_pidfd_open,       __NR_pidfd_getfd,
					__NR_pidfd_send_signal };

/* --- truncation --------------------------------------------------------------------------------- */

static const uint16_t opening[] = { __NR_truncate, __NR_openat, __NR_openat2 };
#if defined(__x86_64__)
static const uint16_t older_opening[] = { __NR_open };
#endif

static const uint16_t truncating[] = { __NR_truncate };

/* Its flags are behind a pointer too; libc falls back to openat(). */
static const uint16_t opening_by_struct[] = { __NR_openat2 };

/* ------------------------------------------------------------------------------------------------ */

#define GROUP(when, action, nrs)                        \
	{                                               \
		(when), (action), (nrs), ARRAY_LEN(nrs) \
	}
#define ALLOWED(nrs) GROUP(SECCOMP_ALWAYS, SECCOMP_RET_ALLOW, nrs)
#define REFUSED(nrs) GROUP(SECCOMP_ALWAYS, SECCOMP_RET_ERRNO | EPERM, nrs)

const struct seccomp_group seccomp_groups[] = {
	ALLOWED(files),
	ALLOWED(extended_attributes),
	ALLOWED(waiting),
	ALLOWED(memory),
	ALLOWED(processes),
	ALLOWED(threads),
	ALLOWED(resources),
	ALLOWED(identity),
	ALLOWED(time_and_timers),
	ALLOWED(sockets),
	ALLOWED(system_v_and_posix_ipc),
	ALLOWED(nested_landlock),
	REFUSED(other_processes),
	REFUSED(mounts_and_roots),
	REFUSED(namespaces_by_descriptor),
	REFUSED(files_past_path_rules),
	REFUSED(anonymous_files),
	REFUSED(kernel_surface),
	REFUSED(key_rings),
	REFUSED(the_machine),
	GROUP(SECCOMP_ALWAYS, SECCOMP_RET_ERRNO | ENOSYS, unavailable),
	GROUP(SECCOMP_TRUNCATE_CONFINED, SECCOMP_RET_ALLOW, opening),
	GROUP(SECCOMP_TRUNCATE_REFUSED, SECCOMP_RET_ERRNO | EPERM, truncating),
	GROUP(SECCOMP_TRUNCATE_REFUSED, SECCOMP_RET_ERRNO | ENOSYS, opening_by_struct),
#if defined(__x86_64__)
	ALLOWED(older_forms),
	ALLOWED(trampolines),
	REFUSED(the_x86_machine),
	GROUP(SECCOMP_TRUNCATE_CONFINED, SECCOMP_RET_ALLOW, older_opening),
#endif
};
const size_t seccomp_n_groups = ARRAY_LEN(seccomp_groups);
