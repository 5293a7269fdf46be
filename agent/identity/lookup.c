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
	return lookup;
}

void lookup_free(struct lookup *lookup)
{
	if (lookup == NULL)
		return;
	trust_done(&lookup->trust);
	free(lookup);
}

static int64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
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

/* Describes an owner, which must hold the socket before and after. */
static enum identity_status describe(const struct lookup *lookup, const struct exe_context *context,
				     const struct owner *owner, uint64_t inode,
				     struct identity_paths *out)
{
	AUTO(proc_close) struct proc process = { 0 };
	uint64_t start;

	if (!proc_open(lookup->proc_fd, owner->pid, &process))
		return IDENTITY_GONE;
	enum identity_status status = exe_describe(context, &process, out, &start);
	if (status != IDENTITY_OK)
		return status;
	return start == owner->start && proc_holds(&process, owner->number, inode) ? IDENTITY_OK
										   : IDENTITY_GONE;
}

static enum identity_status describe_all(struct lookup *lookup, uint64_t inode,
					 struct identity_answer *out)
{
	const struct exe_context context = {
		.proc_fd = lookup->proc_fd,
		.init_pid = lookup->init_pid,
		.trust = &lookup->trust,
		.now_ns = clock_ns(CLOCK_REALTIME),
	};
	const struct owners *owners = &lookup->owners;
	enum identity_status status =
		describe(lookup, &context, &owners->items[0], inode, &out->paths);

	for (size_t i = 1; i < owners->n && status == IDENTITY_OK; i++) {
		status = describe(lookup, &context, &owners->items[i], inode, &lookup->other);
		if (status == IDENTITY_INTEGRITY)
			out->paths = lookup->other;
		else if (status == IDENTITY_OK && !same_identity(&out->paths, &lookup->other))
			status = IDENTITY_AMBIGUOUS;
	}
	out->pid = owners->items[0].pid;
	return status;
}

/* --- one question ------------------------------------------------------------------------------ */

static enum identity_status find_owner(struct lookup *lookup, const struct identity_flow *flow,
				       pid_t asker, struct identity_answer *out)
{
	const struct owners_skip skip = { lookup->init_pid, lookup->self_pid, asker,
					  lookup->parent_pid };
	struct sockdiag_socket socket;
	struct err err;
	enum identity_status status =
		sockdiag_find(lookup->netlink_fd, flow, ++lookup->sequence, &socket, &err);

	if (status != IDENTITY_OK)
		return status;
	out->uid = socket.uid;
	status = owners_find(lookup->proc_fd, &skip, socket.inode,
			     clock_ns(CLOCK_MONOTONIC) / 1000000, &lookup->cache, &lookup->owners);
	return status == IDENTITY_OK ? describe_all(lookup, socket.inode, out) : status;
}

void lookup_answer(struct lookup *lookup, const struct identity_request *request, pid_t asker,
		   struct identity_answer *out)
{
	out->pid = 0;
	out->uid = 0;
	out->paths.n = out->paths.used = 0;
	out->status = IDENTITY_GONE;
	for (int i = 0; i < TRIES && out->status == IDENTITY_GONE; i++)
		out->status = find_owner(lookup, &request->flow, asker, out);
	if (out->status == IDENTITY_OK)
		return;
	out->pid = 0;
	out->uid = 0;
	/* For an integrity violation it names the program; else it is of no meaning. */
	if (out->status != IDENTITY_INTEGRITY)
		out->paths.n = out->paths.used = 0;
}
