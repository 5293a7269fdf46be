/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/watch.h"

static bool differs(const struct stat *a, const struct stat *b)
{
	return a->st_dev != b->st_dev || a->st_ino != b->st_ino || a->st_size != b->st_size ||
	       a->st_mtim.tv_sec != b->st_mtim.tv_sec || a->st_mtim.tv_nsec != b->st_mtim.tv_nsec;
}

bool watch_changed(struct watch *watch)
{
	bool changed = false;

	for (size_t i = 0; i < watch->n; i++) {
		struct stat now;

		if (stat(watch->paths[i], &now) == -1 || !differs(&now, &watch->seen[i]))
			continue;
		watch->seen[i] = now;
		changed = true;
	}
	return changed;
}
