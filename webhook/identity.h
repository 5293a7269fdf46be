/* SPDX-License-Identifier: Apache-2.0 */
/* identity: as whom the workload runs. Pure: annotation, container, pod, OpenShift's range, 1000. */
#ifndef WEBHOOK_IDENTITY_H
#define WEBHOOK_IDENTITY_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/buf.h"
#include "lib/json.h"
#include "webhook/choices.h"

struct identity {
	uint32_t uid, gid;
	/* The pod says so. Else it is what applies where the policy does not say either. */
	bool chosen;
};

/* Where else than in the pod it may be said; zeros: it is not. */
struct identity_hints {
	/* What our own earlier rendering says: by then the container's own fields are overwritten, so it stands in
	 * their place. */
	struct identity rendered;
	struct identity image; /* where nothing of the pod says it */
};

/* Refuses ids out of range, and the proxy's. */
struct identity identity_resolve(const struct choices *choices, const struct namespace_facts *ns,
				 const json_t *spec, const json_t *container,
				 const struct identity_hints *hints, struct findings *findings);

/* The pod's fsGroup and supplementalGroups as "2000,3000", each once; "" for none. */
void identity_groups(const json_t *spec, struct buf *out, struct findings *findings);

#endif
