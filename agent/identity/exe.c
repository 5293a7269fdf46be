/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/identity/exe.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/identity/roots.h"
#include "lib/cleanup.h"

enum {
	/* A file that was changed less than this before it was read might change again without its
	 * times showing it: file systems keep them by the tick, some by the second. */
	SETTLED_NS = 2000000000,
	CHUNK = 65536,
};

/* Reading more takes longer than anybody waits for an answer. */
static const int64_t content_max = INT64_C(1) << 30;

static const char deleted[] = " (deleted)";

/* --- names ------------------------------------------------------------------------------------- */

static bool exists(const struct proc *proc, const struct proc_exe *exe)
{
	char path[sizeof(exe->path) + 8];
	struct stat st;
	int n = snprintf(path, sizeof(path), "root%.*s", (int)exe->n, exe->path);

	/* As the process itself sees it. An error is no proof that it is not there, and with its suffix
	 * a name matches nothing that a policy would hold. */
	return n < 0 || (size_t)n >= sizeof(path) ||
	       fstatat(proc->fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0 ||
	       (errno != ENOENT && errno != ENOTDIR);
}

struct slice exe_display_path(const struct proc *proc, const struct proc_exe *exe)
{
	struct slice path = { (const uint8_t *)exe->path, exe->n };
	size_t suffix = sizeof(deleted) - 1;

	if (path.n > suffix && memcmp(path.p + path.n - suffix, deleted, suffix) == 0 &&
	    !exists(proc, exe))
		path.n -= suffix;
	return path;
}

static bool make_key(const struct proc *proc, struct slice path, struct trust_key *out)
{
	out->path = path;
	return root_of(proc, &out->root);
}

/* A container that has ended does not come back: one that is started anew has another root directory. A
 * container lives as long as its first process, so none is forgotten that could still change its files unseen. */
static enum trust_verdict learn(const struct exe_context *context, const struct trust_key *key,
				const struct fingerprint *fingerprint,
				const uint8_t digest[TRUST_DIGEST_SIZE], bool settled)
{
	enum trust_verdict verdict = trust_learn(context->trust, key, fingerprint, digest, settled);
	struct roots roots;

	if (verdict == TRUST_FULL && roots_in_use(context->proc_fd, &roots) &&
	    trust_forget(context->trust, &roots))
		verdict = trust_learn(context->trust, key, fingerprint, digest, settled);
	return verdict;
}

/* --- content ----------------------------------------------------------------------------------- */

static int64_t ns(struct timespec t)
{
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static struct fingerprint fingerprint_of(const struct stat *st)
{
	return (struct fingerprint){
		.dev = st->st_dev,
		.ino = st->st_ino,
		.size = (uint64_t)st->st_size,
		.mtime_ns = ns(st->st_mtim),
		.ctime_ns = ns(st->st_ctim),
	};
}

static void free_digest(EVP_MD_CTX **ctx)
{
	EVP_MD_CTX_free(*ctx);
}

static bool digest_file(int fd, uint8_t out[TRUST_DIGEST_SIZE])
{
	static uint8_t chunk[CHUNK];
	AUTO(free_digest) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	ssize_t n;

	if (ctx == NULL || EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) != 1)
		return false;
	while ((n = read(fd, chunk, sizeof(chunk))) > 0)
		if (EVP_DigestUpdate(ctx, chunk, (size_t)n) != 1)
			return false;
	return n == 0 && EVP_DigestFinal_ex(ctx, out, NULL) == 1;
}

/* What a descriptor of ours stands for: name and content of one and the same file, whatever the
 * process executes meanwhile. */
static bool name_of_fd(const struct exe_context *context, int fd, struct proc_exe *out)
{
	char link[32];

	snprintf(link, sizeof(link), "self/fd/%d", fd);
	ssize_t n = readlinkat(context->proc_fd, link, out->path, sizeof(out->path));
	if (n <= 0 || n == (ssize_t)sizeof(out->path) || out->path[0] != '/')
		return false;
	out->n = (size_t)n;
	return true;
}

static enum identity_status read_content(const struct exe_context *context, int fd,
					 const struct trust_key *key)
{
	struct stat before, after;
	uint8_t digest[TRUST_DIGEST_SIZE];

	if (fstat(fd, &before) == -1 || !S_ISREG(before.st_mode))
		return IDENTITY_FAILED;
	if (before.st_size > content_max)
		return IDENTITY_LIMIT;
	if (!digest_file(fd, digest) || fstat(fd, &after) == -1)
		return IDENTITY_FAILED;
	struct fingerprint fingerprint = fingerprint_of(&before);
	const struct fingerprint then = fingerprint_of(&after);
	if (memcmp(&fingerprint, &then, sizeof(then)) != 0)
		return IDENTITY_GONE;
	bool settled = context->now_ns - fingerprint.ctime_ns > SETTLED_NS;

	switch (learn(context, key, &fingerprint, digest, settled)) {
	case TRUST_KNOWN:
		return IDENTITY_OK;
	case TRUST_FULL:
		return IDENTITY_LIMIT;
	case TRUST_UNREAD:
	case TRUST_VIOLATED:
		break;
	}
	return IDENTITY_INTEGRITY;
}

static enum identity_status finish(enum identity_status status, struct slice path,
				   struct identity_paths *out)
{
	if (status == IDENTITY_INTEGRITY)
		out->n = out->used = 0;
	if ((status == IDENTITY_OK || status == IDENTITY_INTEGRITY) &&
	    !identity_paths_add(out, path))
		return IDENTITY_LIMIT;
	return status;
}

static enum identity_status add_unread(const struct exe_context *context, const struct proc *proc,
				       struct identity_paths *out)
{
	struct proc_exe exe;
	AUTO_FD int fd = proc_open_exe(proc);

	if (fd == -1)
		return errno == ENOENT || errno == ESRCH ? IDENTITY_GONE : IDENTITY_FAILED;
	if (!name_of_fd(context, fd, &exe))
		return IDENTITY_FAILED;
	struct slice path = exe_display_path(proc, &exe);
	struct trust_key key;
	if (!make_key(proc, path, &key))
		return IDENTITY_GONE;
	return finish(read_content(context, fd, &key), path, out);
}

static enum identity_status add_program(const struct exe_context *context, const struct proc *proc,
					struct identity_paths *out)
{
	struct proc_exe exe;
	struct stat st;

	if (!proc_read_exe(proc, &exe) || !proc_stat_exe(proc, &st))
		return IDENTITY_GONE;
	struct slice path = exe_display_path(proc, &exe);
	const struct fingerprint fingerprint = fingerprint_of(&st);
	struct trust_key key;
	if (!make_key(proc, path, &key))
		return IDENTITY_GONE;
	switch (trust_check(context->trust, &key, &fingerprint)) {
	case TRUST_KNOWN:
		return finish(IDENTITY_OK, path, out);
	case TRUST_VIOLATED:
		return finish(IDENTITY_INTEGRITY, path, out);
	case TRUST_UNREAD:
	case TRUST_FULL:
		break;
	}
	/* Name and fingerprint may be of two programs, if one became the other in between. */
	return add_unread(context, proc, out);
}

/* --- ancestors --------------------------------------------------------------------------------- */

/* The parent, if it is one: not a process that was given the number of a parent that has ended. */
static bool open_parent(const struct exe_context *context, const struct proc *child,
			const struct proc_stat *child_stat, struct proc *out,
			struct proc_stat *out_stat)
{
	struct proc_stat again;

	if (!proc_open(context->proc_fd, child_stat->ppid, out))
		return false;
	/* An orphan gets another parent at once, so the number still stands for its parent if it is
	 * still the number. */
	if (proc_read_stat(out, out_stat) && out_stat->start <= child_stat->start &&
	    proc_read_stat(child, &again) && again.ppid == child_stat->ppid)
		return true;
	proc_close(out);
	return false;
}

static enum identity_status add_ancestors(const struct exe_context *context,
					  const struct proc *process, struct proc_stat stat,
					  struct identity_paths *out)
{
	AUTO(proc_close) struct proc above = { 0 };
	const struct proc *child = process;

	while (stat.ppid != 0 && stat.ppid != context->init_pid && out->n < IDENTITY_PATHS_MAX) {
		struct proc parent;
		struct proc_stat parent_stat;

		if (!open_parent(context, child, &stat, &parent, &parent_stat))
			return IDENTITY_GONE;
		proc_close(&above);
		above = parent;
		child = &above;
		stat = parent_stat;
		enum identity_status status = add_program(context, child, out);
		if (status != IDENTITY_OK)
			return status;
	}
	return IDENTITY_OK;
}

enum identity_status exe_describe(const struct exe_context *context, const struct proc *process,
				  struct identity_paths *out)
{
	struct proc_stat stat;

	out->n = out->used = 0;
	if (!proc_read_stat(process, &stat) || stat.state == 'Z' || stat.state == 'X')
		return IDENTITY_GONE;
	enum identity_status status = add_program(context, process, out);
	return status == IDENTITY_OK ? add_ancestors(context, process, stat, out) : status;
}
