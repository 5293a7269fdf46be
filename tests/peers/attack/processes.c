/* SPDX-License-Identifier: Apache-2.0 */
/* PID 1, which is the agent, and whoever else is there: memory, descriptors, signals, limits. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/ioprio.h>
#include <linux/kcmp.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/peers/attack/attack.h"

/* In the control run PID 1 is this very program, so it has this too, at the same place. */
static long scratch = 42;

static struct verdict read_memory(const struct attack *attack)
{
	long copy = 0;
	struct iovec here = { &copy, sizeof(copy) }, there = { &scratch, sizeof(scratch) };

	(void)attack;
	long n = syscall(SYS_process_vm_readv, 1, &here, 1, &there, 1, 0);
	/* EFAULT comes after the permission: only the address was wrong. */
	if (n == -1 && errno != EFAULT)
		return held_errno("process_vm_readv");
	return got_out("process_vm_readv: %ld bytes", n);
}

static struct verdict write_memory(const struct attack *attack)
{
	struct iovec here = { &scratch, sizeof(scratch) };

	(void)attack;
	long n = syscall(SYS_process_vm_writev, 1, &here, 1, &here, 1, 0);
	if (n == -1 && errno != EFAULT)
		return held_errno("process_vm_writev");
	return got_out("process_vm_writev: %ld bytes", n);
}

static struct verdict attach(const struct attack *attack)
{
	struct verdict verdict = judge("ptrace", ptrace((int)attack->arg0, 1, NULL, NULL));

	if (verdict.outcome == GOT_OUT)
		ptrace(PTRACE_DETACH, 1, NULL, NULL);
	return verdict;
}

static struct verdict be_traced(const struct attack *attack)
{
	(void)attack;
	return judge("ptrace", ptrace(PTRACE_TRACEME, 0, NULL, NULL));
}

/* --- by descriptor ------------------------------------------------------------------------------ */

static struct verdict pidfd_to_pid1(const struct attack *attack)
{
	(void)attack;
	return judge("pidfd_open", syscall(SYS_pidfd_open, 1, 0));
}

static struct verdict pidfd_steal(const struct attack *attack)
{
	int pidfd = (int)syscall(SYS_pidfd_open, 1, 0);

	(void)attack;
	if (pidfd == -1)
		return held_errno("pidfd_open");
	return judge("pidfd_getfd", syscall(SYS_pidfd_getfd, pidfd, 0, 0));
}

/* A folder of /proc is a pidfd to this call. */
static struct verdict pidfd_signal(const struct attack *attack)
{
	int folder = open("/proc/1", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	(void)attack;
	return judge("pidfd_send_signal", syscall(SYS_pidfd_send_signal, folder, 0, NULL, 0));
}

static struct verdict pidfd_advise(const struct attack *attack)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct iovec there = { (char *)&scratch - (uintptr_t)&scratch % page, page };
	int pidfd = (int)syscall(SYS_pidfd_open, 1, 0);

	(void)attack;
	return judge("process_madvise",
		     syscall(SYS_process_madvise, pidfd, &there, 1, MADV_COLD, 0));
}

static struct verdict compare(const struct attack *attack)
{
	(void)attack;
	return judge("kcmp", syscall(SYS_kcmp, getpid(), 1, KCMP_VM, 0, 0));
}

/* --- signals ------------------------------------------------------------------------------------ */

static struct verdict send_signal(const struct attack *attack)
{
	return judge("kill", kill(1, (int)attack->arg0));
}

static struct verdict send_every_signal(const struct attack *attack)
{
	(void)attack;
	for (int signal = 0; signal <= SIGRTMAX; signal++) {
		/* Within a session everybody may send it; kill_pid1_cont does. */
		if (signal != SIGCONT && kill(1, signal) == 0)
			return got_out("signal %d was sent", signal);
	}
	return held_errno("kill");
}

static struct verdict send_to_thread(const struct attack *attack)
{
	(void)attack;
	return judge("tgkill", syscall(SYS_tgkill, 1, 1, SIGTERM));
}

static struct verdict queue_signal(const struct attack *attack)
{
	siginfo_t info = { .si_code = SI_QUEUE };

	(void)attack;
	return judge("rt_sigqueueinfo", syscall(SYS_rt_sigqueueinfo, 1, SIGTERM, &info));
}

/* --- limits and scheduling ---------------------------------------------------------------------- */

static struct verdict limit(const struct attack *attack)
{
	struct rlimit old = { 1024, 1024 };

	syscall(SYS_prlimit64, 1, attack->arg0, NULL, &old);
	return judge("prlimit64",
		     syscall(SYS_prlimit64, attack->arg1 | 1, attack->arg0, &old, NULL));
}

/* These set what is set already, so that a success slows nobody down. */

static struct verdict pin(const struct attack *attack)
{
	cpu_set_t cpus;

	(void)attack;
	syscall(SYS_sched_getaffinity, 1, sizeof(cpus), &cpus);
	return judge("sched_setaffinity", syscall(SYS_sched_setaffinity, 1, sizeof(cpus), &cpus));
}

static struct verdict reschedule(const struct attack *attack)
{
	struct sched_param param = { .sched_priority = 0 };

	(void)attack;
	return judge("sched_setscheduler",
		     syscall(SYS_sched_setscheduler, 1, sched_getscheduler(1), &param));
}

static struct verdict renice(const struct attack *attack)
{
	int nice = getpriority((int)attack->arg0, (id_t)attack->arg1);

	return judge("setpriority",
		     syscall(SYS_setpriority, attack->arg0, attack->arg1, (long)nice));
}

static struct verdict reprioritise_io(const struct attack *attack)
{
	(void)attack;
	return judge("ioprio_set", syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 1,
					   syscall(SYS_ioprio_get, IOPRIO_WHO_PROCESS, 1)));
}

static struct verdict move_memory(const struct attack *attack)
{
	unsigned long from = 1, to = 1;

	(void)attack;
	return judge("migrate_pages", syscall(SYS_migrate_pages, 1, 8, &from, &to));
}

/* --- everybody else ----------------------------------------------------------------------------- */

/* Calls `act` on each process of another UID, until it returns true; the number it was called for
 * is returned in `out_tried`. */
static pid_t for_each_other(bool (*act)(pid_t), int *out_tried)
{
	DIR *proc = opendir("/proc");
	pid_t found = 0;

	*out_tried = 0;
	for (struct dirent *e = NULL; proc != NULL && found == 0 && (e = readdir(proc)) != NULL;) {
		struct stat st;
		char path[300];

		snprintf(path, sizeof(path), "/proc/%s", e->d_name);
		if (!isdigit((unsigned char)e->d_name[0]) || stat(path, &st) == -1 ||
		    st.st_uid == getuid())
			continue;
		++*out_tried;
		if (act((pid_t)atoi(e->d_name)))
			found = (pid_t)atoi(e->d_name);
	}
	if (proc != NULL)
		closedir(proc);
	return found;
}

static bool can_signal(pid_t pid)
{
	return kill(pid, 0) == 0;
}

static bool can_read_memory(pid_t pid)
{
	char path[64];
	long copy;
	struct iovec here = { &copy, sizeof(copy) }, there = { &scratch, sizeof(scratch) };

	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	if (open(path, O_RDONLY | O_CLOEXEC) != -1)
		return true;
	return syscall(SYS_process_vm_readv, pid, &here, 1, &there, 1, 0) != -1 || errno == EFAULT;
}

static bool can_read_environment(pid_t pid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/environ", pid);
	return open(path, O_RDONLY | O_CLOEXEC) != -1;
}

static struct verdict try_others(bool (*act)(pid_t))
{
	int tried;
	pid_t found = for_each_other(act, &tried);

	if (tried == 0)
		return not_tried("no process of another UID is to be seen");
	if (found != 0)
		return got_out("process %d", found);
	return held("%d processes of other UIDs, last: %s", tried, strerror(errno));
}

static struct verdict signal_others(const struct attack *attack)
{
	(void)attack;
	return try_others(can_signal);
}

static struct verdict read_others(const struct attack *attack)
{
	(void)attack;
	return try_others(can_read_memory);
}

static struct verdict spy_others(const struct attack *attack)
{
	(void)attack;
	return try_others(can_read_environment);
}

#define UID "another UID than PID 1"
#define SIGNAL UID "; Landlock scope"
#define BOTH "seccomp; " UID
#define ALONE "not tried where there is none"

static const struct attack rows[] = {
	{ "process_vm_readv_pid1", read_memory, BOTH },
	{ "process_vm_writev_pid1", write_memory, BOTH },
	{ "ptrace_attach_pid1", attach, BOTH, 0, 0, PTRACE_ATTACH },
	{ "ptrace_seize_pid1", attach, BOTH, 0, 0, PTRACE_SEIZE },
	{ "ptrace_traceme", be_traced, "seccomp" },
	{ "pidfd_open_pid1", pidfd_to_pid1, "seccomp" },
	{ "pidfd_getfd_pid1", pidfd_steal, BOTH },
	{ "pidfd_send_signal_pid1", pidfd_signal, "seccomp; " SIGNAL },
	{ "process_madvise_pid1", pidfd_advise, BOTH },
	{ "kcmp_pid1", compare, BOTH },
	{ "kill_pid1_term", send_signal, SIGNAL, 0, 0, SIGTERM },
	{ "kill_pid1_kill", send_signal, SIGNAL, 0, 0, SIGKILL },
	{ "kill_pid1_stop", send_signal, SIGNAL, 0, 0, SIGSTOP },
	{ "kill_pid1_cont", send_signal, "another session than PID 1; Landlock scope", 0, 0,
	  SIGCONT },
	{ "kill_pid1_any", send_every_signal, SIGNAL },
	{ "tgkill_pid1", send_to_thread, SIGNAL },
	{ "sigqueue_pid1", queue_signal, SIGNAL },
	{ "prlimit_pid1_nofile", limit, BOTH, 0, 0, RLIMIT_NOFILE },
	{ "prlimit_pid1_high_half", limit, BOTH, 0, 0, RLIMIT_NOFILE, 0x100000000 },
	{ "sched_setaffinity_pid1", pin, BOTH },
	{ "sched_setscheduler_pid1", reschedule, BOTH },
	{ "setpriority_pid1", renice, BOTH, 0, 0, PRIO_PROCESS, 1 },
	{ "setpriority_user", renice, "seccomp", 0, 0, PRIO_USER, 0 },
	{ "ioprio_set_pid1", reprioritise_io, BOTH },
	{ "migrate_pages_pid1", move_memory, BOTH, "holds on a kernel without NUMA" },
	{ "others_signal", signal_others, "another UID; Landlock scope", ALONE },
	{ "others_memory", read_others, "another UID; Landlock", ALONE },
	{ "others_environment", spy_others, "another UID; Landlock", ALONE },
};

const struct attack_table process_attacks = TABLE("PID 1 and other processes", rows);
