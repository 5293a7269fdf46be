/* SPDX-License-Identifier: Apache-2.0 */
/* overlap: is there a text that two patterns both match? Exact, by walking both patterns' states side
 * by side; the work is bounded by a budget, which the caller shares among many questions. */
#ifndef POLICY_OVERLAP_H
#define POLICY_OVERLAP_H

#include <stdbool.h>
#include <stddef.h>

#include "policy/pattern.h"

/* `budget` goes down by what a question costs; at 0 the answer is true without being known. */
bool path_patterns_overlap(const struct pattern *a, const struct pattern *b, size_t *budget);

/* Both in their one form (match_host.h). */
bool host_patterns_overlap(struct slice a, struct slice b, size_t *budget);

#endif
