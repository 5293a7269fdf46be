/* SPDX-License-Identifier: Apache-2.0 */
/* default_policy_cluster: the ConfigMaps of default_policy as they are in the cluster: read, and written. One request a
 * call; what to write is the loop's decision. */
#ifndef WEBHOOK_DEFAULT_POLICY_CLUSTER_H
#define WEBHOOK_DEFAULT_POLICY_CLUSTER_H

#include "webhook/default_policy.h"
#include "webhook/kube_client.h"

enum { DEFAULT_POLICY_UID_MAX = 64 };

/* The UID of MutatingWebhookConfiguration `name`. ERR_INVALID: it has none. */
int default_policy_read_owner(const struct kube_client *client, const char *name,
			      char out[DEFAULT_POLICY_UID_MAX], struct err *err);

/* Whether the namespace has one, whoever made it, and its UID where it can be read. */
int default_policy_look(const struct kube_client *client, const char *namespace_name,
			bool *out_is_there, char out_uid[DEFAULT_POLICY_UID_MAX], struct err *err);

/* The one with this UID becomes what it should be; NULL: there is none, and one is made. */
int default_policy_put(const struct kube_client *client, const struct default_policy *policy,
		       const char *namespace_name, const char *uid, struct err *err);

/* The one with this UID goes. It is no failure that it has gone. */
int default_policy_remove(const struct kube_client *client, const char *namespace_name,
			  const char *uid, struct err *err);

#endif
