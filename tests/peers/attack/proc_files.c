/* SPDX-License-Identifier: Apache-2.0 */
/* What /proc tells of PID 1, and lets be written. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include "tests/peers/attack/attack.h"

/* Some of these are checked when opened, some when read. */
static struct verdict read_some(const struct attack *attack)
{
	char bytes[256];
	int fd = open(attack->path, O_RDONLY | O_CLOEXEC);

	if (fd == -1)
		return held_errno("open");
	ssize_t n = read(fd, bytes, sizeof(bytes));
	if (n == -1)
		return held_errno("read");
	/* To the wrong reader, environ and maps look empty. */
	return n > 0 ? got_out("%zd bytes read", n) : held("it reads as empty");
}

/* Nothing is mapped at 0, so only the permission to read is seen. */
static struct verdict open_only(const struct attack *attack)
{
	return judge("open", open(attack->path, (int)attack->arg0 | O_CLOEXEC));
}

static struct verdict list(const struct attack *attack)
{
	DIR *d = opendir(attack->path);

	if (d == NULL)
		return held_errno("opendir");
	errno = 0;
	for (struct dirent *e; (e = readdir(d)) != NULL;) {
		if (e->d_name[0] != '.')
			return got_out("there is %s", e->d_name);
	}
	return errno != 0 ? held_errno("readdir") : held("it looks empty");
}

static struct verdict follow(const struct attack *attack)
{
	char target[PATH_MAX];

	return judge("readlink", readlink(attack->path, target, sizeof(target)));
}

#define PTRACE "the UID of PID 1; Landlock"
#define OWNER "the UID of PID 1"
#define READ(name, path)                                  \
	{                                                 \
		"proc1_" name, read_some, PTRACE, 0, path \
	}
#define WRITE(name, path)                                          \
	{                                                          \
		"proc1_" name, open_only, OWNER, 0, path, O_WRONLY \
	}
#define LIST(name, path)                             \
	{                                            \
		"proc1_" name, list, PTRACE, 0, path \
	}
#define LINK(name, path)                               \
	{                                              \
		"proc1_" name, follow, PTRACE, 0, path \
	}

static const struct attack rows[] = {
	{ "proc1_mem_read", open_only, PTRACE, 0, "/proc/1/mem", O_RDONLY },
	{ "proc1_mem_write", open_only, PTRACE, 0, "/proc/1/mem", O_RDWR },
	{ "proc1_task_mem", open_only, PTRACE, 0, "/proc/1/task/1/mem", O_RDONLY },
	{ "proc1_pagemap", open_only, PTRACE, 0, "/proc/1/pagemap", O_RDONLY },
	READ("environ", "/proc/1/environ"),
	READ("task_environ", "/proc/1/task/1/environ"),
	READ("maps", "/proc/1/maps"),
	READ("smaps", "/proc/1/smaps"),
	READ("auxv", "/proc/1/auxv"),
	READ("syscall", "/proc/1/syscall"),
	READ("stack", "/proc/1/stack"),
	READ("io", "/proc/1/io"),
	READ("personality", "/proc/1/personality"),
	LIST("fd", "/proc/1/fd"),
	LIST("task_fd", "/proc/1/task/1/fd"),
	LIST("fdinfo", "/proc/1/fdinfo"),
	LIST("map_files", "/proc/1/map_files"),
	LIST("root_list", "/proc/1/root/"),
	LIST("cwd_list", "/proc/1/cwd/"),
	LINK("root", "/proc/1/root"),
	LINK("cwd", "/proc/1/cwd"),
	LINK("exe", "/proc/1/exe"),
	LINK("fd_0", "/proc/1/fd/0"),
	LINK("ns_net", "/proc/1/ns/net"),
	{ "proc1_exe_open", open_only, PTRACE, 0, "/proc/1/exe", O_RDONLY },
	{ "proc1_fd_open", open_only, PTRACE, "holds where it is a closed pipe", "/proc/1/fd/1",
	  O_WRONLY },
	WRITE("oom_score_adj", "/proc/1/oom_score_adj"),
	WRITE("coredump_filter", "/proc/1/coredump_filter"),
	WRITE("comm", "/proc/1/comm"),
	WRITE("clear_refs", "/proc/1/clear_refs"),
	WRITE("uid_map", "/proc/1/uid_map"),
	{ "proc1_autogroup", open_only, OWNER, "holds on a kernel without autogroups",
	  "/proc/1/autogroup", O_WRONLY },
};

const struct attack_table proc_file_attacks = TABLE("Files of PID 1 in /proc", rows);
