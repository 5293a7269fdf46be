/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/launcher.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/identity/proc.h"
#include "lib/cleanup.h"
#include "lib/io.h"

enum { CGROUP_MAX = 64 << 10 };

void launcher_done(struct launcher *launcher)
{
	buf_done(&launcher->bytes);
}

bool launcher_parse(struct launcher *launcher)
{
	char *at = (char *)launcher->bytes.p;
	char *end = at + launcher->bytes.n;
	int n = 0;

	if (at == end || end[-1] != '\0')
		return false;
	/* The program's own name comes first. */
	for (at += strlen(at) + 1; at < end && n < LAUNCHER_WORDS_MAX; at += strlen(at) + 1)
		launcher->argv[n++] = at;
	launcher->argv[n] = NULL;
	launcher->argc = n;
	return at >= end && n > 0 && strcmp(launcher->argv[0], "launch") == 0;
}

static bool same_cgroup(const struct buf *own, const char *pid)
{
	AUTO(buf_done) struct buf other = buf_init(CGROUP_MAX);
	char path[40];
	struct err ignored;

	snprintf(path, sizeof(path), "/proc/%.12s/cgroup", pid);
	return io_read_file(path, &other, &ignored) == 0 && other.n == own->n &&
	       memcmp(other.p, own->p, own->n) == 0;
}

/* When it started, if it is a child of `parent` in this container; else UINT64_MAX. */
static uint64_t started_by(int proc_fd, pid_t parent, const struct buf *cgroup, const char *name)
{
	AUTO(proc_close) struct proc process = { 0 };
	struct proc_stat stat;
	pid_t pid = (pid_t)strtol(name, NULL, 10);

	if (pid <= 0 || pid == getpid() || !proc_open(proc_fd, pid, &process) ||
	    !proc_read_stat(&process, &stat) || stat.ppid != parent || !same_cgroup(cgroup, name))
		return UINT64_MAX;
	return stat.start;
}

static void close_listing(DIR **listing)
{
	if (*listing != NULL)
		closedir(*listing);
}

/* The oldest child of `parent`: 0 stands for the runtime, outside of the PID namespace. */
static int find_oldest(pid_t parent, pid_t *out, struct err *err)
{
	AUTO(buf_done) struct buf cgroup = buf_init(CGROUP_MAX);
	AUTO(close_listing) DIR *listing = opendir("/proc");
	uint64_t oldest = UINT64_MAX;
	const struct dirent *entry;

	if (listing == NULL)
		return err_sys(err, "open '/proc'");
	if (io_read_file("/proc/self/cgroup", &cgroup, err) == -1)
		return -1;
	while ((entry = readdir(listing)) != NULL) {
		uint64_t start = started_by(dirfd(listing), parent, &cgroup, entry->d_name);

		if (start >= oldest)
			continue;
		oldest = start;
		*out = (pid_t)strtol(entry->d_name, NULL, 10);
	}
	return oldest != UINT64_MAX ? 0
				    : err_set(err, ERR_TIMEOUT, "no sandbox is running here yet");
}

int launcher_workload(const struct launcher *launcher, pid_t *out, struct err *err)
{
	return find_oldest(launcher->pid, out, err);
}

int launcher_find(struct launcher *out, struct err *err)
{
	AUTO(launcher_done) struct launcher found = { .bytes = buf_init(LAUNCHER_BYTES_MAX) };
	char path[40];

	if (find_oldest(0, &found.pid, err) == -1)
		return -1;
	snprintf(path, sizeof(path), "/proc/%d/cmdline", found.pid);
	if (io_read_file(path, &found.bytes, err) == -1)
		return -1;
	if (!launcher_parse(&found))
		return err_set(
			err, ERR_DENIED,
			"this container was not started by `openshell-agent launch`, so that "
			"only root can enter its sandbox");
	*out = found;
	found = (struct launcher){ 0 };
	return 0;
}
