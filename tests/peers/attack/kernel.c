/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of the kernel that other rules do not see, or that are the whole machine's. */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/io_uring.h>
#include <linux/keyctl.h>
#include <linux/perf_event.h>
#include <linux/quota.h>
#include <linux/seccomp.h>
#include <linux/userfaultfd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "tests/peers/attack/attack.h"

static struct verdict set_up_ring(const struct attack *attack)
{
	struct io_uring_params params = { 0 };

	(void)attack;
	return judge("io_uring_setup", syscall(SYS_io_uring_setup, 8, &params));
}

static struct verdict create_map(const struct attack *attack)
{
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1
	};

	(void)attack;
	return judge("bpf", syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr)));
}

static struct verdict open_counter(const struct attack *attack)
{
	struct perf_event_attr attr = { .type = PERF_TYPE_SOFTWARE,
					.size = sizeof(attr),
					.config = PERF_COUNT_SW_CPU_CLOCK };

	(void)attack;
	return judge("perf_event_open", syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0));
}

static struct verdict handle_faults(const struct attack *attack)
{
	(void)attack;
	return judge("userfaultfd", syscall(SYS_userfaultfd, UFFD_USER_MODE_ONLY));
}

static struct verdict handle_faults_by_device(const struct attack *attack)
{
	int device = open("/dev/userfaultfd", O_RDWR | O_CLOEXEC);

	(void)attack;
	if (device == -1)
		return held_errno("open");
	return judge("ioctl", ioctl(device, 0xAA00, 0)); /* USERFAULTFD_IOC_NEW */
}

/* --- keys --------------------------------------------------------------------------------------- */

static struct verdict use_keys(const struct attack *attack)
{
	if (attack->arg0 == SYS_add_key)
		return judge("add_key", syscall(SYS_add_key, "user", "attack", "x", 1,
						KEY_SPEC_PROCESS_KEYRING));
	if (attack->arg0 == SYS_keyctl)
		return judge("keyctl", syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID,
					       KEY_SPEC_SESSION_KEYRING, 1));
	/* ENOKEY is the answer of a search that was made. */
	return judge_gate("request_key", syscall(SYS_request_key, "user", "attack", NULL, 0));
}

/* --- code without a file ------------------------------------------------------------------------ */

static int copy_of_self(const char *name)
{
	int from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	int to = (int)syscall(SYS_memfd_create, name, 0);
	char bytes[65536];
	ssize_t n;

	while (to != -1 && (n = read(from, bytes, sizeof(bytes))) > 0) {
		if (write(to, bytes, (size_t)n) != n)
			return -1;
	}
	return to;
}

static struct verdict run_memory(const struct attack *attack)
{
	int fd = copy_of_self("attack");
	char path[64];

	(void)attack;
	if (fd == -1)
		return held_errno("memfd_create");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return run_whoami(path) == -1 ? held("it did not run") : got_out("it ran");
}

static struct verdict make_secret(const struct attack *attack)
{
	(void)attack;
	return judge("memfd_secret", syscall(SYS_memfd_secret, 0));
}

static struct verdict run_descriptor(const struct attack *attack)
{
	char *argv[] = { (char[]){ "attack" }, (char[]){ "list" }, NULL };
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	int ends[2];

	if (fd == -1 || pipe2(ends, O_CLOEXEC) == -1)
		return not_tried("/proc/self/exe: %s", strerror(errno));
	pid_t child = fork();
	if (child == 0) {
		dup2(null, STDOUT_FILENO);
		syscall(SYS_execveat, fd, "", argv, NULL, AT_EMPTY_PATH | attack->arg0);
		ssize_t n = write(ends[1], &errno, sizeof(errno));

		_exit(n != sizeof(errno));
	}
	close(ends[1]);
	/* The pipe closes on a successful execution, and only then without a word. */
	if (read(ends[0], &errno, sizeof(errno)) == 0)
		return got_out("execveat ran it");
	return held_errno("execveat");
}

/* --- filters, files by handle ------------------------------------------------------------------- */

static struct verdict add_filter(const struct attack *attack)
{
	struct sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	struct sock_fprog program = { 1, &allow };

	/* So that even without a sandbox it is allowed to. */
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (attack->arg0 == SYS_prctl)
		return judge("prctl", prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0));
	return judge("seccomp",
		     syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, attack->arg1, &program));
}

static struct verdict name_handle(const struct attack *attack)
{
	struct {
		struct file_handle header;
		char bytes[MAX_HANDLE_SZ];
	} handle = { .header.handle_bytes = MAX_HANDLE_SZ };
	int mount_id;

	if (syscall(SYS_name_to_handle_at, AT_FDCWD, "/", &handle, &mount_id, 0) == -1)
		return held_errno("name_to_handle_at");
	if (attack->arg0 == SYS_name_to_handle_at)
		return got_out("name_to_handle_at succeeded");
	return judge("open_by_handle_at",
		     syscall(SYS_open_by_handle_at, open("/", O_RDONLY | O_CLOEXEC), &handle,
			     O_RDONLY));
}

/* A made-up handle: no name_to_handle_at() is needed to guess one. */
static struct verdict guess_handle(const struct attack *attack)
{
	struct {
		struct file_handle header;
		unsigned bytes[2];
	} handle = { .header = { .handle_bytes = 8, .handle_type = 1 }, .bytes = { 2, 0 } };

	(void)attack;
	return judge_gate("open_by_handle_at",
			  syscall(SYS_open_by_handle_at, open("/", O_RDONLY | O_CLOEXEC), &handle,
				  O_RDONLY));
}

static struct verdict watch_mount(const struct attack *attack)
{
	(void)attack;
	return judge("fanotify_init",
		     syscall(SYS_fanotify_init, FAN_CLASS_NOTIF | FAN_REPORT_FID, O_RDONLY));
}

/* --- terminals ---------------------------------------------------------------------------------- */

/* A terminal of one's own, controlling, so that the kernel itself would agree. */
static struct verdict use_terminal(const struct attack *attack)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY);
	long argument = 0;
	long where = attack->arg1 ? (long)&argument : (long)"x";

	if (master == -1 || grantpt(master) == -1 || unlockpt(master) == -1)
		return held("there is no terminal to be had: %s", strerror(errno));
	setsid();
	int slave = open(ptsname(master), O_RDWR);
	if (slave == -1)
		return held_errno("open");
	ioctl(slave, TIOCSCTTY, 0);
	return judge("ioctl", syscall(SYS_ioctl, slave, attack->arg0, where));
}

/* --- the machine -------------------------------------------------------------------------------- */

static struct verdict change_personality(const struct attack *attack)
{
	return judge("personality", syscall(SYS_personality, attack->arg0));
}

static struct verdict read_log(const struct attack *attack)
{
	char line[256];

	(void)attack;
	return judge("syslog", syscall(SYS_syslog, 3 /* READ_ALL */, line, sizeof(line)));
}

static struct verdict rename_host(const struct attack *attack)
{
	char name[65] = "";

	/* The same name, so that nothing is broken if it works. */
	gethostname(name, sizeof(name) - 1);
	return judge("the call", syscall(attack->arg0, name, strlen(name)));
}

static struct verdict set_clock(const struct attack *attack)
{
	struct timespec now;
	struct timex nothing = { 0 };

	clock_gettime(CLOCK_REALTIME, &now);
	struct timeval now_us = { now.tv_sec, now.tv_nsec / 1000 };
	switch (attack->arg0) {
	case SYS_settimeofday:
		return judge("settimeofday", syscall(SYS_settimeofday, &now_us, NULL));
	case SYS_adjtimex:
		return judge("adjtimex", syscall(SYS_adjtimex, &nothing));
	default:
		return judge("clock_settime", syscall(SYS_clock_settime, CLOCK_REALTIME, &now));
	}
}

/* Past the check for privilege, these fail for want of a sensible argument. */
static struct verdict knock(const struct attack *attack)
{
	return judge_gate("the call", syscall(attack->arg0, attack->arg1, attack->arg2, -1, -1, 0));
}

#define FILTER "seccomp"
#define LACKS "holds if the kernel lacks it"
#define TTY "holds where there are no terminals"
#define KNOCK(name, call, ...)                                                     \
	{                                                                          \
		name, knock, "seccomp; no capability", LACKS, 0, call, __VA_ARGS__ \
	}

static const struct attack rows[] = {
	{ "io_uring", set_up_ring, FILTER, "holds if kernel.io_uring_disabled is 2" },
	{ "bpf", create_map, FILTER },
	{ "perf_event_open", open_counter, FILTER },
	{ "userfaultfd", handle_faults, FILTER, LACKS },
	{ "userfaultfd_device", handle_faults_by_device, "seccomp; Landlock",
	  "holds where there is no such device" },
	{ "keyctl", use_keys, FILTER, LACKS, 0, SYS_keyctl },
	{ "add_key", use_keys, FILTER, LACKS, 0, SYS_add_key },
	{ "request_key", use_keys, FILTER, LACKS, 0, SYS_request_key },
	{ "memfd_exec", run_memory, FILTER },
	{ "memfd_secret", make_secret, FILTER, LACKS },
	{ "execveat_empty_path", run_descriptor, FILTER },
	{ "execveat_high_half", run_descriptor, FILTER, 0, 0, 0x100000000 },
	{ "seccomp_filter", add_filter, FILTER, 0, 0, SYS_seccomp },
	{ "seccomp_listener", add_filter, FILTER, 0, 0, SYS_seccomp,
	  SECCOMP_FILTER_FLAG_NEW_LISTENER },
	{ "seccomp_filter_by_prctl", add_filter, FILTER, 0, 0, SYS_prctl },
	{ "name_to_handle_at", name_handle, FILTER, "holds on file systems without handles", 0,
	  SYS_name_to_handle_at },
	{ "open_by_handle_at", name_handle, "seccomp; no CAP_DAC_READ_SEARCH",
	  "holds on file systems without handles" },
	{ "open_by_guessed_handle", guess_handle, "seccomp; no CAP_DAC_READ_SEARCH" },
	{ "fanotify", watch_mount, FILTER, LACKS },
	{ "tiocsti", use_terminal, FILTER, TTY, 0, TIOCSTI },
	{ "tiocsti_high_half", use_terminal, FILTER, TTY, 0, TIOCSTI | 0x100000000 },
	{ "tiocsetd", use_terminal, FILTER, TTY, 0, TIOCSETD, 1 },
	{ "tioccons", use_terminal, "seccomp; no CAP_SYS_ADMIN",
	  "holds while the console is redirected", 0, TIOCCONS },
	{ "personality_read_implies_exec", change_personality, FILTER, 0, 0, READ_IMPLIES_EXEC },
	{ "personality_mmap_page_zero", change_personality, FILTER, 0, 0, MMAP_PAGE_ZERO },
	{ "kernel_log", read_log, "seccomp; no CAP_SYSLOG" },
	{ "sethostname", rename_host, "seccomp; no CAP_SYS_ADMIN", 0, 0, SYS_sethostname },
	{ "setdomainname", rename_host, "seccomp; no CAP_SYS_ADMIN", 0, 0, SYS_setdomainname },
	{ "clock_settime", set_clock, "seccomp; no CAP_SYS_TIME", 0, 0, SYS_clock_settime },
	{ "settimeofday", set_clock, "seccomp; no CAP_SYS_TIME", 0, 0, SYS_settimeofday },
	{ "adjtimex", set_clock, FILTER, 0, 0, SYS_adjtimex },
	KNOCK("finit_module", SYS_finit_module, -1),
	KNOCK("delete_module", SYS_delete_module, 0),
	KNOCK("kexec_load", SYS_kexec_load, 0, -1),
	KNOCK("swapon", SYS_swapon, 0),
	KNOCK("acct", SYS_acct, -1),
	KNOCK("quotactl", SYS_quotactl, QCMD(Q_QUOTAON, 0), 0),
};

const struct attack_table kernel_attacks = TABLE("The kernel", rows);
