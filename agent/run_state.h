/* SPDX-License-Identifier: Apache-2.0 */
/* run_state: what PID 1 leaves in /run/openshell for `status`. The directory belongs to root alone, so
 * what stands there was written by PID 1. */
#ifndef AGENT_RUN_STATE_H
#define AGENT_RUN_STATE_H

#include <jansson.h>

#include "lib/err.h"

#define RUN_STATE_DIR "/run/openshell"

/* Takes the directory over (root, mode 0700) and removes what an earlier run left. */
int run_state_prepare(struct err *err);

int run_state_write(const json_t *state, struct err *err);

/* The state of this container's run; the caller frees it with json_decref(). ERR_TIMEOUT where PID 1
 * has not written one yet. */
int run_state_read(json_t **out, struct err *err);

#endif
