/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/net/sysctl.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/mount.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/io.h"

enum { NUMBER_MAX = 32 };

int sysctl_read(const char *name, long *out, struct err *err)
{
	AUTO(buf_done) struct buf text = buf_init(NUMBER_MAX);
	char path[PATH_MAX];
	char *end;

	snprintf(path, sizeof(path), "/proc/sys/%s", name);
	if (io_read_file(path, &text, err) == -1)
		return -1;
	long value = strtol(buf_text(&text), &end, 10);
	if (end == buf_text(&text) || (*end != '\n' && *end != '\0'))
		return err_set(err, ERR_INVALID, "'%s' is not a number", name);
	*out = value;
	return 0;
}

/* Opens `name` in the container's /proc, else in one of our own. */
static int open_parameter(const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "/proc/sys/%s", name);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd != -1)
		return fd;
	AUTO_FD int context = (int)syscall(SYS_fsopen, "proc", FSOPEN_CLOEXEC);
	if (context == -1 ||
	    syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == -1)
		return -1;
	AUTO_FD int proc = (int)syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, 0);
	if (proc == -1)
		return -1;
	snprintf(path, sizeof(path), "sys/%s", name);
	return openat(proc, path, O_WRONLY | O_CLOEXEC);
}

int sysctl_write(const char *name, long value, struct err *err)
{
	AUTO_FD int fd = open_parameter(name);
	char text[NUMBER_MAX];

	if (fd == -1)
		return err_sys(err, "open kernel parameter '%s'", name);
	int n = snprintf(text, sizeof(text), "%ld\n", value);
	if (write(fd, text, (size_t)n) == -1)
		return err_sys(err, "set kernel parameter '%s'", name);
	return 0;
}
