/* SPDX-License-Identifier: Apache-2.0 */
/* image_login_files: the logins of mounted files (image_logins), read anew when one is replaced. A file that is
 * absent has none; while one is no good, what it had before stays in use. Used from several threads. */
#ifndef WEBHOOK_IMAGE_LOGIN_FILES_H
#define WEBHOOK_IMAGE_LOGIN_FILES_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/cmd.h"
#include "lib/log.h"
#include "webhook/image_logins.h"

/* As many Secrets as a chart's values are likely to name. */
enum { IMAGE_LOGIN_FILES_MAX = 16 };

struct image_login_files;

/* Nothing is read yet. Paths are borrowed. ERR_LIMIT: too many. */
int image_login_files_new(const struct cmd_list *paths, struct image_login_files **out,
			  struct err *err);
void image_login_files_free(struct image_login_files *files);

/* Reads what is new, and tells of each file once what became of it. From one thread alone. */
void image_login_files_refresh(struct image_login_files *files, const struct log *log);

/* Another number after each change. */
unsigned image_login_files_version(const struct image_login_files *files);

/* How many logins are in use. */
size_t image_login_files_count(struct image_login_files *files);

/* False: there is none for it. Else the caller ends with image_login_done(). */
bool image_login_files_find(struct image_login_files *files, const struct image_ref *ref,
			    struct image_login *out);

#endif
