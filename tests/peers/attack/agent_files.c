/* SPDX-License-Identifier: Apache-2.0 */
/* The agent's own program, its policy, its sockets. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/peers/attack/attack.h"

static const char *agent_path(void)
{
	return setting("ATTACK_AGENT", "/opt/openshell/openshell-agent");
}

static struct verdict at_program(const struct attack *attack)
{
	const char *path = agent_path();
	struct stat st;

	if (stat(path, &st) == -1)
		return errno == ENOENT ? not_tried("%s is not there", path) : held_errno("stat");
	int result = attack->way(path);
	/* Comes after the file's permissions, which then were no obstacle. */
	if (result == -1 && errno == ETXTBSY)
		return got_out("only that it runs is in the way");
	return judge("the call", result);
}

static int open_to_write(const char *path)
{
	return open(path, O_WRONLY | O_CLOEXEC);
}

/* A longer file stays a working program, if this gets through. */
static int lengthen(const char *path)
{
	struct stat st;

	return stat(path, &st) == -1 ? -1 : truncate(path, st.st_size + 1);
}

static int change_mode(const char *path)
{
	return chmod(path, 0777);
}

static int change_owner(const char *path)
{
	return chown(path, getuid(), getgid());
}

static int move_aside(const char *path)
{
	char aside[PATH_MAX];

	snprintf(aside, sizeof(aside), "%s.attack", path);
	if (rename(path, aside) == -1)
		return -1;
	rename(aside, path);
	return 0;
}

static int replace(const char *path)
{
	char other[PATH_MAX];

	snprintf(other, sizeof(other), "%s/attack-agent", setting("ATTACK_WRITABLE", "/tmp"));
	close(open(other, O_WRONLY | O_CREAT | O_CLOEXEC, 0755));
	int result = rename(other, path);
	int kept = errno;

	unlink(other);
	errno = kept;
	return result;
}

/* The other program under the agent's feet: what the kernel runs for PID 1. */
static int write_running(const char *path)
{
	(void)path;
	return open("/proc/1/exe", O_WRONLY | O_CLOEXEC);
}

/* --- its folders -------------------------------------------------------------------------------- */

static struct verdict at_folder(const struct attack *attack)
{
	struct stat st;

	if (lstat(attack->path, &st) == -1 && errno == ENOENT)
		return not_tried("%s is not there", attack->path);
	return judge(attack->path, attack->way(attack->path));
}

static int create_in(const char *folder)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/attack", folder);
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	int kept = errno;
	if (fd != -1)
		unlink(path);
	errno = kept;
	return fd;
}

static int list(const char *folder)
{
	return opendir(folder) != NULL ? 0 : -1;
}

static int retarget(const char *link)
{
	char aside[PATH_MAX];

	snprintf(aside, sizeof(aside), "%s.attack", link);
	if (symlink("/tmp", aside) == -1)
		return -1;
	int result = rename(aside, link);
	int kept = errno;

	unlink(aside);
	errno = kept;
	return result;
}

#define MOUNT "read-only mount; UID; Landlock"
#define PROGRAM(name, way, anyway)                                        \
	{                                                                 \
		"agent_" name, at_program, MOUNT, anyway, 0, 0, 0, 0, way \
	}
#define FOLDER(name, way, path)                               \
	{                                                     \
		name, at_folder, MOUNT, 0, path, 0, 0, 0, way \
	}

static const struct attack rows[] = {
	PROGRAM("write", open_to_write, 0),
	PROGRAM("truncate", lengthen, 0),
	PROGRAM("chmod", change_mode, 0),
	PROGRAM("chown", change_owner, 0),
	PROGRAM("move", move_aside, 0),
	PROGRAM("write_running", write_running, 0),
	PROGRAM("replace", replace, "holds across file systems"),
	PROGRAM("remove", unlink, 0),
	FOLDER("agent_folder_create", create_in, "/opt/openshell"),
	FOLDER("policy_folder_create", create_in, "/etc/openshell/policy"),
	FOLDER("policy_write", open_to_write, "/etc/openshell/policy/policy.yaml"),
	FOLDER("policy_replace", move_aside, "/etc/openshell/policy/policy.yaml"),
	FOLDER("policy_retarget", retarget, "/etc/openshell/policy/..data"),
	FOLDER("config_folder_create", create_in, "/etc/openshell"),
	FOLDER("tls_folder_create", create_in, "/etc/openshell-tls"),
	FOLDER("run_folder_create", create_in, "/run/openshell"),
	{ "run_folder_list", at_folder, "a folder that only the agent's UID may enter", 0,
	  "/run/openshell", 0, 0, 0, list },
};

const struct attack_table agent_file_attacks = TABLE("The agent's files", rows);
