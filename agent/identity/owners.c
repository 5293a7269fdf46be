/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/identity/owners.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/cleanup.h"

bool owner_holds(int proc_fd, const struct owner *owner, uint64_t inode)
{
	AUTO(proc_close) struct proc proc = { 0 };
	struct proc_stat stat;

	return proc_open(proc_fd, owner->pid, &proc) && proc_holds(&proc, owner->number, inode) &&
	       proc_read_stat(&proc, &stat) && stat.start == owner->start;
}

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

/* --- the scan ---------------------------------------------------------------------------------- */

struct scan {
	int proc_fd;
	uint64_t inode;
	size_t processes;
	long descriptors;
	struct hints *hints;
	struct owners *out;
};

static enum identity_status look_at(struct scan *scan, pid_t pid)
{
	AUTO(proc_close) struct proc proc = { 0 };
	struct proc_stat stat;
	int number;
	int looked_at = 0;

	if (++scan->processes > OWNERS_PROCESSES_MAX)
		return IDENTITY_LIMIT;
	if (!proc_open(scan->proc_fd, pid, &proc))
		return IDENTITY_OK;
	if (!find_by_hint(scan->hints, &proc, scan->inode, &number))
		looked_at = proc_find_socket(&proc, scan->inode, &number);
	if (looked_at == -1)
		return IDENTITY_FAILED;
	scan->descriptors += looked_at;
	if (scan->descriptors > OWNERS_DESCRIPTORS_MAX)
		return IDENTITY_LIMIT;
	if (number == -1 || !proc_read_stat(&proc, &stat))
		return IDENTITY_OK;
	hints_keep(scan->hints, pid, (unsigned)number);
	if (scan->out->n == OWNERS_MAX)
		return IDENTITY_LIMIT;
	scan->out->items[scan->out->n++] = (struct owner){
		.pid = pid,
		.number = (unsigned)number,
		.start = stat.start,
	};
	return IDENTITY_OK;
}

/* The kernel lists processes by number, so the owners come out in order. */
static enum identity_status look_at_all(struct scan *scan, const struct owners_skip *skip)
{
	struct proc_listing listing;
	enum identity_status status = IDENTITY_OK;
	const char *name;

	if (lseek(scan->proc_fd, 0, SEEK_SET) == -1)
		return IDENTITY_FAILED;
	proc_listing_begin(&listing, scan->proc_fd);
	while (status == IDENTITY_OK && (name = proc_listing_next(&listing)) != NULL) {
		char *end;
		long pid = strtol(name, &end, 10);

		if (*name >= '1' && *name <= '9' && *end == '\0' && !is_skipped(skip, (pid_t)pid))
			status = look_at(scan, (pid_t)pid);
	}
	return listing.failed ? IDENTITY_FAILED : status;
}

/* --- what is remembered ------------------------------------------------------------------------ */

static struct owners_cached *slot_of(struct owners_cache *cache, uint64_t inode)
{
	return &cache->slots[inode % OWNERS_CACHE_SLOTS];
}

static bool recall(int proc_fd, struct owners_cache *cache, uint64_t inode, int64_t now_ms,
		   struct owners *out)
{
	const struct owners_cached *slot = slot_of(cache, inode);

	if (slot->n == 0 || slot->inode != inode || now_ms < slot->found_ms ||
	    now_ms - slot->found_ms > OWNERS_FRESH_MS)
		return false;
	for (size_t i = 0; i < slot->n; i++)
		if (!owner_holds(proc_fd, &slot->items[i], inode))
			return false;
	memcpy(out->items, slot->items, slot->n * sizeof(slot->items[0]));
	out->n = slot->n;
	return true;
}

static void remember(struct owners_cache *cache, uint64_t inode, int64_t now_ms,
		     const struct owners *found)
{
	struct owners_cached *slot = slot_of(cache, inode);

	if (found->n > OWNERS_CACHE_HOLDERS)
		return;
	slot->inode = inode;
	slot->found_ms = now_ms;
	slot->n = found->n;
	memcpy(slot->items, found->items, found->n * sizeof(slot->items[0]));
}

enum identity_status owners_find(int proc_fd, const struct owners_skip *skip, uint64_t inode,
				 int64_t now_ms, struct owners_cache *cache, struct owners *out)
{
	struct scan scan = {
		.proc_fd = proc_fd, .inode = inode, .hints = &cache->hints, .out = out
	};

	if (recall(proc_fd, cache, inode, now_ms, out)) {
		cache->hits++;
		return IDENTITY_OK;
	}
	cache->misses++;
	out->n = 0;
	enum identity_status status = look_at_all(&scan, skip);
	if (status != IDENTITY_OK)
		return status;
	if (out->n == 0)
		return IDENTITY_NO_OWNER;
	remember(cache, inode, now_ms, out);
	return IDENTITY_OK;
}
