/* SPDX-License-Identifier: Apache-2.0 */
/* watch: whether files were replaced or written since last asked. Polled: a mounted Secret is
 * replaced behind a symbolic link, which the usual notifications miss. */
#ifndef WEBHOOK_WATCH_H
#define WEBHOOK_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

enum { WATCH_FILES_MAX = 2 };

struct watch {
	const char *paths[WATCH_FILES_MAX];
	size_t n;
	struct stat seen[WATCH_FILES_MAX];
};

/* True the first time. A file that is absent counts as unchanged: it is being replaced. */
bool watch_changed(struct watch *watch);

#endif
