/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/own_stdio.h"

#include <fcntl.h>
#include <unistd.h>

#include "lib/cleanup.h"

/* -1 where the stream cannot be opened. */
static int open_anew(const char *path)
{
	/* O_APPEND: beside the workload in a regular file. O_NONBLOCK: a pipe without a reader would
	 * keep us here; writing shall wait all the same, as an event that is not written is lost. */
	AUTO_FD int fd = open(path, O_WRONLY | O_APPEND | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);

	if (fd == -1 || fcntl(fd, F_SETFL, O_APPEND) == -1)
		return -1;
	return steal_fd(&fd);
}

int own_stdio(struct err *err)
{
	AUTO_FD int null = open("/dev/null", O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	AUTO_FD int stream = open_anew("/proc/self/fd/2");

	if (null == -1 || dup2(null, STDIN_FILENO) == -1 || dup2(null, STDOUT_FILENO) == -1)
		return err_sys(err, "detach from standard input and output");
	if (stream != -1 && dup2(stream, STDERR_FILENO) == -1)
		return err_sys(err, "open standard error anew");
	return 0;
}
