/* SPDX-License-Identifier: Apache-2.0 */
/* What the process was given, and what it can still become. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/peers/attack/attack.h"

extern char **environ;

static struct verdict has_privilege(const struct attack *attack)
{
	char why[200];

	(void)attack;
	return is_privileged(why, sizeof(why)) ? got_out("%s", why) : held("%s", why);
}

static struct verdict has_root_group(const struct attack *attack)
{
	gid_t groups[256];
	int n = getgroups(256, groups);

	(void)attack;
	if (getgid() == 0 || getegid() == 0)
		return got_out("the group is 0");
	for (int i = 0; i < n; i++) {
		if (groups[i] == 0)
			return got_out("group 0 is among the %d supplementary ones", n);
	}
	return held("group %u and %d supplementary ones", getgid(), n);
}

/* Asks the kernel, not the agent. */
static struct verdict has_no_filter(const struct attack *attack)
{
	int mode = prctl(PR_GET_SECCOMP, 0, 0, 0, 0);

	(void)attack;
	return mode == 2 ? held("mode 2") : got_out("seccomp mode %d", mode);
}

static struct verdict may_gain_privilege(const struct attack *attack)
{
	(void)attack;
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		return got_out("no_new_privs is not set");
	return judge("prctl", prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0));
}

static struct verdict has_descriptor(const struct attack *attack)
{
	char link[64], target[256] = "";

	(void)attack;
	if (inherited_fd == -1)
		return held("0, 1 and 2 only");
	snprintf(link, sizeof(link), "/proc/self/fd/%d", inherited_fd);
	ssize_t n = readlink(link, target, sizeof(target) - 1);
	return got_out("%d is %s", inherited_fd, n > 0 ? target : "open");
}

static struct verdict has_environment(const struct attack *attack)
{
	(void)attack;
	for (char **e = environ; *e != NULL; e++) {
		if (strncmp(*e, "OPENSHELL_", 10) == 0 &&
		    strncmp(*e, "OPENSHELL_SANDBOX=", 18) != 0)
			return got_out("%.*s is set", (int)strcspn(*e, "="), *e);
	}
	return held("OPENSHELL_SANDBOX at most");
}

/* --- becoming ----------------------------------------------------------------------------------- */

static struct verdict become_root(const struct attack *attack)
{
	switch (attack->arg0) {
	case SYS_setgroups: {
		gid_t root = 0;

		return judge("setgroups", syscall(SYS_setgroups, 1, &root));
	}
	case SYS_setresuid:
	case SYS_setresgid:
		return judge("the call", syscall(attack->arg0, 0, 0, 0));
	case SYS_setfsuid:
	case SYS_setfsgid:
		/* It returns what was there before, whether or not it changed it. */
		syscall(attack->arg0, 0);
		return syscall(attack->arg0, -1) == 0 ? got_out("the id is 0")
						      : held("the id stayed");
	default:
		return judge("the call", syscall(attack->arg0, 0, 0));
	}
}

static struct verdict take_capabilities(const struct attack *attack)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { { .effective = 1 << CAP_NET_ADMIN,
						    .permitted = 1 << CAP_NET_ADMIN } };

	(void)attack;
	return judge("capset", syscall(SYS_capset, &header, data));
}

static struct verdict take_ambient(const struct attack *attack)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	(void)attack;
	/* It must be inheritable first, which whoever has it may make it. */
	if (syscall(SYS_capget, &header, data) == 0) {
		data[0].inheritable |= data[0].permitted;
		syscall(SYS_capset, &header, data);
	}
	return judge("prctl", prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_KILL, 0, 0));
}

static struct verdict set_secure_bits(const struct attack *attack)
{
	(void)attack;
	return judge("prctl", prctl(PR_SET_SECUREBITS, 1 << 4 /* keep capabilities */, 0, 0, 0));
}

static struct verdict run_privileged_program(const struct attack *attack)
{
	const char *path = setting(attack->path, attack->arg0 ? "/attack-filecap" : "/attack-suid");

	if (access(path, X_OK) == -1)
		return not_tried("%s: %s", path, strerror(errno));
	switch (run_whoami(path)) {
	case 0:
		return held("it ran without privilege");
	case 1:
		return got_out("it ran with privilege");
	default:
		return held("it did not run");
	}
}

/* --- limits ------------------------------------------------------------------------------------- */

static struct verdict allow_core(const struct attack *attack)
{
	struct rlimit limit = { 1 << 20, 1 << 20 };

	(void)attack;
	return judge("setrlimit", setrlimit(RLIMIT_CORE, &limit));
}

static struct verdict raise_limits(const struct attack *attack)
{
	int limited = 0;

	(void)attack;
	for (int resource = 0; resource < RLIM_NLIMITS; resource++) {
		struct rlimit old;

		if (getrlimit(resource, &old) == -1 || old.rlim_max == RLIM_INFINITY)
			continue;
		limited++;
		if (setrlimit(resource, &(struct rlimit){ old.rlim_cur, old.rlim_max + 1 }) == 0)
			return got_out("limit %d went up from %llu", resource,
				       (unsigned long long)old.rlim_max);
	}
	return limited == 0 ? not_tried("nothing is limited")
			    : held("%d limits: %s", limited, strerror(errno));
}

static struct verdict escape_oom_killer(const struct attack *attack)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	(void)attack;
	if (fd == -1)
		return held_errno("open");
	return judge("write", write(fd, "-1000", 5));
}

#define NO_CAP "no capability"
#define RESOURCE "holds where root lacks CAP_SYS_RESOURCE"
#define BECOME(name, call)                            \
	{                                             \
		name, become_root, NO_CAP, 0, 0, call \
	}

static const struct attack rows[] = {
	{ "has_privilege", has_privilege, "identity and bounding set dropped" },
	{ "has_root_group", has_root_group, "groups set" },
	{ "has_no_filter", has_no_filter, "seccomp is loaded before the program starts" },
	{ "may_gain_privilege", may_gain_privilege, "no_new_privs" },
	{ "has_descriptor", has_descriptor, "all descriptors close on exec",
	  "holds if the runtime leaves none" },
	{ "has_environment", has_environment, "the environment is cleaned",
	  "holds if the image sets none" },
	BECOME("setuid_root", SYS_setuid),
	BECOME("setgid_root", SYS_setgid),
	BECOME("setreuid_root", SYS_setreuid),
	BECOME("setresuid_root", SYS_setresuid),
	BECOME("setresgid_root", SYS_setresgid),
	BECOME("setfsuid_root", SYS_setfsuid),
	BECOME("setfsgid_root", SYS_setfsgid),
	BECOME("setgroups_root", SYS_setgroups),
	{ "capset", take_capabilities, NO_CAP },
	{ "ambient_capability", take_ambient, NO_CAP },
	{ "secure_bits", set_secure_bits, NO_CAP },
	{ "setuid_program", run_privileged_program, "no_new_privs; empty bounding set", 0,
	  "ATTACK_SUID" },
	{ "filecap_program", run_privileged_program, "no_new_privs; empty bounding set", 0,
	  "ATTACK_FILECAP", 1 },
	{ "core_limit", allow_core, "hard limit 0; no CAP_SYS_RESOURCE" },
	{ "hard_limits", raise_limits, "no CAP_SYS_RESOURCE", RESOURCE },
	{ "oom_score", escape_oom_killer, "no CAP_SYS_RESOURCE", RESOURCE },
};

const struct attack_table privilege_attacks = TABLE("Privilege", rows);
