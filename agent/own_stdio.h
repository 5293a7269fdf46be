/* SPDX-License-Identifier: Apache-2.0 */
/* own_stdio: standard input, output and error of our own processes. The container's belong to the
 * workload: who else holds its input could read it, who else holds its output keeps the other end from
 * seeing it closed, and flags of a shared standard error are the workload's to change. */
#ifndef AGENT_OWN_STDIO_H
#define AGENT_OWN_STDIO_H

#include "lib/err.h"

/* Input and output become /dev/null. Standard error stays the stream that it is, but opened anew, for
 * writing only; one that cannot be opened (a socket, a pipe whose reader is gone) is left as it is. */
int own_stdio(struct err *err);

#endif
