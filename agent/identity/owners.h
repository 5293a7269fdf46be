/* SPDX-License-Identifier: Apache-2.0 */
/* owners: every process that holds a socket, by what /proc shows of their descriptors.
 *
 * Nothing is remembered but where to look first. A socket that is on its way through another (SCM_RIGHTS),
 * or in the own table of a thread that has unshared it, is nobody's here. */
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
	/* More than the pids limit of most pods, and than any of them opens: about 0.3 s of looking. */
	OWNERS_PROCESSES_MAX = 8192,
	OWNERS_DESCRIPTORS_MAX = 200000,
};

/* Processes of the agent itself, which are not looked at: they hold no socket of the workload's, and
 * the proxy's have more descriptors than all others. */
struct owners_skip {
	pid_t init, self, asker;
	pid_t parent; /* of the helper; 0 for none */
};

/* Borrows. */
struct owners_search {
	int proc_fd; /* /proc */
	int64_t processes_at; /* of proc_processes_at() */
	struct owners_skip skip;
	struct hints *hints;
	/* Called for each process that holds the socket, at its descriptor `number`. Anything but IDENTITY_OK
	 * ends the search. */
	enum identity_status (*found)(void *ctx, const struct proc *proc, unsigned number);
	void *ctx;
};

/* Tells of the owners by number, lowest first. IDENTITY_OK (of at least one), IDENTITY_NO_OWNER,
 * IDENTITY_LIMIT, IDENTITY_FAILED where a process cannot be looked at, or what `found` says. */
enum identity_status owners_find(const struct owners_search *search, uint64_t inode);

#endif
