/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/mem.h"

int io_read_all(int fd, struct buf *out, struct err *err)
{
	char chunk[16384];

	for (;;) {
		ssize_t n = read(fd, chunk, sizeof(chunk));

		if (n == 0)
			return 0;
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return err_sys(err, "read");
		buf_put(out, chunk, (size_t)n);
		if (out->overflow)
			return err_set(err, ERR_LIMIT, "more than %zu bytes", out->max);
	}
}

int io_read_file(const char *path, struct buf *out, struct err *err)
{
	/* O_NONBLOCK: a FIFO in its place must not hang us before fstat() refuses it. */
	AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;

	if (fd == -1)
		return err_sys(err, "open '%s'", path);
	if (fstat(fd, &st) == -1)
		return err_sys(err, "stat '%s'", path);
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_INVALID, "'%s' is not a regular file", path);
	if (io_read_all(fd, out, err) == -1)
		return err_wrap(err, "'%s'", path);
	return 0;
}

static bool is_stdin(const char *path)
{
	return strcmp(path, "-") == 0;
}

int io_read_input(const char *path, struct buf *out, struct err *err)
{
	return is_stdin(path) ? io_read_all(STDIN_FILENO, out, err) : io_read_file(path, out, err);
}

const char *io_input_name(const char *path)
{
	return is_stdin(path) ? "standard input" : path;
}

int io_write_all(int fd, struct slice data, struct err *err)
{
	while (data.n > 0) {
		ssize_t n = write(fd, data.p, data.n);

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return err_sys(err, "write");
		data.p += n;
		data.n -= (size_t)n;
	}
	return 0;
}

static int write_new(const char *path, mode_t mode, struct slice data, struct err *err)
{
	AUTO_FD int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);

	if (fd == -1)
		return err_sys(err, "create '%s'", path);
	if (io_write_all(fd, data, err) == -1)
		return err_wrap(err, "'%s'", path);
	/* The umask must not narrow what the caller asked for. */
	if (fchmod(fd, mode) == -1)
		return err_sys(err, "set the mode of '%s'", path);
	return 0;
}

int io_replace_file(const char *path, mode_t mode, struct slice data, struct err *err)
{
	AUTO_FREE char *fresh = mem_printf("%s.new", path);

	if (unlink(fresh) == -1 && errno != ENOENT)
		return err_sys(err, "remove '%s'", fresh);
	if (write_new(fresh, mode, data, err) == -1) {
		unlink(fresh);
		return -1;
	}
	if (rename(fresh, path) == -1) {
		err_sys(err, "rename '%s'", fresh);
		unlink(fresh);
		return -1;
	}
	return 0;
}

static bool is_private(const struct stat *st, uid_t uid, mode_t mode)
{
	return S_ISDIR(st->st_mode) && st->st_uid == uid && (st->st_mode & 07777) == mode;
}

int io_own_directory(const char *path, mode_t mode, struct err *err)
{
	AUTO_FD int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	struct stat st;

	if (dir == -1)
		return err_sys(err, "open '%s' (mount an emptyDir there)", path);
	if (fchmod(dir, mode) == -1 || fstat(dir, &st) == -1)
		return err_sys(err, "take over '%s'", path);
	if (!is_private(&st, 0, mode))
		return err_set(err, ERR_DENIED, "'%s' is not root's alone to write", path);
	return 0;
}

int io_give_directory(const char *path, mode_t mode, uid_t uid, struct err *err)
{
	struct stat st;

	/* Once given, root itself may not open it without a capability more. */
	if (lstat(path, &st) == 0 && is_private(&st, uid, mode))
		return 0;
	AUTO_FD int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (dir == -1)
		return err_sys(err, "open '%s' (mount an emptyDir there)", path);
	if (fchown(dir, uid, uid) == -1 || fchmod(dir, mode) == -1)
		return err_sys(err, "give '%s' to UID %u", path, uid);
	return 0;
}
