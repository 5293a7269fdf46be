/* SPDX-License-Identifier: Apache-2.0 */
/* evil: what a hostile image wants loaded. Being loaded is enough: it leaves a mark that names its host. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

__attribute__((constructor)) static void leave_mark(void)
{
	char exe[256], line[512];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	exe[n < 0 ? 0 : n] = '\0';
	int length =
		snprintf(line, sizeof(line), "EVIL CODE RAN in %s as uid %d\n", exe, (int)getuid());
	int fd = open("/tmp/evil", O_WRONLY | O_CREAT | O_APPEND, 0666);
	int targets[] = { STDERR_FILENO, fd };
	for (int i = 0; i < 2; i++)
		if (write(targets[i], line, (size_t)length) == -1)
			continue;
	if (fd >= 0)
		close(fd);
}
