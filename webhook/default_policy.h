/* SPDX-License-Identifier: Apache-2.0 */
/* default_policy: the ConfigMap with the cluster's default policy, which each opted-in namespace is given: what it is
 * and whether one is it. Pure. */
#ifndef WEBHOOK_DEFAULT_POLICY_H
#define WEBHOOK_DEFAULT_POLICY_H

#include <stdbool.h>

#include "lib/err.h"
#include "lib/json.h"

/* It comes in argv, of which `check` and `audit` read 64 KiB. */
enum { DEFAULT_POLICY_MAX = 32 << 10 };

struct default_policy {
	const char *text; /* NULL: there is none, and what an earlier one left is to go */
	/* The cluster's object that it goes with, so that nothing is left behind. */
	const char *owner_name, *owner_uid;
};

/* ERR_INVALID: an agent would refuse it, where and why; ERR_LIMIT: it is too long. */
int default_policy_check(const char *text, struct err *err);

/* Whether we made this ConfigMap: by its label. Who takes the label off takes it over; who puts it on gives it to us. */
bool default_policy_is_ours(const json_t *map);

/* Whether one of ours is still as we make it. */
bool default_policy_is_intact(const struct default_policy *policy, const json_t *map);

/* For KUBE_APPLY and KUBE_OFFER. `uid`: of the one to be changed, and of no other; NULL: there is none yet. Owned by
 * the caller. */
json_t *default_policy_object(const struct default_policy *policy, const char *namespace_name,
			      const char *uid);

/* For KUBE_DELETE: only the one with this UID. Owned by the caller. */
json_t *default_policy_removal(const char *uid);

#endif
