/* SPDX-License-Identifier: Apache-2.0 */
/* cleanup: scope-bound release, and the two ways to hand ownership on. */
#ifndef LIB_CLEANUP_H
#define LIB_CLEANUP_H

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define AUTO(release) __attribute__((cleanup(release)))
#define AUTO_FREE AUTO(auto_free)
#define AUTO_FD AUTO(auto_close)

#define STEAL(p)                             \
	({                                   \
		__typeof__(p) stolen_ = (p); \
		(p) = NULL;                  \
		stolen_;                     \
	})

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

static inline void auto_free(void *slot)
{
	void *p;

	memcpy(&p, slot, sizeof(p));
	free(p);
}

static inline void auto_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline int steal_fd(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

#endif
