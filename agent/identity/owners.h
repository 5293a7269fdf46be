/* SPDX-License-Identifier: Apache-2.0 */
/* owners: every process that holds a socket, by what /proc shows of their descriptors.
 *
 * What was found is remembered by inode for a moment, and checked again each time before it counts.
 * A socket that is on its way through another (SCM_RIGHTS), or in the own table of a thread that has
 * unshared it, is nobody's here. */
#ifndef AGENT_IDENTITY_OWNERS_H
#define AGENT_IDENTITY_OWNERS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "agent/identity/hints.h"
#include "agent/identity/message.h"
#include "agent/identity/proc.h"

enum {
	/* A server that forks before it serves shares its connections with each child. */
	OWNERS_MAX = 512,
	OWNERS_CACHE_SLOTS = 256,
	OWNERS_CACHE_HOLDERS = 8,
	/* A process that gets the socket later than this is seen by the next look. */
	OWNERS_FRESH_MS = 1000,
	/* More than the pids limit of most pods, and than any of them opens: about 0.3 s of looking. */
	OWNERS_PROCESSES_MAX = 8192,
	OWNERS_DESCRIPTORS_MAX = 200000,
};

struct owner {
	pid_t pid;
	unsigned number; /* its descriptor */
	uint64_t start; /* of the process, to know it again */
};

struct owners {
	size_t n;
	struct owner items[OWNERS_MAX]; /* by pid, lowest first */
};

struct owners_cached {
	uint64_t inode;
	int64_t found_ms;
	size_t n;
	struct owner items[OWNERS_CACHE_HOLDERS];
};

/* A zeroed one is empty. */
struct owners_cache {
	struct owners_cached slots[OWNERS_CACHE_SLOTS];
	struct hints hints;
	uint64_t hits, misses;
};

/* Processes of the agent itself, which are not looked at: they hold no socket of the workload's, and
 * the proxy's have more descriptors than all others. */
struct owners_skip {
	pid_t init, self, asker;
	pid_t parent; /* of the helper; 0 for none */
};

/* IDENTITY_OK (at least one), IDENTITY_NO_OWNER, IDENTITY_LIMIT, or IDENTITY_FAILED where a process
 * cannot be looked at. */
enum identity_status owners_find(int proc_fd, const struct owners_skip *skip, uint64_t inode,
				 int64_t now_ms, struct owners_cache *cache, struct owners *out);

/* Is it the same process, and does it still hold the socket? */
bool owner_holds(int proc_fd, const struct owner *owner, uint64_t inode);

#endif
