/* SPDX-License-Identifier: Apache-2.0 */
/* golden_pod: the pods of tests/golden/webhook, for tests that go on from there. */
#ifndef TESTS_UNIT_GOLDEN_POD_H
#define TESTS_UNIT_GOLDEN_POD_H

#include "lib/json.h"
#include "webhook/handler.h"

#define GOLDEN_PODS "tests/golden/webhook"

/* The one object of a file; the caller drops it. */
json_t *golden_object(const char *path);

/* pod.yaml of the case; the caller drops it. */
json_t *golden_pod(const char *name);

/* The same of a case in another folder of cases. */
json_t *golden_pod_of(const char *folder, const char *name);

/* A pod that was rewritten needs no further edit. */
void golden_expect_fixed_point(const struct handler *handler, json_t *pod, const char *name);

#endif
