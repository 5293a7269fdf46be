/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/sandbox/fs_plan.h"

#include <stdlib.h>
#include <string.h>

#include "lib/cleanup.h"
#include "lib/mem.h"

/* What belongs to the sandbox itself (DESIGN section 9). */
static const char *const control_roots[] = { "/opt/openshell", "/etc/openshell",
					     "/etc/openshell-tls", "/run/openshell" };

/* What programs expect to write to even when they have no business with files. */
static const char *const default_writable[] = { "/tmp",      "/dev/null",   "/dev/zero",
						"/dev/full", "/dev/random", "/dev/urandom",
						"/dev/tty",  "/dev/ptmx",   "/dev/pts",
						"/dev/shm",  "/dev/mqueue" };

/* True where `path` is `root` or lies below it. */
static bool is_below(const char *path, const char *root)
{
	size_t n = strlen(root);

	if (strcmp(root, "/") == 0)
		return true;
	return strncmp(path, root, n) == 0 && (path[n] == '\0' || path[n] == '/');
}

bool fs_paths_overlap(const char *a, const char *b)
{
	return is_below(a, b) || is_below(b, a);
}

static const char *overlapping_control_root(const char *path)
{
	for (size_t i = 0; i < ARRAY_LEN(control_roots); i++)
		if (fs_paths_overlap(path, control_roots[i]))
			return control_roots[i];
	return NULL;
}

static void add(struct fs_plan *plan, const char *path, enum fs_access access,
		enum fs_origin origin)
{
	plan->rules = mem_grow(plan->rules, plan->n, &plan->cap, sizeof(*plan->rules));
	plan->rules[plan->n++] = (struct fs_rule){ mem_strdup(path), access, origin };
}

static int add_writable(struct fs_plan *plan, const char *path, enum fs_origin origin,
			struct err *err)
{
	const char *root = overlapping_control_root(path);

	if (path[0] != '/')
		return err_set(err, ERR_INVALID, "writable path '%s' is not absolute", path);
	if (root != NULL)
		return err_set(err, ERR_INVALID,
			       "writable path '%s' would open %s, which belongs to the sandbox: "
			       "list the paths that the workload needs instead",
			       path, root);
	add(plan, path, FS_ACCESS_WRITE, origin);
	return 0;
}

/* A working directory that holds one of ours (as "/" does) stays read-only instead of failing: images
 * without WORKDIR start in "/". */
static void add_workdir(struct fs_plan *plan, const char *workdir, enum fs_origin origin)
{
	if (overlapping_control_root(workdir) == NULL)
		add(plan, workdir, FS_ACCESS_WRITE, origin);
}

static int plan_policy(const struct policy *policy, const char *workdir, struct fs_plan *plan,
		       struct err *err)
{
	const struct policy_filesystem *fs = &policy->filesystem;

	/* The certificates that the proxy is known by are no secret, and without them nothing connects. */
	add(plan, "/etc/openshell-tls", FS_ACCESS_READ, FS_ORIGIN_DEFAULT);
	for (size_t i = 0; i < fs->read_only.n; i++)
		add(plan, fs->read_only.items[i], FS_ACCESS_READ, FS_ORIGIN_POLICY);
	for (size_t i = 0; i < fs->read_write.n; i++)
		if (add_writable(plan, fs->read_write.items[i], FS_ORIGIN_POLICY, err) == -1)
			return err_wrap(err, "filesystem_policy");
	if (fs->include_workdir)
		add_workdir(plan, workdir, FS_ORIGIN_POLICY);
	return 0;
}

static int plan_default(const char *workdir, const struct cmd_list *writable, struct fs_plan *plan,
			struct err *err)
{
	add(plan, "/", FS_ACCESS_READ, FS_ORIGIN_DEFAULT);
	for (size_t i = 0; i < ARRAY_LEN(default_writable); i++)
		add(plan, default_writable[i], FS_ACCESS_WRITE, FS_ORIGIN_DEFAULT);
	for (size_t i = 0; i < writable->n; i++)
		if (add_writable(plan, writable->items[i], FS_ORIGIN_MOUNT, err) == -1)
			return -1;
	add_workdir(plan, workdir, FS_ORIGIN_DEFAULT);
	return 0;
}

int fs_plan_build(const struct policy *policy, const char *workdir, const struct cmd_list *writable,
		  struct fs_plan *out, struct err *err)
{
	AUTO(fs_plan_done) struct fs_plan plan = { 0 };
	int result = policy->filesystem.present ? plan_policy(policy, workdir, &plan, err)
						: plan_default(workdir, writable, &plan, err);

	if (result == -1)
		return -1;
	*out = plan;
	plan = (struct fs_plan){ 0 };
	return 0;
}

void fs_plan_done(struct fs_plan *plan)
{
	for (size_t i = 0; i < plan->n; i++)
		free(plan->rules[i].path);
	free(plan->rules);
	*plan = (struct fs_plan){ 0 };
}
