/* SPDX-License-Identifier: Apache-2.0 */
/* cert_objects: what the webhook's certificate is in the cluster: a Secret, and `caBundle` in the webhook
 * configurations that lead to our Service. Pure: objects in, objects out. */
#ifndef WEBHOOK_CERT_OBJECTS_H
#define WEBHOOK_CERT_OBJECTS_H

#include "certs/rotation.h"
#include "lib/err.h"
#include "lib/json.h"

/* On the Secret, with any value: renew now. */
#define KEY_ROTATE "openshell.io/rotate"

struct cert_place {
	const char *service, *namespace_name; /* of the Service that is called */
	const char *secret;
	const char *owner_uid; /* the Service's: with it the Secret goes; NULL: nobody's */
};

/* What the Secret holds; what is missing there is empty. ERR_INVALID: not base64. `out` is emptied first. */
int cert_objects_read(const json_t *secret, struct rotation_set *out, struct err *err);

/* The Secret to be written. `version`: it replaces the one with this resourceVersion; NULL: there is none.
 * Owned by the caller, who wipes it. */
json_t *cert_objects_secret(const struct cert_place *place, const struct rotation_set *set,
			    const char *version);

/* The webhooks of a configuration that lead to our Service: an array, owned by the caller. */
json_t *cert_objects_ours(const json_t *configuration, const struct cert_place *place);

/* Whether each of them has exactly this bundle. */
bool cert_objects_publish(const json_t *ours, struct slice bundle);

/* Whether each of them trusts `cert` for `host`. */
bool cert_objects_trust(const json_t *ours, struct slice cert, const char *host, int64_t now_s);

/* For KUBE_APPLY: `ours` with this bundle and nothing else. Owned by the caller. */
json_t *cert_objects_configuration(const char *kind, const char *name, const json_t *ours,
				   struct slice bundle);

#endif
