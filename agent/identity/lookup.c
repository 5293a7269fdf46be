/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/identity/lookup.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "agent/identity/exe.h"
#include "agent/identity/sockdiag.h"
#include "lib/cleanup.h"
#include "lib/mem.h"

/* A process may end, or start another program, while it is looked at; then it is looked at anew. */
enum { TRIES = 3 };

struct lookup *lookup_new(int netlink_fd, int proc_fd, pid_t init_pid)
{
	struct lookup *lookup = mem_calloc(1, sizeof(*lookup));

	lookup->netlink_fd = netlink_fd;
	lookup->proc_fd = proc_fd;
	lookup->init_pid = init_pid;
	lookup->self_pid = getpid();
	lookup->processes_at = proc_processes_at(proc_fd);
	return lookup;
}

void lookup_free(struct lookup *lookup)
{
	if (lookup == NULL)
		return;
	trust_done(&lookup->trust);
	free(lookup);
}

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/* --- several owners ---------------------------------------------------------------------------- */

static bool holds_path(const struct identity_paths *paths, const char *path)
{
	for (size_t i = 0; i < paths->n; i++)
		if (strcmp(identity_paths_get(paths, i), path) == 0)
			return true;
	return false;
}

static bool all_in(const struct identity_paths *some, const struct identity_paths *paths)
{
	for (size_t i = 0; i < some->n; i++)
		if (!holds_path(paths, identity_paths_get(some, i)))
			return false;
	return true;
}

/* The same program, started by the same programs: a policy asks for nothing else, not even for their
 * order. So a process and the copy that it forked of itself are the same. */
static bool same_identity(const struct identity_paths *a, const struct identity_paths *b)
{
	return strcmp(identity_paths_get(a, 0), identity_paths_get(b, 0)) == 0 && all_in(a, b) &&
	       all_in(b, a);
}

struct question {
	struct lookup *lookup;
	struct exe_context context;
	uint64_t inode;
	size_t n; /* owners that were described */
	struct identity_answer *answer;
};

/* An owner must hold the socket before and after it is described. */
static enum identity_status describe(const struct question *q, const struct proc *proc,
				     unsigned number, struct identity_paths *out)
{
	enum identity_status status = exe_describe(&q->context, proc, out);

	if (status == IDENTITY_OK && !proc_holds(proc, number, q->inode))
		return IDENTITY_GONE;
	return status;
}

static enum identity_status add_owner(void *ctx, const struct proc *proc, unsigned number)
{
	struct question *q = ctx;
	struct identity_paths *other = &q->lookup->other;

	if (q->n++ == 0) {
		q->answer->pid = proc->pid;
		return describe(q, proc, number, &q->answer->paths);
	}
	enum identity_status status = describe(q, proc, number, other);
	if (status == IDENTITY_INTEGRITY)
		q->answer->paths = *other;
	else if (status == IDENTITY_OK && !same_identity(&q->answer->paths, other))
		return IDENTITY_AMBIGUOUS;
	return status;
}

/* --- one question ------------------------------------------------------------------------------ */

static enum identity_status find_owners(struct lookup *lookup, uint64_t inode, pid_t asker,
					struct identity_answer *out)
{
	struct question question = {
		.lookup = lookup,
		.context = { .proc_fd = lookup->proc_fd,
			     .init_pid = lookup->init_pid,
			     .trust = &lookup->trust,
			     .now_ns = now_ns() },
		.inode = inode,
		.answer = out,
	};
	const struct owners_search search = {
		.proc_fd = lookup->proc_fd,
		.processes_at = lookup->processes_at,
		.skip = { lookup->init_pid, lookup->self_pid, asker, lookup->parent_pid },
		.hints = &lookup->hints,
		.found = add_owner,
		.ctx = &question,
	};

	return owners_find(&search, inode);
}

static enum identity_status find_out(struct lookup *lookup, const struct identity_flow *flow,
				     pid_t asker, struct identity_answer *out)
{
	struct sockdiag_socket socket;
	struct err err;
	enum identity_status status =
		sockdiag_find(lookup->netlink_fd, flow, ++lookup->sequence, &socket, &err);

	if (status != IDENTITY_OK)
		return status;
	out->uid = socket.uid;
	return find_owners(lookup, socket.inode, asker, out);
}

void lookup_answer(struct lookup *lookup, const struct identity_request *request, pid_t asker,
		   struct identity_answer *out)
{
	out->pid = 0;
	out->uid = 0;
	out->paths.n = out->paths.used = 0;
	out->status = IDENTITY_GONE;
	for (int i = 0; i < TRIES && out->status == IDENTITY_GONE; i++)
		out->status = find_out(lookup, &request->flow, asker, out);
	if (out->status == IDENTITY_OK)
		return;
	out->pid = 0;
	out->uid = 0;
	/* For an integrity violation it names the program; else it is of no meaning. */
	if (out->status != IDENTITY_INTEGRITY)
		out->paths.n = out->paths.used = 0;
}
