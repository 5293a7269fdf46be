/* SPDX-License-Identifier: Apache-2.0 */
/* Files and folders that the policy does not let write (ATTACK_FORBIDDEN), read (ATTACK_UNREADABLE)
 * or change in what describes them (ATTACK_METADATA). The tests give them to the workload's own
 * UID, so that only the sandbox is in the way. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "tests/peers/attack/attack.h"

/* A way at a file or folder: the result of the call that decides, -1 and errno if it is refused.
 * It undoes what it did. */
typedef int (*way_fn)(const char *path);

static char writable_path[PATH_MAX];

/* A name in the folder that may be written, of which nothing is left from before. */
static const char *writable(void)
{
	snprintf(writable_path, sizeof(writable_path), "%s/attack-%d",
		 setting("ATTACK_WRITABLE", "/tmp"), getpid());
	unlink(writable_path);
	return writable_path;
}

/* The same as a file, with something in it: it may be what stays in the victim's place. */
static const char *writable_file(void)
{
	int fd = open(writable(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	if (fd != -1 && write(fd, "attack\n", 7) == 7)
		close(fd);
	return writable_path;
}

static const char *inside(const char *folder)
{
	static char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/attack-%d", folder, getpid());
	return path;
}

static int close_kept(int fd)
{
	int kept = errno;

	if (fd != -1)
		close(fd);
	errno = kept;
	return fd == -1 ? -1 : 0;
}

/* --- ways at a file ----------------------------------------------------------------------------- */

static int file_write(const char *path)
{
	return close_kept(open(path, O_WRONLY | O_CLOEXEC));
}

static int file_append(const char *path)
{
	return close_kept(open(path, O_RDWR | O_APPEND | O_CLOEXEC));
}

/* A truncation has happened if the file is shorter, whatever was answered. */
static int shortened(const char *path, off_t before)
{
	struct stat st;
	int kept = errno;

	if (stat(path, &st) == 0 && st.st_size < before)
		return truncate(path, before); /* for the next attack */
	errno = kept;
	return -1;
}

static off_t length_of(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? st.st_size : 0;
}

static int truncate_call(const char *path)
{
	off_t before = length_of(path);

	return truncate(path, 0) == 0 ? truncate(path, before) : shortened(path, before);
}

static int truncate_by_open(const char *path, int mode)
{
	off_t before = length_of(path);

	close_kept(open(path, mode | O_TRUNC | O_CLOEXEC));
	return shortened(path, before);
}

static int truncate_reading(const char *path)
{
	return truncate_by_open(path, O_RDONLY);
}

static int truncate_writing(const char *path)
{
	return truncate_by_open(path, O_WRONLY);
}

/* Both bits: a mode that asks for neither reading nor writing. */
static int truncate_asking_nothing(const char *path)
{
	return truncate_by_open(path, O_ACCMODE);
}

static int rename_away(const char *path)
{
	if (rename(path, writable()) == -1)
		return -1;
	rename(writable_path, path);
	return 0;
}

static int rename_aside(const char *path)
{
	char aside[PATH_MAX];

	snprintf(aside, sizeof(aside), "%s.attack", path);
	if (rename(path, aside) == -1)
		return -1;
	rename(aside, path);
	return 0;
}

static int rename_over(const char *path)
{
	int result = rename(writable_file(), path);
	int kept = errno;

	unlink(writable_path);
	errno = kept;
	return result;
}

static int exchange(const char *path)
{
	int result = (int)syscall(SYS_renameat2, AT_FDCWD, writable_file(), AT_FDCWD, path,
				  RENAME_EXCHANGE);
	int kept = errno;

	if (result == 0)
		syscall(SYS_renameat2, AT_FDCWD, writable_path, AT_FDCWD, path, RENAME_EXCHANGE);
	unlink(writable_path);
	errno = kept;
	return result;
}

/* Under a name where writing is allowed. */
static int write_by_hard_link(const char *path)
{
	if (link(path, writable()) == -1)
		return -1;
	int result = file_write(writable_path);
	int kept = errno;

	unlink(writable_path);
	errno = kept;
	return result;
}

static int write_by_symlink(const char *path)
{
	if (symlink(path, writable()) == -1)
		return -1;
	int result = file_write(writable_path);
	int kept = errno;

	unlink(writable_path);
	errno = kept;
	return result;
}

static int write_by_proc_root(const char *path)
{
	char through[PATH_MAX];

	snprintf(through, sizeof(through), "/proc/self/root%s", path);
	return file_write(through);
}

static int open_again(const char *path, int flags)
{
	char through[64];
	int fd = open(path, O_PATH | O_CLOEXEC);

	if (fd == -1)
		return -1;
	snprintf(through, sizeof(through), "/proc/self/fd/%d", fd);
	int result = close_kept(open(through, flags | O_CLOEXEC));
	close_kept(fd);
	return result;
}

static int write_by_descriptor(const char *path)
{
	return open_again(path, O_WRONLY);
}

static int remove_file(const char *path)
{
	return unlink(path);
}

/* --- ways at a folder --------------------------------------------------------------------------- */

static int undo_file(int result, const char *path)
{
	int kept = errno;

	if (result != -1)
		unlink(path);
	errno = kept;
	return result;
}

static int create_file(const char *folder)
{
	const char *path = inside(folder);

	return undo_file(close_kept(open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)),
			 path);
}

static int create_nameless(const char *folder)
{
	return close_kept(open(folder, O_WRONLY | O_TMPFILE | O_CLOEXEC, 0600));
}

static int create_folder(const char *folder)
{
	const char *path = inside(folder);
	int result = mkdir(path, 0700);

	if (result == 0)
		rmdir(path);
	return result;
}

static int create_symlink(const char *folder)
{
	const char *path = inside(folder);

	return undo_file(symlink("/etc/hostname", path), path);
}

static int create_fifo(const char *folder)
{
	const char *path = inside(folder);

	return undo_file(mkfifo(path, 0600), path);
}

static int create_socket(const char *folder)
{
	struct sockaddr_un here = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(here.sun_path, sizeof(here.sun_path), "%s", inside(folder));
	int result = bind(fd, (struct sockaddr *)&here, sizeof(here));
	close_kept(fd);
	return undo_file(result, here.sun_path);
}

static int move_in(const char *folder)
{
	const char *path = inside(folder);

	int result = undo_file(rename(writable_file(), path), path);
	int kept = errno;

	unlink(writable_path);
	errno = kept;
	return result;
}

static int link_in(const char *folder)
{
	const char *path = inside(folder);

	int result = undo_file(link(writable_file(), path), path);
	int kept = errno;

	unlink(writable_path);
	errno = kept;
	return result;
}

/* Relative to a folder that one stands in. */
static int create_from_within(const char *folder)
{
	if (chdir(folder) == -1)
		return -1;
	return create_file(".");
}

/* --- ways to read ------------------------------------------------------------------------------- */

static int read_file(const char *path)
{
	return close_kept(open(path, O_RDONLY | O_CLOEXEC));
}

static int read_by_symlink(const char *path)
{
	if (symlink(path, writable()) == -1)
		return -1;
	return undo_file(read_file(writable_path), writable_path);
}

static int read_by_hard_link(const char *path)
{
	if (link(path, writable()) == -1)
		return -1;
	return undo_file(read_file(writable_path), writable_path);
}

static int read_by_proc_root(const char *path)
{
	char through[PATH_MAX];

	snprintf(through, sizeof(through), "/proc/self/root%s", path);
	return read_file(through);
}

static int read_by_descriptor(const char *path)
{
	return open_again(path, O_RDONLY);
}

static int read_by_renaming(const char *path)
{
	if (rename(path, writable()) == -1)
		return -1;
	int result = read_file(writable_path);

	rename(writable_path, path);
	return result;
}

/* --- ways at what describes a file -------------------------------------------------------------- */

static int change_mode(const char *path)
{
	struct stat st;

	return stat(path, &st) == -1 ? -1 : chmod(path, st.st_mode & 07777);
}

static int change_owner(const char *path)
{
	return chown(path, getuid(), (gid_t)-1);
}

static int change_times(const char *path)
{
	return utimensat(AT_FDCWD, path, NULL, 0);
}

static int change_attribute(const char *path)
{
	int result = setxattr(path, "user.attack", "x", 1, 0);

	if (result == 0)
		removexattr(path, "user.attack");
	return result;
}

/* --- over the lists ----------------------------------------------------------------------------- */

enum kind { ANY, FILES, FOLDERS };

static bool is_kind(const char *path, enum kind kind)
{
	struct stat st;

	if (kind == ANY)
		return true;
	return stat(path, &st) == 0 && S_ISDIR(st.st_mode) == (kind == FOLDERS);
}

/* The way of the attack, at every path of its list that is of its kind. */
static struct verdict try_paths(const struct attack *attack)
{
	char list[4096];
	char *rest = list;
	struct verdict verdict = not_tried("%s names nothing of that kind", attack->path);

	snprintf(list, sizeof(list), "%s", setting(attack->path, ""));
	for (char *path = strsep(&rest, ":"); path != NULL; path = strsep(&rest, ":")) {
		if (path[0] == '\0' || !is_kind(path, (enum kind)attack->arg0))
			continue;
		if (attack->way(path) != -1)
			return got_out("%s", path);
		if (errno == ENOENT)
			return not_tried("%s is not there", path);
		verdict = held_errno(path);
	}
	return verdict;
}

#define SAME_FS "holds across file systems"
#define AT(name, list, way, kind, stopped_by, anyway)                      \
	{                                                                  \
		name, try_paths, stopped_by, anyway, list, kind, 0, 0, way \
	}
#define WRITE(name, way, kind, anyway) \
	AT("forbidden_" name, "ATTACK_FORBIDDEN", way, kind, "Landlock", anyway)
#define READ(name, way, kind, anyway) \
	AT("unreadable_" name, "ATTACK_UNREADABLE", way, kind, "Landlock", anyway)
#define CHANGE(name, way) \
	AT("metadata_" name, "ATTACK_METADATA", way, ANY, "the file's UID, not Landlock", 0)

static const struct attack rows[] = {
	WRITE("write", file_write, FILES, 0),
	WRITE("append", file_append, FILES, 0),
	WRITE("write_by_symlink", write_by_symlink, FILES, 0),
	WRITE("write_by_hard_link", write_by_hard_link, FILES, SAME_FS),
	WRITE("write_by_proc_root", write_by_proc_root, FILES, 0),
	WRITE("write_by_descriptor", write_by_descriptor, FILES, 0),
	WRITE("create", create_file, FOLDERS, 0),
	WRITE("create_from_within", create_from_within, FOLDERS, 0),
	WRITE("create_nameless", create_nameless, FOLDERS, "holds on file systems without it"),
	WRITE("create_folder", create_folder, FOLDERS, 0),
	WRITE("create_symlink", create_symlink, FOLDERS, 0),
	WRITE("create_fifo", create_fifo, FOLDERS, 0),
	WRITE("create_socket", create_socket, FOLDERS, 0),
	WRITE("move_in", move_in, FOLDERS, SAME_FS),
	WRITE("link_in", link_in, FOLDERS, SAME_FS),
	WRITE("rename_aside", rename_aside, ANY, 0),
	WRITE("rename_away", rename_away, ANY, SAME_FS),
	WRITE("rename_over", rename_over, FILES, SAME_FS),
	WRITE("exchange", exchange, FILES, SAME_FS),
	WRITE("truncate", truncate_call, FILES, 0),
	WRITE("truncate_reading", truncate_reading, FILES, 0),
	WRITE("truncate_writing", truncate_writing, FILES, 0),
	WRITE("truncate_asking_nothing", truncate_asking_nothing, FILES, 0),
	WRITE("remove_folder", rmdir, FOLDERS, "holds while something is in it"),
	WRITE("remove", remove_file, FILES, 0),
	READ("read", read_file, ANY, 0),
	READ("by_symlink", read_by_symlink, ANY, 0),
	READ("by_hard_link", read_by_hard_link, FILES, SAME_FS),
	READ("by_renaming", read_by_renaming, FILES, SAME_FS),
	READ("by_proc_root", read_by_proc_root, ANY, 0),
	READ("by_descriptor", read_by_descriptor, ANY, 0),
	CHANGE("mode", change_mode),
	CHANGE("owner", change_owner),
	CHANGE("times", change_times),
	AT("metadata_attribute", "ATTACK_METADATA", change_attribute, ANY,
	   "the file's UID, not Landlock", "holds on file systems without user attributes"),
};

const struct attack_table file_attacks = TABLE("Files that the policy forbids", rows);
