/* SPDX-License-Identifier: Apache-2.0 */
/* run_state: what PID 1 leaves in /run/openshell for `status`. The directory belongs to root alone, so
 * what stands there was written by PID 1. */
#ifndef AGENT_RUN_STATE_H
#define AGENT_RUN_STATE_H

#include <jansson.h>
#include <sys/types.h>

#include "agent/sandbox/ids.h"
#include "lib/err.h"
#include "lib/rd.h"

#define RUN_STATE_DIR "/run/openshell"

/* The policy as it was when the run started. Files and identity stay as that one says, whatever becomes
 * of the ConfigMap; absent under the built-in policy. */
#define RUN_STATE_POLICY RUN_STATE_DIR "/policy.yaml"

/* The policy that is in force; absent as long as it is the one that the run started with. */
#define RUN_STATE_LIVE_POLICY RUN_STATE_DIR "/policy.live.yaml"

/* Takes the directory over (root, mode 0700) and removes what an earlier run left. */
int run_state_prepare(struct err *err);

/* Writes `policy` (may be empty), then `state`, marked as this run's: who finds a state finds its policy.
 * To be called by PID 1. */
int run_state_write(json_t *state, struct slice policy, struct err *err);

/* What `state` said of the policy is now `policy`. An empty `text` leaves the one in force as it is. */
int run_state_write_policy(const json_t *policy, struct slice text, struct err *err);

/* The state of this container's run; the caller frees it with json_decref(). ERR_TIMEOUT where PID 1
 * has not written one yet; what another container of the pod left there, an init container or this one
 * before it was started anew, counts as none. */
int run_state_read(json_t **out, struct err *err);

/* The same, once it is there: waits for up to a minute. */
int run_state_await(json_t **out, struct err *err);

/* For AUTO(). */
void run_state_free(json_t **state);

/* The workload's pid and identity. ERR_INVALID where the state is not one of ours. */
int run_state_workload(json_t *state, pid_t *out_pid, struct ids *out, struct err *err);

#endif
