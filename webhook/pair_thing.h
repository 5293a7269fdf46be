/* SPDX-License-Identifier: Apache-2.0 */
/* pair_thing: one object that the controller keeps in the cluster: made where it is missing, made right where it is not
 * as it should be, left alone where it is somebody else's. */
#ifndef WEBHOOK_PAIR_THING_H
#define WEBHOOK_PAIR_THING_H

#include "webhook/pair_cluster.h"
#include "webhook/pair_objects.h"

struct pair_thing {
	enum pair_kind kind;
	const char
		*uid; /* of the agent pod; NULL: the policy of a namespace, which is of no pair */
	json_t *wanted; /* owned */
	struct buf folder, target;
};

/* Takes `wanted` over; NULL where it is only to be taken away. */
struct pair_thing pair_thing_of(enum pair_kind kind, const char *namespace_name, const char *uid,
				json_t *wanted);
void pair_thing_done(struct pair_thing *thing); /* wipes a Secret */

struct pair_kept {
	json_t *have; /* as it is now and should be; owned by the caller, who wipes it */
	bool is_foreign; /* there is one that is not ours */
};

/* `is_seen`: there is one as far as was told, which saves a request where that is so. */
int pair_thing_ensure(struct pair_cluster *cluster, const struct pair_thing *thing, bool is_seen,
		      struct pair_kept *out, struct err *err);

/* One that is not there is no failure. */
int pair_thing_remove(struct pair_cluster *cluster, const struct pair_thing *thing,
		      struct err *err);

#endif
