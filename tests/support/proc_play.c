/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/proc_play.h"

#include <assert.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/mem.h"

void proc_play_begin(struct proc_play *play)
{
	snprintf(play->path, sizeof(play->path), "/tmp/openshell-proc-XXXXXX");
	assert(mkdtemp(play->path) != NULL);
	play->fd = open(play->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert(play->fd >= 0);
	/* Where a descriptor leads is asked of the kernel. */
	assert(symlinkat("/proc/self", play->fd, "self") == 0);
}

void proc_play_done(struct proc_play *play)
{
	AUTO_FREE char *command = mem_printf("rm -rf %s", play->path);

	close(play->fd);
	assert(system(command) == 0);
}

void proc_play_link(const struct proc_play *play, const char *pid, const char *name, const char *to)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/%s", pid, name);
	assert(symlinkat(to, play->fd, path) == 0);
}

void proc_play_add(const struct proc_play *play, const char *pid, const char *container)
{
	char path[64];

	mkdirat(play->fd, container, 0755);
	assert(mkdirat(play->fd, pid, 0755) == 0);
	snprintf(path, sizeof(path), "%s/fd", pid);
	assert(mkdirat(play->fd, path, 0755) == 0);
	snprintf(path, sizeof(path), "../%s", container);
	proc_play_link(play, pid, "root", path);
	proc_play_link(play, pid, "exe", "/proc/self/exe");
	snprintf(path, sizeof(path), "%s/stat", pid);
	int fd = openat(play->fd, path, O_WRONLY | O_CREAT, 0644);
	assert(fd >= 0);
	dprintf(fd, "%s (x) S 0 1 1 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 1 7 0 0\n", pid);
	close(fd);
}

void proc_play_add_socket(const struct proc_play *play, const char *pid, unsigned number,
			  uint64_t inode)
{
	char name[32], to[48];

	snprintf(name, sizeof(name), "fd/%u", number);
	snprintf(to, sizeof(to), "socket:[%" PRIu64 "]", inode);
	proc_play_link(play, pid, name, to);
}
