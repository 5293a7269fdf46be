/* SPDX-License-Identifier: Apache-2.0 */
/* ids: the identity that the workload gets, and the capabilities that giving it takes. */
#ifndef AGENT_SANDBOX_IDS_H
#define AGENT_SANDBOX_IDS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "lib/err.h"

enum {
	/* Kubernetes itself sets no limit; more than this is a mistake. */
	IDS_GROUPS_MAX = 256,
};

struct ids {
	uid_t uid;
	gid_t gid;
	gid_t groups[IDS_GROUPS_MAX]; /* supplementary, without `gid` */
	size_t n_groups;
};

/* "UID:GID", both 1..4294967294. */
int ids_parse_user(const char *text, struct ids *out, struct err *err);

/* "2000,3000"; 0 (root's group) is refused. */
int ids_parse_groups(const char *text, struct ids *out, struct err *err);

/* Fails, naming all that are missing, unless this process is UID 0 and has in effect what building
 * the sandbox takes. */
int ids_check_privilege(struct err *err);

/* The same for what the proxy of a sidecar takes, which builds no namespace. */
int ids_check_proxy_privilege(struct err *err);

/* In the child: groups, gid, bounding set, ambient set, uid, capabilities, in that order (the bounding
 * set needs CAP_SETPCAP, which the change of uid takes away). 0 or an errno value; EPERM also where
 * root could be had back. Async-signal-safe. */
int ids_drop(const struct ids *ids);

/* In a process that was started as `ids`: gives up every capability and makes sure that it is who it should be
 * and cannot become root. 0 or an errno value. Async-signal-safe. */
int ids_settle(const struct ids *ids);

/* In PID 1, once the workload is confined: keeps only CAP_KILL, to pass signals on. 0 or errno. */
int ids_keep_only_kill(void);

#endif
