/* SPDX-License-Identifier: Apache-2.0 */
/* install: the running program and the trusted roots of its image, in a volume that workloads mount. */
#ifndef AGENT_INSTALL_H
#define AGENT_INSTALL_H

#include "lib/err.h"

/* Copies both to the directory `dest`. Safe to repeat: a new copy replaces the old one in one step. */
int install_agent(const char *dest, struct err *err);

#endif
