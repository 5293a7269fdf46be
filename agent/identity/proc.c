/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/identity/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/cleanup.h"

enum {
	/* 52 numbers and a name of 15 bytes. */
	STAT_MAX = 2048,
	STAT_PPID = 4, /* fields as proc(5) counts them */
	STAT_START = 22,
};

/* Skips `n` fields, each followed by one blank. */
static const char *skip_fields(const char *at, int n)
{
	while (n-- > 0) {
		at = strchr(at, ' ');
		if (at == NULL)
			return NULL;
		at++;
	}
	return at;
}

static bool take_number(const char *at, uint64_t max, uint64_t *out)
{
	char *end;

	if (at == NULL || *at < '0' || *at > '9')
		return false;
	errno = 0;
	*out = strtoull(at, &end, 10);
	return errno == 0 && *end == ' ' && *out <= max;
}

bool proc_stat_parse(struct slice text, struct proc_stat *out)
{
	char copy[STAT_MAX];
	uint64_t ppid, start;

	if (text.n == 0 || text.n >= sizeof(copy) || memchr(text.p, '\0', text.n) != NULL)
		return false;
	memcpy(copy, text.p, text.n);
	copy[text.n] = '\0';
	/* The name may hold blanks and parentheses; nothing behind it does. */
	const char *state = strrchr(copy, ')');
	if (state == NULL || state[1] != ' ' || state[2] == '\0' || state[3] != ' ')
		return false;
	const char *fields = state + 4;
	if (!take_number(fields, INT32_MAX, &ppid) ||
	    !take_number(skip_fields(fields, STAT_START - STAT_PPID), UINT64_MAX, &start))
		return false;
	*out = (struct proc_stat){ .ppid = (pid_t)ppid, .state = state[2], .start = start };
	return true;
}

/* --- directories -------------------------------------------------------------------------------- */

/* struct linux_dirent64 of getdents64(2), which libc has no name for. */
struct entry {
	uint64_t ino;
	int64_t off;
	uint16_t size;
	uint8_t type;
	char name[];
};

void proc_listing_begin(struct proc_listing *listing, int fd)
{
	listing->fd = fd;
	listing->failed = false;
	listing->n = listing->at = 0;
	listing->after = 0;
}

const char *proc_listing_next(struct proc_listing *listing)
{
	if (listing->at >= listing->n) {
		listing->n = syscall(SYS_getdents64, listing->fd, listing->bytes,
				     sizeof(listing->bytes));
		listing->at = 0;
		listing->failed = listing->n == -1;
		if (listing->n <= 0)
			return NULL;
	}
	const struct entry *entry =
		(const struct entry *)(const void *)(listing->bytes + listing->at);
	listing->at += entry->size;
	listing->after = entry->off;
	return entry->name;
}

bool proc_is_process(const char *name, pid_t *out)
{
	char *end;

	if (*name < '1' || *name > '9')
		return false;
	*out = (pid_t)strtol(name, &end, 10);
	return *end == '\0';
}

int64_t proc_processes_at(int proc_fd)
{
	struct proc_listing listing;
	int64_t at = 0;
	const char *name;
	pid_t pid;

	if (lseek(proc_fd, 0, SEEK_SET) == -1)
		return 0;
	proc_listing_begin(&listing, proc_fd);
	while ((name = proc_listing_next(&listing)) != NULL) {
		/* It stands before all of them, whichever there are. */
		if (strcmp(name, "self") == 0)
			return at;
		if (proc_is_process(name, &pid))
			return 0;
		at = listing.after;
	}
	return 0;
}

/* --- one process -------------------------------------------------------------------------------- */

bool proc_open(int proc_fd, pid_t pid, struct proc *out)
{
	char name[16];

	snprintf(name, sizeof(name), "%d", pid);
	int fd = openat(proc_fd, name, O_RDONLY | O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd == -1)
		return false;
	*out = (struct proc){ .pid = pid, .fd = fd };
	return true;
}

void proc_close(struct proc *proc)
{
	if (proc->fd > 0)
		close(proc->fd);
	proc->fd = 0;
}

bool proc_read_stat(const struct proc *proc, struct proc_stat *out)
{
	char text[STAT_MAX];
	AUTO_FD int fd = openat(proc->fd, "stat", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd != -1 ? read(fd, text, sizeof(text)) : -1;

	return n > 0 && proc_stat_parse((struct slice){ (const uint8_t *)text, (size_t)n }, out);
}

bool proc_read_exe(const struct proc *proc, struct proc_exe *out)
{
	ssize_t n = readlinkat(proc->fd, "exe", out->path, sizeof(out->path));

	/* A full buffer may be a cut path; a path that does not start at our root is not one of the
	 * sandbox ("(unreachable)/…"). */
	if (n <= 0 || n == (ssize_t)sizeof(out->path) || out->path[0] != '/')
		return false;
	out->n = (size_t)n;
	return true;
}

bool proc_stat_exe(const struct proc *proc, struct stat *out)
{
	return fstatat(proc->fd, "exe", out, 0) == 0 && S_ISREG(out->st_mode);
}

int proc_open_exe(const struct proc *proc)
{
	return openat(proc->fd, "exe", O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
}

/* --- descriptors ------------------------------------------------------------------------------- */

struct target {
	char text[40];
	size_t n;
};

static struct target socket_target(uint64_t inode)
{
	struct target target;

	target.n =
		(size_t)snprintf(target.text, sizeof(target.text), "socket:[%" PRIu64 "]", inode);
	return target;
}

static bool is_gone(int error)
{
	return error == ENOENT || error == ESRCH;
}

enum leads { LEADS_ELSEWHERE = 0, LEADS_THERE, LEADS_UNKNOWN };

/* A descriptor that was closed meanwhile leads elsewhere; one that may not be looked at might not. */
static enum leads leads_to(int dir, const char *name, const struct target *target)
{
	char link[sizeof(target->text)];
	ssize_t n = readlinkat(dir, name, link, sizeof(link));

	if (n == -1)
		return is_gone(errno) ? LEADS_ELSEWHERE : LEADS_UNKNOWN;
	return n == (ssize_t)target->n && memcmp(link, target->text, target->n) == 0
		       ? LEADS_THERE
		       : LEADS_ELSEWHERE;
}

bool proc_holds(const struct proc *proc, unsigned number, uint64_t inode)
{
	const struct target target = socket_target(inode);
	char name[24];

	snprintf(name, sizeof(name), "fd/%u", number);
	return leads_to(proc->fd, name, &target) == LEADS_THERE;
}

int proc_find_socket(const struct proc *proc, uint64_t inode, int *out_number)
{
	const struct target target = socket_target(inode);
	AUTO_FD int dir = openat(proc->fd, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct proc_listing listing;
	const char *name;
	int looked_at = 0;

	*out_number = -1;
	if (dir == -1)
		return is_gone(errno) ? 0 : -1;
	proc_listing_begin(&listing, dir);
	while ((name = proc_listing_next(&listing)) != NULL) {
		if (name[0] == '.')
			continue;
		looked_at++;
		enum leads leads = leads_to(dir, name, &target);
		if (leads == LEADS_UNKNOWN)
			return -1;
		if (leads == LEADS_THERE) {
			*out_number = (int)strtol(name, NULL, 10);
			return looked_at;
		}
	}
	return !listing.failed || is_gone(errno) ? looked_at : -1;
}
