/* SPDX-License-Identifier: Apache-2.0 */
/* play_services: what a worker asks others, answered at once for a play: every program is one client, every name is
 * the play's own address, and no other may be dialled. */
#ifndef TESTS_SUPPORT_PLAY_SERVICES_H
#define TESTS_SUPPORT_PLAY_SERVICES_H

#include <stdbool.h>

#include "agent/proxy/services.h"
#include "tests/support/play_peer.h"

/* Borrows `stage`. */
struct services play_services(struct play_stage *stage);

/* The policy that allows, or the one that refuses all. Owned by the caller. */
struct policy *play_policy(bool refuses);

#endif
