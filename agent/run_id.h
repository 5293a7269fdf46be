/* SPDX-License-Identifier: Apache-2.0 */
/* run_id: marks our lines in a stream that we may share with the workload: told before it exists, unknown to it
 * before. */
#ifndef AGENT_RUN_ID_H
#define AGENT_RUN_ID_H

#include "lib/err.h"

enum { RUN_ID_SIZE = 17 };

int run_id_make(char out[RUN_ID_SIZE], struct err *err);

#endif
