/* SPDX-License-Identifier: Apache-2.0 */
/* golden_pair: the agent pods of tests/golden/pair and their proxies, for tests that go on from there. */
#ifndef TESTS_UNIT_GOLDEN_PAIR_H
#define TESTS_UNIT_GOLDEN_PAIR_H

#include "lib/json.h"

#define GOLDEN_PAIRS "tests/golden/pair"

/* pod.yaml of the case; the caller drops it. */
json_t *golden_pair_agent(const char *name);

/* Its proxy as it comes in a review of "deployments", "replicasets" or "pods"; the caller drops it. */
json_t *golden_pair_proxy(const char *name, const char *resource);

#endif
