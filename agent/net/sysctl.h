/* SPDX-License-Identifier: Apache-2.0 */
/* sysctl: parameters of the network namespace that the caller is in. */
#ifndef AGENT_NET_SYSCTL_H
#define AGENT_NET_SYSCTL_H

#include "lib/err.h"

/* The first TCP and UDP port that a process without privilege may bind. */
#define SYSCTL_FIRST_PORT "net/ipv4/ip_unprivileged_port_start"

/* A whole number below /proc/sys, named as above. */
int sysctl_read(const char *name, long *out, struct err *err);

/* A container's /proc/sys is read-only, so this may go through an instance of procfs of our own that is
 * mounted nowhere. That takes SYS_ADMIN, and fails in a user namespace and under some AppArmor
 * profiles: call it only for what the sandbox is complete without. */
int sysctl_write(const char *name, long value, struct err *err);

#endif
