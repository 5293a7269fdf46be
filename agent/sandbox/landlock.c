/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/sandbox/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/sandbox/landlock_rights.h"
#include "lib/cleanup.h"
#include "lib/mem.h"

enum {
	LANDLOCK_VERSION_FLAG = 1, /* LANDLOCK_CREATE_RULESET_VERSION */
	LANDLOCK_PATH_BENEATH = 1, /* LANDLOCK_RULE_PATH_BENEATH */
	LANDLOCK_SKIPPED_MAX = 2048, /* one event's worth */
};

static const char probe_dir[] = "/run/openshell/probe";

/* Of mode 0666, and the process's own, whoever it is. */
static const char probe_proc[] = "self/attr/current";

struct path_beneath_attr {
	uint64_t allowed_access;
	int32_t parent_fd;
} __attribute__((packed));

static struct landlock landlock_none(void)
{
	return (struct landlock){
		.ruleset_fd = -1,
		.probe_fd = -1,
		.skipped = buf_init(LANDLOCK_SKIPPED_MAX),
	};
}

int landlock_kernel_abi(struct err *err)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_VERSION_FLAG);

	if (abi > 0)
		return (int)abi;
	if (errno == ENOSYS)
		err_set(err, ERR_SYS,
			"this kernel has no Landlock (Linux 5.13 with CONFIG_SECURITY_LANDLOCK)");
	else if (errno == EOPNOTSUPP)
		err_set(err, ERR_SYS,
			"Landlock is off: add landlock to the kernel's lsm= boot parameter");
	else
		err_sys(err,
			"Landlock is refused, probably by the container runtime's seccomp profile");
	return 0;
}

static int check_abi(int abi, enum policy_landlock mode, struct err *err)
{
	if (abi == 0 && mode != POLICY_LANDLOCK_BEST_EFFORT)
		return err_wrap(err, "files cannot be confined");
	if (abi < LANDLOCK_ABI_COMPLETE && mode == POLICY_LANDLOCK_HARD_REQUIREMENT)
		return err_set(
			err, ERR_SYS,
			"the policy asks for landlock hard_requirement, and this kernel's Landlock "
			"(ABI %d) cannot restrict: %s; it takes ABI %d (Linux 6.12)",
			abi, landlock_rights_missing(abi), LANDLOCK_ABI_COMPLETE);
	return 0;
}

/* One component below `dir`, without following links; created where it is missing. */
static int open_or_make(int dir, const char *name, uid_t uid, gid_t gid)
{
	int fd = openat(dir, name, O_PATH | O_CLOEXEC | O_NOFOLLOW | O_DIRECTORY);

	if (fd != -1 || errno != ENOENT)
		return fd;
	if (mkdirat(dir, name, 0755) == -1 ||
	    fchownat(dir, name, uid, gid, AT_SYMLINK_NOFOLLOW) == -1)
		return -1;
	return openat(dir, name, O_PATH | O_CLOEXEC | O_NOFOLLOW | O_DIRECTORY);
}

/* Makes the missing directories of `path` for the workload. The image may hold links that lead
 * elsewhere; none is followed. */
static int make_path(const char *path, uid_t uid, gid_t gid)
{
	AUTO_FREE char *copy = mem_strdup(path);
	AUTO_FD int dir = open("/", O_PATH | O_CLOEXEC | O_DIRECTORY);
	char *rest = copy;
	char *name;

	while (dir != -1 && (name = strsep(&rest, "/")) != NULL) {
		if (*name == '\0')
			continue;
		int next = open_or_make(dir, name, uid, gid);
		close(dir);
		dir = next;
	}
	return dir == -1 ? -1 : 0;
}

/* A link in a writable path would let the image choose what becomes writable. For reading, links are
 * followed: /lib is one nearly everywhere. */
static int open_path(const struct fs_rule *rule)
{
	struct open_how how = {
		.flags = O_PATH | O_CLOEXEC,
		.resolve = RESOLVE_NO_MAGICLINKS |
			   (rule->access == FS_ACCESS_WRITE ? RESOLVE_NO_SYMLINKS : 0),
	};

	return (int)syscall(SYS_openat2, AT_FDCWD, rule->path, &how, sizeof(how));
}

static int open_rule(const struct fs_rule *rule, uid_t uid, gid_t gid)
{
	int fd = open_path(rule);

	if (fd == -1 && errno == ENOENT && rule->access == FS_ACCESS_WRITE &&
	    rule->origin == FS_ORIGIN_POLICY && make_path(rule->path, uid, gid) == 0)
		fd = open_path(rule);
	return fd;
}

/* A read-only path that is a link must not turn out to be the whole file system. */
static bool links_to_root(const struct fs_rule *rule, const struct stat *st)
{
	struct stat root;

	return strcmp(rule->path, "/") != 0 && stat("/", &root) == 0 && root.st_dev == st->st_dev &&
	       root.st_ino == st->st_ino;
}

static int grant(const struct landlock *landlock, const struct fs_rule *rule, int fd,
		 struct err *err)
{
	struct stat st;

	if (fstat(fd, &st) == -1)
		return err_sys(err, "stat '%s'", rule->path);
	if (links_to_root(rule, &st))
		return err_set(err, ERR_INVALID, "'%s' leads to '/'", rule->path);
	bool is_dir = S_ISDIR(st.st_mode);
	struct path_beneath_attr beneath = {
		.allowed_access = rule->access == FS_ACCESS_WRITE
					  ? landlock_rights_write(landlock->abi, is_dir)
					  : landlock_rights_read(landlock->abi, is_dir),
		.parent_fd = fd,
	};

	if (syscall(SYS_landlock_add_rule, landlock->ruleset_fd, LANDLOCK_PATH_BENEATH, &beneath,
		    0) == -1)
		return err_sys(err, "allow '%s'", rule->path);
	return 0;
}

static void note_skipped(struct buf *skipped, const char *path, const char *why)
{
	buf_printf(skipped, "%s%s: %s", skipped->n > 0 ? "; " : "", path, why);
}

static int add_rules(struct landlock *landlock, const struct landlock_config *config,
		     struct err *err)
{
	for (size_t i = 0; i < config->plan->n; i++) {
		const struct fs_rule *rule = &config->plan->rules[i];
		AUTO_FD int fd = open_rule(rule, config->uid, config->gid);

		if (fd != -1) {
			if (grant(landlock, rule, fd, err) == -1)
				return -1;
			continue;
		}
		if (rule->origin == FS_ORIGIN_DEFAULT)
			continue;
		const char *why = errno == ELOOP
					  ? "goes through a symbolic link: write the real path"
					  : strerror(errno);
		if (config->mode == POLICY_LANDLOCK_HARD_REQUIREMENT)
			return err_set(err, ERR_INVALID, "landlock hard_requirement: '%s' %s",
				       rule->path, why);
		note_skipped(&landlock->skipped, rule->path, why);
	}
	return 0;
}

/* Open to everyone by file modes, so that only Landlock can refuse a write there. */
static int open_probe(int *out_fd, struct err *err)
{
	if (mkdir(probe_dir, 0777) == -1 && errno != EEXIST)
		return err_sys(err, "create '%s'", probe_dir);
	*out_fd = open(probe_dir, O_PATH | O_CLOEXEC | O_DIRECTORY | O_NOFOLLOW);
	if (*out_fd == -1 || fchmodat(AT_FDCWD, probe_dir, 0777, 0) == -1)
		return err_sys(err, "open '%s'", probe_dir);
	return 0;
}

/* What Landlock is to refuse must be allowed before. */
static int open_proc_probe(const struct landlock_config *config, int *out_fd, struct err *err)
{
	for (size_t i = 0; i < config->plan->n; i++)
		if (config->plan->rules[i].access == FS_ACCESS_WRITE &&
		    fs_paths_overlap(config->plan->rules[i].path, "/proc"))
			return err_set(
				err, ERR_INVALID,
				"'%s' may not be writable here: that Landlock is in force is "
				"proved by a file of /proc",
				config->plan->rules[i].path);
	AUTO_FD int proc = open("/proc", O_PATH | O_CLOEXEC | O_DIRECTORY);
	AUTO_FD int file = proc != -1 ? openat(proc, probe_proc, O_WRONLY | O_CLOEXEC) : -1;
	if (file == -1)
		return err_sys(err, "open '/proc/%s', by which Landlock is proved", probe_proc);
	*out_fd = steal_fd(&proc);
	return 0;
}

static int create_ruleset(const struct landlock *landlock, bool unscoped, struct err *err)
{
	struct landlock_attr attr = landlock_rights_attr(landlock->abi);
	/* Kernels without scopes take the part of the structure that they know. */
	size_t size = attr.scoped != 0 ? sizeof(attr) : sizeof(attr.handled_access_fs);

	if (unscoped)
		attr.scoped = 0;
	int fd = (int)syscall(SYS_landlock_create_ruleset, &attr, size, 0);
	return fd != -1 ? fd : err_sys(err, "create a Landlock ruleset");
}

int landlock_prepare(const struct landlock_config *config, struct landlock *out, struct err *err)
{
	AUTO(landlock_done) struct landlock landlock = landlock_none();

	landlock.abi = landlock_kernel_abi(err);
	if (check_abi(landlock.abi, config->mode, err) == -1)
		return -1;
	if (landlock.abi > 0) {
		landlock.ruleset_fd = create_ruleset(&landlock, config->unscoped, err);
		landlock.probes_proc = config->probe_proc;
		if (landlock.ruleset_fd == -1 || add_rules(&landlock, config, err) == -1 ||
		    (config->probe_proc ? open_proc_probe(config, &landlock.probe_fd, err)
					: open_probe(&landlock.probe_fd, err)) == -1)
			return -1;
	}
	*out = landlock;
	landlock = landlock_none();
	return 0;
}

void landlock_done(struct landlock *landlock)
{
	auto_close(&landlock->ruleset_fd);
	auto_close(&landlock->probe_fd);
	buf_done(&landlock->skipped);
}

int landlock_enter(const struct landlock *landlock)
{
	if (landlock->abi == 0)
		return 0;
	if (syscall(SYS_landlock_restrict_self, landlock->ruleset_fd, 0) == -1)
		return errno;
	const char *file = landlock->probes_proc ? probe_proc : "file";
	int create = landlock->probes_proc ? 0 : O_CREAT;

	if (syscall(SYS_openat, landlock->probe_fd, file, O_WRONLY | O_CLOEXEC | create, 0600) !=
	    -1)
		return EBADE;
	return errno == EACCES ? 0 : errno;
}
