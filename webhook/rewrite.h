/* SPDX-License-Identifier: Apache-2.0 */
/* rewrite: pod into sandboxed pod, as edits. Pure: no clock, no randomness, no network, no names;
 * so what is rendered twice is rendered alike, and a rewritten pod needs no further edit. */
#ifndef WEBHOOK_REWRITE_H
#define WEBHOOK_REWRITE_H

#include "lib/json.h"
#include "webhook/choices.h"
#include "webhook/config.h"
#include "webhook/edits.h"
#include "webhook/image_wants.h"
#include "webhook/kube_version.h"

struct rewrite {
	const struct webhook_config *config;
	const struct namespace_facts *ns;
	const struct choices *choices;
	json_t *pod; /* passed pod_check() */
	struct kube_version kubernetes;
	struct image_wants
		*images; /* what is known of them, and what is asked for; NULL: nobody asks */
	bool pins_images; /* what was looked up and has no digest gets one; else it stays */
};

/* Refusals go to `findings`; then `edits` is of no use. */
void rewrite_pod(const struct rewrite *in, enum topology topology, struct edits *edits,
		 struct findings *findings);

void rewrite_combined(const struct rewrite *in, struct edits *edits, struct findings *findings);
void rewrite_sidecar(const struct rewrite *in, struct edits *edits, struct findings *findings);
void rewrite_paired(const struct rewrite *in, struct edits *edits, struct findings *findings);

#endif
