/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/identity/roots.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/cleanup.h"

bool root_of(const struct proc *proc, struct root *out)
{
	struct stat st;

	if (fstatat(proc->fd, "root", &st, 0) == -1)
		return false;
	*out = (struct root){ st.st_dev, st.st_ino };
	return true;
}

bool root_equals(const struct root *a, const struct root *b)
{
	return a->dev == b->dev && a->ino == b->ino;
}

bool roots_has(const struct roots *roots, const struct root *root)
{
	for (size_t i = 0; i < roots->n; i++)
		if (root_equals(&roots->items[i], root))
			return true;
	return false;
}

static bool add_root_of(int proc_fd, pid_t pid, struct roots *out)
{
	AUTO(proc_close) struct proc proc = { 0 };
	struct root root;

	/* One that has ended uses none. */
	if (!proc_open(proc_fd, pid, &proc))
		return errno == ENOENT || errno == ESRCH;
	if (!root_of(&proc, &root))
		return errno == ENOENT || errno == ESRCH;
	if (roots_has(out, &root))
		return true;
	if (out->n == ROOTS_MAX)
		return false;
	out->items[out->n++] = root;
	return true;
}

bool roots_in_use(int proc_fd, struct roots *out)
{
	struct proc_listing listing;
	bool all = true;
	const char *name;
	pid_t pid;

	out->n = 0;
	/* Whoever asks may be in the middle of a listing of its own. */
	AUTO_FD int fd = openat(proc_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd == -1)
		return false;
	proc_listing_begin(&listing, fd);
	while (all && (name = proc_listing_next(&listing)) != NULL)
		if (proc_is_process(name, &pid))
			all = add_root_of(proc_fd, pid, out);
	return all && !listing.failed;
}
