/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/live_page.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/cleanup.h"

int live_page_make(const char *path, mode_t mode, size_t n, void **out, struct err *err)
{
	if (unlink(path) == -1 && errno != ENOENT)
		return err_sys(err, "remove '%s'", path);
	AUTO_FD int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);

	/* Whatever the umask is. */
	if (fd == -1 || fchmod(fd, mode) == -1 || ftruncate(fd, (off_t)n) == -1)
		return err_sys(err, "make '%s'", path);
	void *page = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (page == MAP_FAILED)
		return err_sys(err, "map '%s'", path);
	*out = page;
	return 0;
}

int live_page_read(const char *path, void *out, size_t n, struct err *err)
{
	AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct stat st;

	if (fd == -1 || fstat(fd, &st) == -1)
		return err_sys(err, "open '%s'", path);
	if (!S_ISREG(st.st_mode) || st.st_size != (off_t)n)
		return err_set(err, ERR_INVALID, "'%s' is of another release", path);
	if (pread(fd, out, n, 0) != (ssize_t)n)
		return err_sys(err, "read '%s'", path);
	return 0;
}

void live_page_unmap(void *page, size_t n)
{
	if (page != NULL)
		munmap(page, n);
}

int64_t live_page_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
