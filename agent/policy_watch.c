/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/policy_watch.h"

#include <string.h>
#include <sys/inotify.h>
#include <time.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/mem.h"

/* Not IN_MODIFY: who writes a file in place has said nothing before it is closed. */
enum {
	OF_DIRECTORY = IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO |
		       IN_DELETE_SELF | IN_MOVE_SELF,
	OF_FILE = IN_CLOSE_WRITE | IN_DELETE_SELF | IN_MOVE_SELF,
};

enum {
	/* Stamps have a second where the file system is old, and a tick of the kernel's clock elsewhere. */
	FRESH_S = 2,
};

void policy_watch_start(struct policy_watch *watch, const char *path)
{
	*watch = (struct policy_watch){
		.path = path,
		.fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK),
		.dir_watch = -1,
		.file_watch = -1,
	};
}

void policy_watch_done(struct policy_watch *watch)
{
	auto_close(&watch->fd);
	watch->fd = -1;
}

void policy_watch_drain(struct policy_watch *watch)
{
	_Alignas(struct inotify_event) char notes[4096];

	while (read(watch->fd, notes, sizeof(notes)) > 0)
		continue;
}

/* What `path` is now; what it was before is watched no more. */
static void move_watch(const struct policy_watch *watch, const char *path, uint32_t events,
		       int *descriptor)
{
	int now = inotify_add_watch(watch->fd, path, events);

	if (*descriptor != -1 && *descriptor != now)
		inotify_rm_watch(watch->fd, *descriptor);
	*descriptor = now;
}

static void watch_what_is_there(struct policy_watch *watch)
{
	AUTO_FREE char *dir = mem_strdup(watch->path);
	char *slash = strrchr(dir, '/');

	if (watch->fd == -1)
		return;
	if (slash != NULL)
		slash[slash == dir ? 1 : 0] = '\0';
	move_watch(watch, slash != NULL ? dir : ".", OF_DIRECTORY, &watch->dir_watch);
	move_watch(watch, watch->path, OF_FILE, &watch->file_watch);
}

static bool is_same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

/* Also where the clock was set back meanwhile. */
static bool is_fresh(const struct stat *stamp)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return stamp->st_mode != 0 && stamp->st_ctim.tv_sec + FRESH_S > now.tv_sec;
}

bool policy_watch_look(struct policy_watch *watch)
{
	const struct stat before = watch->stamp;
	bool was_known = watch->is_known;
	struct stat *now = &watch->stamp;

	/* First watched, then looked at: what changes in between is noted. */
	watch_what_is_there(watch);
	if (stat(watch->path, now) == -1)
		*now = (struct stat){ 0 };
	watch->is_known = true;
	watch->is_fresh = is_fresh(now);
	return !was_known || now->st_dev != before.st_dev || now->st_ino != before.st_ino ||
	       now->st_size != before.st_size || !is_same_time(now->st_mtim, before.st_mtim) ||
	       !is_same_time(now->st_ctim, before.st_ctim);
}

void policy_watch_forget(struct policy_watch *watch)
{
	watch->is_known = false;
}

bool policy_watch_is_fresh(const struct policy_watch *watch)
{
	return watch->is_fresh;
}

bool policy_watch_is_present(const struct policy_watch *watch)
{
	return watch->stamp.st_mode != 0;
}
