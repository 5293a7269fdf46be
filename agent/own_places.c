/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/own_places.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/cleanup.h"
#include "lib/io.h"

enum {
	/* A pod may have many mounts, but not megabytes of them. */
	MOUNTINFO_MAX = 1 << 20,
	FDINFO_MAX = 4096,
};

static const char *const places[] = {
	"/opt/openshell",
	"/etc/openshell/policy",
	"/etc/openshell/upstream-ca",
	"/etc/openshell-tls",
	"/run/openshell",
	/* Where this program was started from, beyond the reach of others' mounts. */
	"/openshell-start/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17/18/19",
};

/* The next field of a line, up to a blank. */
static struct slice next_field(struct slice *line)
{
	const uint8_t *end = line->n > 0 ? memchr(line->p, ' ', line->n) : NULL;
	struct slice field = { line->p, end != NULL ? (size_t)(end - line->p) : line->n };
	size_t used = end != NULL ? field.n + 1 : field.n;

	line->p += used;
	line->n -= used;
	return field;
}

struct mount {
	uint64_t id;
	struct slice point;
};

/* ID PARENT MAJOR:MINOR ROOT POINT … */
static struct mount parse_line(struct slice line)
{
	struct slice id = next_field(&line);
	struct mount mount = { 0 };

	for (size_t i = 0; i < id.n && id.p[i] >= '0' && id.p[i] <= '9'; i++)
		mount.id = mount.id * 10 + (uint64_t)(id.p[i] - '0');
	for (int skipped = 0; skipped < 3; skipped++)
		next_field(&line);
	mount.point = next_field(&line);
	return mount;
}

static bool begins_with(struct slice text, const char *prefix)
{
	size_t n = strlen(prefix);

	return text.n >= n && memcmp(text.p, prefix, n) == 0;
}

int own_places_judge(struct slice mountinfo, const char *place, uint64_t visible, struct err *err)
{
	size_t n_at = 0, n = strlen(place);
	bool in_front = false;

	while (mountinfo.n > 0) {
		const uint8_t *end = memchr(mountinfo.p, '\n', mountinfo.n);
		size_t length = end != NULL ? (size_t)(end - mountinfo.p) : mountinfo.n;
		struct mount mount = parse_line((struct slice){ mountinfo.p, length });

		mountinfo.p += length + (end != NULL);
		mountinfo.n -= length + (end != NULL);
		if (!begins_with(mount.point, place))
			continue;
		if (mount.point.n > n && mount.point.p[n] == '/')
			return err_set(err, ERR_DENIED, "something is mounted inside '%s'", place);
		if (mount.point.n > n)
			continue;
		n_at++;
		in_front = mount.id == visible;
	}
	if (n_at > 1 || (n_at == 1 && !in_front))
		return err_set(err, ERR_DENIED,
			       "'%s' is covered by another volume: a link in the image or in a "
			       "volume leads a mount there",
			       place);
	return 0;
}

/* /proc is where all of this is read, and where the workload's confinement is verified. */
static int check_proc(struct err *err)
{
	struct statfs fs;

	if (statfs("/proc", &fs) == -1)
		return err_sys(err, "statfs '/proc'");
	if (fs.f_type != PROC_SUPER_MAGIC)
		return err_set(err, ERR_DENIED, "/proc is not the kernel's: mount nothing there");
	return 0;
}

static int visible_mount(int fd, uint64_t *out, struct err *err)
{
	AUTO(buf_done) struct buf text = buf_init(FDINFO_MAX);
	static const char label[] = "mnt_id:";
	char path[40];

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	if (io_read_file(path, &text, err) == -1)
		return -1;
	const char *at = strstr(buf_text(&text), label);
	if (at == NULL)
		return err_set(err, ERR_SYS, "'%s' does not name the mount", path);
	*out = strtoull(at + strlen(label), NULL, 10);
	return 0;
}

static int check_place(const char *place, struct slice mountinfo, struct err *err)
{
	struct open_how how = {
		.flags = O_PATH | O_CLOEXEC,
		.resolve = RESOLVE_NO_SYMLINKS,
	};
	AUTO_FD int fd = (int)syscall(SYS_openat2, AT_FDCWD, place, &how, sizeof(how));
	uint64_t visible = 0;

	if (fd == -1 && errno == ENOENT)
		return 0;
	if (fd == -1 && errno == ELOOP)
		return err_set(err, ERR_DENIED,
			       "'%s' is reached through a symbolic link of the image: use an image "
			       "that has none there",
			       place);
	if (fd == -1)
		return err_sys(err, "open '%s'", place);
	if (visible_mount(fd, &visible, err) == -1)
		return -1;
	return own_places_judge(mountinfo, place, visible, err);
}

int own_places_check(struct err *err)
{
	AUTO(buf_done) struct buf mountinfo = buf_init(MOUNTINFO_MAX);

	if (check_proc(err) == -1 || io_read_file("/proc/self/mountinfo", &mountinfo, err) == -1)
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(places); i++)
		if (check_place(places[i], buf_slice(&mountinfo), err) == -1)
			return -1;
	return 0;
}
