/* SPDX-License-Identifier: Apache-2.0 */
/* pair_compare: whether an object that is there is the one that the controller would make. Pure. */
#ifndef WEBHOOK_PAIR_COMPARE_H
#define WEBHOOK_PAIR_COMPARE_H

#include "webhook/pair_objects.h"

/* Whether `have` belongs to the agent pod `uid` by its labels and its owner; another's is never changed. */
bool pair_compare_is_ours(const json_t *have, const char *uid);

/* Whether it carries the controller's label. */
bool pair_compare_is_managed(const json_t *have);

/* Whether `have`, as the API server answers it, is what `wanted` asks for, and no more: fields that the server fills in
 * by itself may be there, any other may not. Of a Secret the certificate is not looked at, which differs each time
 * that it is made. */
bool pair_compare_is_right(enum pair_kind kind, const json_t *wanted, const json_t *have);

/* Whether a Deployment has the pod that it is to have, in its newest form, ready. */
bool pair_compare_is_ready(const json_t *deployment);

#endif
