/* SPDX-License-Identifier: Apache-2.0 */
/* topology: which one a pod gets. Pure: the pod's annotation, else its namespace's label, else the
 * default, within what the namespace allows. */
#ifndef WEBHOOK_TOPOLOGY_H
#define WEBHOOK_TOPOLOGY_H

#include <stdbool.h>

struct choices;
struct findings;
struct namespace_facts;

enum topology {
	TOPOLOGY_REFUSED = 0,
	TOPOLOGY_COMBINED,
	TOPOLOGY_SIDECAR,
	TOPOLOGY_PROXY_POD,
	TOPOLOGY_NONE, /* admitted untouched */
	TOPOLOGY_COUNT,
};

/* "" for TOPOLOGY_REFUSED. */
const char *topology_name(enum topology topology);

/* False where `text` names none; TOPOLOGY_REFUSED has no name. */
bool topology_parse(const char *text, enum topology *out);

/* Whether pods of the namespace may have it. */
bool topology_is_allowed(const struct namespace_facts *ns, enum topology topology);

/* Refuses invalid keys of the namespace too. Where the pod's own choice was invalid, that has been
 * said by choices_read(), and the answer is what it would get without it. */
enum topology topology_decide(const struct namespace_facts *ns, const struct choices *choices,
			      enum topology by_default, struct findings *findings);

#endif
