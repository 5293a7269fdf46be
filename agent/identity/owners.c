/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/identity/owners.h"

#include <stdlib.h>
#include <unistd.h>

#include "lib/cleanup.h"

static bool is_skipped(const struct owners_skip *skip, pid_t pid)
{
	return pid == skip->init || pid == skip->self || pid == skip->asker || pid == skip->parent;
}

/* A hint is right or of no use: what is found is what the kernel says now. */
static bool find_by_hint(const struct hints *hints, const struct proc *proc, uint64_t inode,
			 int *out_number)
{
	size_t at = 0;
	unsigned number;

	/* A burst opens one behind the other. */
	if (hints_newest(hints, proc->pid, &number) && proc_holds(proc, number + 1, inode)) {
		*out_number = (int)number + 1;
		return true;
	}
	for (int tried = 0; tried < HINTS_TRIED; tried++) {
		if (!hints_next(hints, proc->pid, &at, &number))
			return false;
		if (!proc_holds(proc, number, inode))
			continue;
		*out_number = (int)number;
		return true;
	}
	return false;
}

struct scan {
	const struct owners_search *search;
	uint64_t inode;
	size_t processes, owners;
	long descriptors;
};

static enum identity_status look_at(struct scan *scan, pid_t pid)
{
	const struct owners_search *search = scan->search;
	AUTO(proc_close) struct proc proc = { 0 };
	int number;
	int looked_at = 0;

	if (++scan->processes > OWNERS_PROCESSES_MAX)
		return IDENTITY_LIMIT;
	if (!proc_open(search->proc_fd, pid, &proc))
		return IDENTITY_OK;
	if (!find_by_hint(search->hints, &proc, scan->inode, &number))
		looked_at = proc_find_socket(&proc, scan->inode, &number);
	if (looked_at == -1)
		return IDENTITY_FAILED;
	scan->descriptors += looked_at;
	if (scan->descriptors > OWNERS_DESCRIPTORS_MAX)
		return IDENTITY_LIMIT;
	if (number == -1)
		return IDENTITY_OK;
	hints_keep(search->hints, pid, (unsigned)number);
	if (++scan->owners > OWNERS_MAX)
		return IDENTITY_LIMIT;
	return search->found(search->ctx, &proc, (unsigned)number);
}

/* The kernel lists processes by number, so the owners come out in order. */
enum identity_status owners_find(const struct owners_search *search, uint64_t inode)
{
	struct scan scan = { .search = search, .inode = inode };
	struct proc_listing listing;
	enum identity_status status = IDENTITY_OK;
	const char *name;
	pid_t pid;

	if (lseek(search->proc_fd, search->processes_at, SEEK_SET) == -1)
		return IDENTITY_FAILED;
	proc_listing_begin(&listing, search->proc_fd);
	while (status == IDENTITY_OK && (name = proc_listing_next(&listing)) != NULL)
		if (proc_is_process(name, &pid) && !is_skipped(&search->skip, pid))
			status = look_at(&scan, pid);
	if (listing.failed)
		return IDENTITY_FAILED;
	return status == IDENTITY_OK && scan.owners == 0 ? IDENTITY_NO_OWNER : status;
}
