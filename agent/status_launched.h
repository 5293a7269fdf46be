/* SPDX-License-Identifier: Apache-2.0 */
/* status_launched: what `status` says beside a workload of `launch`, where nobody has privilege and so nobody could
 * keep a file from the workload's user: it asks the kernel, sends a datagram at the fence itself, and reads the page
 * of the proxy's container where there is one. */
#ifndef AGENT_STATUS_LAUNCHED_H
#define AGENT_STATUS_LAUNCHED_H

#include <jansson.h>
#include <stdbool.h>

#include "lib/err.h"

/* ERR_TIMEOUT where no workload runs yet. `out_problem` as status_network_add() gives it. */
int status_launched_read(json_t **out, bool *out_confined, const char **out_problem,
			 struct err *err);

#endif
