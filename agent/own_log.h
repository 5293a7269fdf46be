/* SPDX-License-Identifier: Apache-2.0 */
/* own_log: how a process of ours begins that runs beside the workload: closed to the eyes of others, and with a log whose
 * lines carry an id. It marks them in a stream that we may share with the workload: told before that exists, unknown to
 * it before. */
#ifndef AGENT_OWN_LOG_H
#define AGENT_OWN_LOG_H

#include "lib/err.h"
#include "lib/log.h"

enum { OWN_LOG_ID_SIZE = 17 };

/* `out`, which borrows `id`, can be written to after a failure too. ERR_SYS: the kernel refuses. */
int own_log_begin(char id[OWN_LOG_ID_SIZE], struct log *out, struct err *err);

#endif
