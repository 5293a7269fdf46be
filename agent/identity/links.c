/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/identity/links.h"

#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What has been walked, without links, and what is still to walk. Neither starts with a slash, so that
 * both are relative to the root. */
struct walk {
	int root_fd;
	unsigned hops;
	char done[IDENTITY_PATH_MAX], todo[IDENTITY_PATH_MAX];
	struct stat st; /* of `done`, unless it is "" */
};

/* Takes the next component off `todo`; false where there is none. */
static bool next_component(struct walk *walk, char out[IDENTITY_PATH_MAX])
{
	const char *at = walk->todo + strspn(walk->todo, "/");
	size_t n = strcspn(at, "/");

	memcpy(out, at, n);
	out[n] = '\0';
	memmove(walk->todo, at + n, strlen(at + n) + 1);
	return n > 0;
}

static void step_up(struct walk *walk)
{
	char *slash = strrchr(walk->done, '/');

	*(slash != NULL ? slash : walk->done) = '\0';
}

/* Puts the link's target in front of what is left to walk. */
static bool follow(struct walk *walk)
{
	char target[IDENTITY_PATH_MAX];
	ssize_t n = readlinkat(walk->root_fd, walk->done, target, sizeof(target));
	size_t rest = strlen(walk->todo);

	if (++walk->hops > LINKS_HOPS_MAX || n <= 0 || (size_t)n + rest >= sizeof(walk->todo))
		return false;
	memmove(walk->todo + n, walk->todo, rest + 1);
	memcpy(walk->todo, target, (size_t)n);
	if (target[0] == '/')
		walk->done[0] = '\0';
	else
		step_up(walk);
	return true;
}

static bool step_into(struct walk *walk, const char *name)
{
	size_t used = strlen(walk->done);
	size_t slash = used > 0 ? 1 : 0;
	size_t n = strlen(name);

	if (used + slash + n >= sizeof(walk->done))
		return false;
	walk->done[used] = '/';
	memcpy(walk->done + used + slash, name, n + 1);
	if (fstatat(walk->root_fd, walk->done, &walk->st, AT_SYMLINK_NOFOLLOW) == -1)
		return false;
	if (S_ISLNK(walk->st.st_mode))
		return follow(walk);
	/* Only a directory has anything behind it. */
	return S_ISDIR(walk->st.st_mode) || walk->todo[0] == '\0';
}

enum identity_status links_resolve(int root_fd, const char *path, char out[IDENTITY_PATH_MAX])
{
	struct walk walk = { .root_fd = root_fd };
	char name[IDENTITY_PATH_MAX];
	size_t n = strlen(path);

	if (path[0] != '/' || n >= sizeof(walk.todo))
		return IDENTITY_NO_FILE;
	memcpy(walk.todo, path, n + 1);
	while (next_component(&walk, name)) {
		if (strcmp(name, "..") == 0)
			step_up(&walk);
		else if (strcmp(name, ".") != 0 && !step_into(&walk, name))
			return IDENTITY_NO_FILE;
	}
	n = strlen(walk.done);
	if (n == 0 || n + 1 >= IDENTITY_PATH_MAX || !S_ISREG(walk.st.st_mode))
		return IDENTITY_NO_FILE;
	out[0] = '/';
	memcpy(out + 1, walk.done, n + 1);
	return IDENTITY_OK;
}
