/* SPDX-License-Identifier: Apache-2.0 */
/* inbound: the ports of a container that others may reach: those that it declares, those that the kubelet
 * probes, and those of the annotation. */
#ifndef WEBHOOK_INBOUND_H
#define WEBHOOK_INBOUND_H

#include "lib/buf.h"
#include "lib/json.h"
#include "webhook/findings.h"

/* As many as the agent lets in (agent/net/nft_rules.h). */
enum { INBOUND_PORTS_MAX = 64 };

/* Writes "8080,9090,5353/udp", each once, in the order of the pod; nothing where there is none.
 * `annotation` may be NULL and is valid otherwise. Refuses SCTP and more than INBOUND_PORTS_MAX. */
void inbound_ports(const json_t *container, const char *annotation, struct buf *out,
		   struct findings *findings);

#endif
