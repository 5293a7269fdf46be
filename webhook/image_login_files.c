/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/image_login_files.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/io.h"
#include "lib/mem.h"
#include "webhook/watch.h"

struct login_file {
	const char *path;
	struct watch watch;
	bool was_absent;
	struct image_logins logins;
};

struct image_login_files {
	struct login_file items[IMAGE_LOGIN_FILES_MAX];
	size_t n;
	atomic_uint version;
	pthread_mutex_t lock; /* over the logins */
};

int image_login_files_new(const struct cmd_list *paths, struct image_login_files **out,
			  struct err *err)
{
	if (paths->n > IMAGE_LOGIN_FILES_MAX)
		return err_set(err, ERR_LIMIT, "--registry-login is given more than %d times",
			       IMAGE_LOGIN_FILES_MAX);
	struct image_login_files *files = mem_calloc(1, sizeof(*files));
	pthread_mutex_init(&files->lock, NULL);
	for (size_t i = 0; i < paths->n; i++)
		files->items[files->n++] = (struct login_file){
			.path = paths->items[i],
			.watch = { .paths = { paths->items[i] }, .n = 1 },
		};
	*out = files;
	return 0;
}

void image_login_files_free(struct image_login_files *files)
{
	if (files == NULL)
		return;
	for (size_t i = 0; i < files->n; i++)
		image_logins_done(&files->items[i].logins);
	pthread_mutex_destroy(&files->lock);
	free(files);
}

static int read_logins(const char *path, struct image_logins *out, struct err *err)
{
	AUTO(buf_done) struct buf text = buf_init_secret(IMAGE_LOGINS_TEXT_MAX);

	if (io_read_file(path, &text, err) == -1)
		return -1;
	return image_logins_parse(buf_slice(&text), out, err);
}

static void replace(struct image_login_files *files, struct login_file *file,
		    struct image_logins *fresh)
{
	struct image_logins old;

	pthread_mutex_lock(&files->lock);
	old = file->logins;
	file->logins = *fresh;
	pthread_mutex_unlock(&files->lock);
	*fresh = (struct image_logins){ 0 };
	atomic_fetch_add(&files->version, 1);
	image_logins_done(&old);
}

static void tell(const struct login_file *file, enum log_level level, const char *event,
		 const char *reason, const struct log *log)
{
	struct log_line line = log_begin(log, level, event);

	log_str(&line, "file", file->path);
	if (reason != NULL)
		log_str(&line, "reason", reason);
	else
		log_int(&line, "count", (int64_t)file->logins.n);
	log_end(&line);
}

static void refresh(struct image_login_files *files, struct login_file *file, const struct log *log)
{
	AUTO(image_logins_done) struct image_logins fresh = { 0 };
	bool absent = access(file->path, F_OK) == -1;
	bool came_or_went = absent != file->was_absent;
	struct err err;

	file->was_absent = absent;
	if (absent) {
		if (!came_or_went)
			return;
		replace(files, file, &fresh);
		tell(file, LOG_LEVEL_ERROR, "logins.refused", "the file is absent", log);
		return;
	}
	if (!watch_changed(&file->watch) && !came_or_went)
		return;
	if (read_logins(file->path, &fresh, &err) == -1) {
		tell(file, LOG_LEVEL_ERROR, "logins.refused", err.msg, log);
		return;
	}
	replace(files, file, &fresh);
	tell(file, LOG_LEVEL_INFO, "logins.loaded", NULL, log);
}

void image_login_files_refresh(struct image_login_files *files, const struct log *log)
{
	for (size_t i = 0; i < files->n; i++)
		refresh(files, &files->items[i], log);
}

unsigned image_login_files_version(const struct image_login_files *files)
{
	return atomic_load(&files->version);
}

size_t image_login_files_count(struct image_login_files *files)
{
	size_t n = 0;

	pthread_mutex_lock(&files->lock);
	for (size_t i = 0; i < files->n; i++)
		n += files->items[i].logins.n;
	pthread_mutex_unlock(&files->lock);
	return n;
}

static void copy(const struct image_login *from, struct image_login *out)
{
	out->prefix = from->prefix;
	out->user_password = buf_init_secret(IMAGE_LOGIN_MAX);
	out->identity_token = buf_init_secret(IMAGE_LOGIN_MAX);
	buf_puts(&out->user_password, buf_text(&from->user_password));
	buf_puts(&out->identity_token, buf_text(&from->identity_token));
}

bool image_login_files_find(struct image_login_files *files, const struct image_ref *ref,
			    struct image_login *out)
{
	const struct image_login *best = NULL;

	pthread_mutex_lock(&files->lock);
	for (size_t i = 0; i < files->n; i++) {
		const struct image_login *login = image_logins_find(&files->items[i].logins, ref);

		if (login != NULL &&
		    (best == NULL || strlen(login->prefix.path) > strlen(best->prefix.path)))
			best = login;
	}
	if (best != NULL)
		copy(best, out);
	pthread_mutex_unlock(&files->lock);
	return best != NULL;
}
