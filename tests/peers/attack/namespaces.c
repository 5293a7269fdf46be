/* SPDX-License-Identifier: Apache-2.0 */
/* Namespaces of one's own, in which one would be root, and those of others. */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/peers/attack/attack.h"

static struct verdict unshare_kind(const struct attack *attack)
{
	return judge("unshare", syscall(SYS_unshare, attack->arg0));
}

static struct verdict unshare_user(void)
{
	return judge("unshare", syscall(SYS_unshare, CLONE_NEWUSER));
}

static struct verdict orphan_unshares(const struct attack *attack)
{
	(void)attack;
	return in_orphan(unshare_user);
}

static struct verdict clone_kind(const struct attack *attack)
{
	long child = syscall(SYS_clone, attack->arg0 | SIGCHLD, NULL, NULL, NULL, NULL);

	if (child == 0)
		_exit(0);
	return judge("clone", child);
}

static struct verdict clone3_kind(const struct attack *attack)
{
	struct clone_args args = { .flags = (uint64_t)attack->arg0, .exit_signal = SIGCHLD };
	long child = syscall(SYS_clone3, &args, sizeof(args));

	if (child == 0)
		_exit(0);
	return judge("clone3", child);
}

static struct verdict enter(const struct attack *attack)
{
	int fd = open(attack->path, O_RDONLY | O_CLOEXEC);

	if (fd == -1)
		return held_errno("open");
	return judge("setns", syscall(SYS_setns, fd, 0));
}

#define UNSHARE(kind, flag)                                          \
	{                                                            \
		"unshare_" kind, unshare_kind, "seccomp", 0, 0, flag \
	}
#define CLONE(kind, flag)                                        \
	{                                                        \
		"clone_" kind, clone_kind, "seccomp", 0, 0, flag \
	}
#define CLONE3(kind, flag)                                                               \
	{                                                                                \
		"clone3_" kind, clone3_kind, "seccomp (clone3 is not there)", 0, 0, flag \
	}
#define ENTER(kind)                                                                           \
	{                                                                                     \
		"setns_pid1_" kind, enter, "the UID of PID 1; seccomp", 0, "/proc/1/ns/" kind \
	}

static const struct attack rows[] = {
	UNSHARE("user", CLONE_NEWUSER),
	UNSHARE("net", CLONE_NEWNET),
	UNSHARE("mnt", CLONE_NEWNS),
	UNSHARE("pid", CLONE_NEWPID),
	UNSHARE("ipc", CLONE_NEWIPC),
	UNSHARE("uts", CLONE_NEWUTS),
	UNSHARE("cgroup", CLONE_NEWCGROUP),
	UNSHARE("time", CLONE_NEWTIME),
	{ "unshare_user_from_an_orphan", orphan_unshares, "seccomp" },
	CLONE("user", CLONE_NEWUSER),
	CLONE("user_and_net", CLONE_NEWUSER | CLONE_NEWNET),
	CLONE("net", CLONE_NEWNET),
	CLONE("mnt", CLONE_NEWNS),
	CLONE("pid", CLONE_NEWPID),
	CLONE3("user", CLONE_NEWUSER),
	CLONE3("user_and_net", CLONE_NEWUSER | CLONE_NEWNET),
	CLONE3("time", CLONE_NEWTIME),
	ENTER("net"),
	ENTER("mnt"),
	ENTER("pid"),
	ENTER("ipc"),
	ENTER("uts"),
	ENTER("cgroup"),
	{ "setns_pid1_user", enter, "the UID of PID 1; seccomp",
	  "holds: it is one's own, which may not be entered again", "/proc/1/ns/user" },
	{ "setns_own_net", enter, "seccomp; no CAP_SYS_ADMIN", 0, "/proc/self/ns/net" },
};

const struct attack_table namespace_attacks = TABLE("Namespaces", rows);
