/* SPDX-License-Identifier: Apache-2.0 */
/* pair_objects: what is made for an agent pod, and the one patch that lets it go. Pure: the same pod gives the same
 * objects, so each can be made again at any time, and what is there can be compared. All belong to the agent pod
 * (ownerReferences) and go after it, the fence therefore never before it. */
#ifndef WEBHOOK_PAIR_OBJECTS_H
#define WEBHOOK_PAIR_OBJECTS_H

#include "webhook/config.h"
#include "webhook/pair.h"

/* In the order in which they are made: the fence first. */
enum pair_kind {
	PAIR_EGRESS = 0, /* of the agent: to its proxy; and into it, on the ports that it lets in */
	PAIR_INGRESS, /* of the proxy: from its agent; and out of it, anywhere */
	PAIR_SECRET,
	PAIR_SERVICE,
	PAIR_SUPERVISOR,
	PAIR_KINDS
};

/* "NetworkPolicy". */
const char *pair_objects_kind(enum pair_kind kind);

/* "os-eg-…". */
void pair_objects_name(enum pair_kind kind, const char *uid, struct buf *out);

/* Where objects of that kind are created: "/apis/apps/v1/namespaces/x/deployments". */
void pair_objects_folder(enum pair_kind kind, const char *namespace_name, struct buf *out);

struct pair_from {
	const struct pair *pair;
	const struct webhook_config *config;
	/* The Service's, an address without brackets: an agent pod that was let go knows it for good. NULL: not known. */
	const char *cluster_ip;
	const char *node; /* where the proxy runs; NULL: not known */
};

/* Owned by the caller, who wipes a PAIR_SECRET. */
json_t *pair_objects_make(const struct pair_from *from, enum pair_kind kind);

/* How much the agent pod wants to be beside its proxy: as it says, else as whoever runs the cluster does. */
enum affinity pair_objects_affinity(const struct pair *pair, const struct webhook_config *config);

/* For KUBE_PATCH_STRATEGIC of the agent pod: its id, its proxy's address and certificate, the node where it wants to be
 * beside its proxy, and its gate's removal. The API server refuses it for a pod of the same name with another UID. It
 * holds the pod's token: the caller wipes it. Needs the ClusterIP. */
json_t *pair_objects_patch(const struct pair_from *from);

/* The policy of a namespace that closes each agent pod from its creation on. */
json_t *pair_objects_closed(const char *namespace_name);

#endif
