/* SPDX-License-Identifier: Apache-2.0 */
/* kube_lease: who leads, by an object of kind Lease that all replicas write to: what was seen of it, and what to
 * do next. Pure: kube_leader asks and writes. Times in `_ms` are of a local clock that only goes forward;
 * clocks of others are never compared with ours: a lease has run out when it was not renewed for its
 * duration since we saw its last change. Two never hold it at once as long as clocks run equally fast. */
#ifndef WEBHOOK_KUBE_LEASE_H
#define WEBHOOK_KUBE_LEASE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/err.h"
#include "lib/json.h"
#include "webhook/kube_cache.h"
#include "webhook/kube_request.h"

enum {
	KUBE_LEASE_S = 15,
	/* Who has not renewed it for so long leads no more; others wait for the rest of the duration. */
	KUBE_LEASE_HELD_MS = 10 * 1000,
	KUBE_LEASE_RETRY_MS = 2 * 1000,
	/* What a foreign record may ask the others to wait. */
	KUBE_LEASE_MAX_S = 60,
	KUBE_LEASE_NAME_MAX = 254,
	KUBE_LEASE_TIME_MAX = 64,
};

enum kube_lease_step {
	KUBE_LEASE_LOOK = 0, /* read it; nothing is ours to write */
	KUBE_LEASE_CREATE,
	KUBE_LEASE_CLAIM, /* it has run out, or was given up */
	KUBE_LEASE_RENEW,
};

struct kube_lease {
	char identity[KUBE_LEASE_NAME_MAX]; /* ours; no two processes share one */
	/* The record as it was seen last. */
	bool known, exists;
	char holder[KUBE_LEASE_NAME_MAX], version[KUBE_VERSION_MAX];
	char acquired[KUBE_LEASE_TIME_MAX];
	int64_t transitions, duration_ms;
	int64_t changed_ms; /* when we saw it change */
	int64_t held_until_ms; /* 0: never held */
};

/* The object as it was read, or NULL where there is none. ERR_INVALID: not a Lease. */
int kube_lease_see(struct kube_lease *lease, json_t *object, int64_t now_ms, struct err *err);

enum kube_lease_step kube_lease_next(const struct kube_lease *lease, int64_t now_ms);

/* What is to be written: KUBE_LEASE_CREATE, _CLAIM or _RENEW. `name` and `namespace_name` are the object's;
 * `unix_us` is for people only. Owned by the caller. */
struct kube_lease_place {
	const char *name, *namespace_name;
};
json_t *kube_lease_object(const struct kube_lease *lease, enum kube_lease_step step,
			  const struct kube_lease_place *place, int64_t unix_us);

/* The same object, given up: the next to look may claim it at once. NULL where we do not hold it. */
json_t *kube_lease_release(const struct kube_lease *lease, const struct kube_lease_place *place,
			   int64_t unix_us);

/* What came of a write that began at `began_ms`. Anything but KUBE_DONE: it must be looked at again. */
void kube_lease_wrote(struct kube_lease *lease, const struct kube_answer *answer, int64_t began_ms);

bool kube_lease_is_held(const struct kube_lease *lease, int64_t now_ms);

#endif
