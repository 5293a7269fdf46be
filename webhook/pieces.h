/* SPDX-License-Identifier: Apache-2.0 */
/* pieces: what a topology adds to a pod. Every field that the API server would default is written
 * out, so that our own output, once it has been through the API server, is recognised. */
#ifndef WEBHOOK_PIECES_H
#define WEBHOOK_PIECES_H

#include <stdbool.h>

#include "lib/json.h"
#include "webhook/choices.h"
#include "webhook/config.h"

struct pieces {
	json_t *init; /* our init containers, which come first, in this order */
	json_t *volumes; /* of the pod */
	json_t *mounts; /* of each container whose command we wrap */
	json_t *env; /* of each of those; NULL: none */
};

/* What they are rendered from. Borrows. */
struct pieces_from {
	const struct webhook_config *config;
	const struct choices *choices;
	bool is_guaranteed; /* the pod is of that class, and must stay so */
	uint32_t uid; /* of our init container, where it needs no privilege */
};

void pieces_combined(const struct pieces_from *from, struct pieces *out);
void pieces_sidecar(const struct pieces_from *from, struct pieces *out);
void pieces_paired(const struct pieces_from *from, struct pieces *out);
void pieces_done(struct pieces *pieces);

/* What all have in common: makes the volumes and the mounts. */
void pieces_add_shared(const struct pieces_from *from, bool tls_read_only, struct pieces *pieces);

/* Where the workload keeps the ServiceAccount's token, a container of ours gets something else in its place: the API
 * server's plugin leaves a container alone that has. */
void pieces_hide_token(const struct choices *choices, json_t *mounts);

/* The dnsConfig of topology proxy-pod; the caller drops it. */
json_t *pieces_paired_dns(void);

/* The ConfigMap whose policy applies. */
const char *pieces_policy(const struct choices *choices);

/* The capabilities of a wrapped container in topology combined; the caller drops it. */
json_t *pieces_capabilities(void);

/* Whether `container` is our init container number `i`. Its resources are left out of the comparison:
 * LimitRanges, autoscalers and defaults change them, and no part of the sandbox rests on them. */
bool pieces_is_init(const struct pieces *pieces, size_t i, json_t *container);

#endif
