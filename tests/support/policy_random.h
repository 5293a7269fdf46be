/* SPDX-License-Identifier: Apache-2.0 */
/* policy_random: policies and requests that have much to do with each other, the same on every machine. */
#ifndef TESTS_SUPPORT_POLICY_RANDOM_H
#define TESTS_SUPPORT_POLICY_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/buf.h"
#include "policy/policy.h"

uint32_t random_next(uint32_t *state);

/* A policy that ends in its network policies, whose names are indented by two blanks. `wild`: also with tls,
 * allowed_ips, enforcement and encoded slashes, so that some contradict themselves and are refused. */
void random_policy_text(uint32_t *state, bool wild, struct buf *out);

/* What a request borrows from. */
struct random_request {
	const char *ancestor;
};

struct policy_request random_request_make(uint32_t *state, struct random_request *out);

#endif
