/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/sandbox/ids.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/cleanup.h"

struct needed {
	cap_value_t cap;
	const char *name;
};

/* Every capability the sandbox is built with, and for what. */
static const struct needed to_build[] = {
	{ CAP_SYS_ADMIN, "SYS_ADMIN" }, /* network namespace, terminal */
	{ CAP_NET_ADMIN, "NET_ADMIN" }, /* loopback device in it */
	{ CAP_SYS_PTRACE, "SYS_PTRACE" }, /* check the child's namespace before it runs */
	{ CAP_SETUID, "SETUID" }, /* give up root */
	{ CAP_SETGID, "SETGID" },
	{ CAP_SETPCAP, "SETPCAP" }, /* empty the bounding set */
	{ CAP_KILL, "KILL" }, /* pass signals on to another user's process */
	{ CAP_DAC_READ_SEARCH,
	  "DAC_READ_SEARCH" }, /* open paths that only the workload may enter */
	{ CAP_CHOWN, "CHOWN" }, /* hand over directories the policy makes writable */
};

static const struct needed to_serve[] = {
	{ CAP_SYS_PTRACE, "SYS_PTRACE" }, /* look at the workload's processes */
	{ CAP_DAC_READ_SEARCH, "DAC_READ_SEARCH" }, /* and read their programs */
	{ CAP_SETUID, "SETUID" }, /* become the proxy's identity */
	{ CAP_SETGID, "SETGID" },
	{ CAP_SETPCAP, "SETPCAP" }, /* empty the bounding set */
	{ CAP_KILL, "KILL" }, /* pass signals on to it */
};

static int parse_id(const char *text, char end, uint32_t *out, const char **out_rest,
		    struct err *err)
{
	char *rest;

	errno = 0;
	unsigned long long id = strtoull(text, &rest, 10);
	if (*text < '0' || *text > '9' || (*rest != end && *rest != '\0'))
		return err_set(err, ERR_INVALID, "'%s' is not a number", text);
	if (errno == ERANGE || id < 1 || id > UINT32_MAX - 1)
		return err_set(err, ERR_INVALID, "'%s' is not in 1..4294967294", text);
	*out = (uint32_t)id;
	*out_rest = rest;
	return 0;
}

int ids_parse_user(const char *text, struct ids *out, struct err *err)
{
	uint32_t uid = 0, gid = 0;
	const char *rest = text;

	if (parse_id(text, ':', &uid, &rest, err) == -1)
		return err_wrap(err, "user");
	if (*rest != ':')
		return err_set(err, ERR_INVALID, "'%s' is not UID:GID", text);
	if (parse_id(rest + 1, '\0', &gid, &rest, err) == -1)
		return err_wrap(err, "group");
	out->uid = uid;
	out->gid = gid;
	return 0;
}

int ids_parse_groups(const char *text, struct ids *out, struct err *err)
{
	size_t n = 0;

	for (const char *rest = text; n == 0 || *rest == ','; n++) {
		uint32_t gid = 0;

		if (n == IDS_GROUPS_MAX)
			return err_set(err, ERR_LIMIT, "more than %d supplementary groups",
				       IDS_GROUPS_MAX);
		if (parse_id(n == 0 ? rest : rest + 1, ',', &gid, &rest, err) == -1)
			return err_wrap(err, "supplementary group");
		out->groups[n] = gid;
	}
	out->n_groups = n;
	return 0;
}

static int check(const struct needed *needed, size_t n, const char *who, struct err *err)
{
	AUTO(buf_done) struct buf missing = buf_init(256);
	cap_t have = cap_get_proc();

	if (have == NULL)
		return err_sys(err, "read own capabilities");
	for (size_t i = 0; i < n; i++) {
		cap_flag_value_t set = CAP_CLEAR;

		if (cap_get_flag(have, needed[i].cap, CAP_EFFECTIVE, &set) == -1 || set != CAP_SET)
			buf_printf(&missing, "%s%s", missing.n > 0 ? ", " : "", needed[i].name);
	}
	cap_free(have);
	if (geteuid() != 0)
		return err_set(err, ERR_DENIED,
			       "started as UID %u: the container's runAsUser must be 0, %s",
			       geteuid(), who);
	if (missing.n > 0)
		return err_set(err, ERR_DENIED,
			       "missing capabilities: %s: add them to the container's "
			       "securityContext.capabilities.add",
			       buf_text(&missing));
	return 0;
}

int ids_check_privilege(struct err *err)
{
	return check(to_build, ARRAY_LEN(to_build), "the workload itself gets --user", err);
}

int ids_check_proxy_privilege(struct err *err)
{
	return check(to_serve, ARRAY_LEN(to_serve), "the proxy itself gets --proxy-uid", err);
}

/* EINVAL ends the list: the kernel knows no capability of that number. */
static int empty_bounding_set(void)
{
	for (unsigned long cap = 0; cap < 64; cap++) {
		long set = syscall(SYS_prctl, PR_CAPBSET_READ, cap, 0, 0, 0);

		if (set == -1 && errno == EINVAL)
			return 0;
		if (set == 1 && syscall(SYS_prctl, PR_CAPBSET_DROP, cap, 0, 0, 0) == -1)
			return errno;
	}
	return 0;
}

static int set_capabilities(uint32_t low)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { { .effective = low, .permitted = low } };

	return syscall(SYS_capset, &header, data) == -1 ? errno : 0;
}

int ids_drop(const struct ids *ids)
{
	int error;

	if (syscall(SYS_setgroups, ids->n_groups, ids->groups) == -1 ||
	    syscall(SYS_setresgid, ids->gid, ids->gid, ids->gid) == -1)
		return errno;
	if ((error = empty_bounding_set()) != 0)
		return error;
	if (syscall(SYS_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) == -1 ||
	    syscall(SYS_setresuid, ids->uid, ids->uid, ids->uid) == -1)
		return errno;
	if ((error = set_capabilities(0)) != 0)
		return error;
	return syscall(SYS_setresuid, 0, 0, 0) == 0 ? EPERM : 0;
}

int ids_settle(const struct ids *ids)
{
	uid_t uid[3];
	gid_t gid[3];
	int error;

	if (syscall(SYS_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) == -1)
		return errno;
	if ((error = set_capabilities(0)) != 0)
		return error;
	if (syscall(SYS_getresuid, &uid[0], &uid[1], &uid[2]) == -1 ||
	    syscall(SYS_getresgid, &gid[0], &gid[1], &gid[2]) == -1)
		return errno;
	for (int i = 0; i < 3; i++)
		if (uid[i] != ids->uid || gid[i] != ids->gid)
			return EPERM;
	return syscall(SYS_setresuid, 0, 0, 0) == 0 ? EPERM : 0;
}

int ids_keep_only_kill(void)
{
	int error = empty_bounding_set();

	return error != 0 ? error : set_capabilities(1U << CAP_KILL);
}
