/* SPDX-License-Identifier: Apache-2.0 */
/* links: which file a path of the sandbox leads to. The kernel names a program by its real path; a
 * policy may name it by a link (/usr/bin/python3, /bin/sh), which is a different name of the same. */
#ifndef AGENT_IDENTITY_LINKS_H
#define AGENT_IDENTITY_LINKS_H

#include "agent/identity/message.h"

/* As many as the kernel follows. */
enum { LINKS_HOPS_MAX = 40 };

/* Follows the links of absolute `path` below the directory `root_fd`, which no link and no ".." leads
 * out of. IDENTITY_OK: `out` is a regular file's real path, without links; IDENTITY_NO_FILE: there is
 * none, or too many links. */
enum identity_status links_resolve(int root_fd, const char *path, char out[IDENTITY_PATH_MAX]);

#endif
