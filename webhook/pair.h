/* SPDX-License-Identifier: Apache-2.0 */
/* pair: an agent pod of topology proxy-pod, as its companions are made from it. The pod's own choices count, read as
 * admission read them; what is written about it (openshell.io/status) does not. */
#ifndef WEBHOOK_PAIR_H
#define WEBHOOK_PAIR_H

#include "webhook/choices.h"
#include "webhook/config.h"
#include "webhook/pair_keys.h"

/* Borrows from pod and namespace; zeroed ones may be released. */
struct pair {
	const char *name, *uid, *namespace_name;
	const char *agent_image; /* its own, and so its proxy's: both are of one release */
	int64_t created_s; /* since 1970 */
	json_t *spec;
	struct choices choices;
	json_t *ports; /* of a NetworkPolicy: what others may reach in the agent pod; owned */
	struct pair_keys keys;
};

/* Whether it is an agent pod by its labels. */
bool pair_is_agent(const json_t *pod);

/* All but its keys, which take a secret. ERR_INVALID: not an agent pod as admission leaves it and the API server keeps
 * it, or its agent is none of ours. */
int pair_read_pod(const json_t *pod, const struct namespace_facts *ns,
		  const struct webhook_config *config, struct pair *out, struct err *err);

/* The same with its keys. */
int pair_read(const json_t *pod, const struct namespace_facts *ns,
	      const struct webhook_config *config, struct slice master, struct pair *out,
	      struct err *err);
void pair_done(struct pair *pair);

#endif
