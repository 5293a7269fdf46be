/* SPDX-License-Identifier: Apache-2.0 */
/* choices: what a pod says about its sandbox, by annotation, checked by one table. */
#ifndef WEBHOOK_CHOICES_H
#define WEBHOOK_CHOICES_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/json.h"
#include "webhook/findings.h"
#include "webhook/namespaces.h"

/* openshell.io/process-enforcement; what is not said depends on the topology. */
enum enforcement { ENFORCEMENT_UNSAID = 0, ENFORCEMENT_FULL, ENFORCEMENT_NETWORK_ONLY };

/* openshell.io/proxy-affinity. */
enum affinity { AFFINITY_DISABLED = 0, AFFINITY_PREFERRED, AFFINITY_REQUIRED };

/* Texts borrow from the pod or the namespace; NULL and 0 stand for "not said". */
struct choices {
	const char *topology;
	const char *policy; /* the pod's, else its namespace's */
	bool policy_locked; /* not the pod's to choose */
	const char *runtime_class;
	const char *first_key; /* some annotation of ours that the pod has */
	uint32_t run_as_user, run_as_group, proxy_uid;
	bool keep_token;
	enum enforcement enforcement;
	bool relaxed_identity;
	bool wants_affinity; /* some, also `disabled` */
	enum affinity affinity;
	const char *inbound; /* openshell.io/inbound-ports */
	json_t *command; /* openshell.io/command, parsed; owned */
};

/* Refuses unknown, invalid and locked keys. What is invalid counts as not said: the caller looks
 * at findings_denied() before it renders anything. choices_done() releases. */
void choices_read(const json_t *pod, const struct namespace_facts *ns, struct choices *out,
		  struct findings *findings);
void choices_done(struct choices *choices);

/* Decimal without sign or leading zero, in min..ID_MAX. */
bool choices_parse_id(const char *text, uint32_t min, uint32_t *out);

/* "disabled", "preferred", "required". */
bool choices_parse_affinity(const char *text, enum affinity *out);

/* A name that a Kubernetes object can have (RFC 1123 subdomain). */
bool choices_is_object_name(const char *text);

/* True where `list` has `word`, both sides trimmed of spaces; '\0' ends the list. */
bool choices_list_has(const char *list, char separator, const char *word);

/* Whether `key` is an annotation that users may write on a pod. */
bool choices_is_key(const char *key);

#endif
